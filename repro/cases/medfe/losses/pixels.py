"""The pixel term, and the supervision of the branches at their own size."""

from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.cases.medfe.params.loss.pixels import PixelForm
from repro.cases.medfe.params.model.rescaling import TargetResize

WEIGHTS: dict[PixelForm, tuple[float, float]] = {
    "valid_1_hole_6": (1, 6),
    "valid_10_hole_60": (10, 60),
    "valid_1_hole_5": (1, 5),
}
"""Weights of known pixels and of the hole. Source: the options of `loss.pixel_form` in the ledger."""


def pixel_loss(output: Tensor, target: Tensor, hole: Tensor, form: PixelForm) -> Tensor:
    """Returns the L1 between images (B, 3, H, W) in [-1, 1], given the hole (B, 1, H, W) bool."""
    match form:
        case "whole":
            return F.l1_loss(output, target)
        case "hole_area":
            share = hole.to(output.dtype).mean(dim=(1, 2, 3)).clamp(min=1 / hole[0].numel())
            distance = torch.where(hole, output - target, torch.zeros_like(output)).abs()
            return (distance.mean(dim=(1, 2, 3)) / share).mean()
        case "valid_1_hole_6" | "valid_10_hole_60" | "valid_1_hole_5":
            known, missing = WEIGHTS[form]
            weights = known + (missing - known) * hole.to(output.dtype)
            return (weights * (output - target).abs()).mean()
        case _:
            assert_never(form)


def supervision_loss(branch: Tensor, target: Tensor, resize: TargetResize) -> Tensor:
    """Returns the L1 between a branch's image (B, 3, h, w) and its target (B, 3, H, W), brought to its size."""
    return F.l1_loss(branch, resize_target(target, branch.shape[-2:], resize))


def resize_target(target: Tensor, size: torch.Size, resize: TargetResize) -> Tensor:
    """Returns the target (B, 3, H, W) at the branch grid."""
    match resize:
        case "bilinear":
            return F.interpolate(target, size=tuple(size), mode="bilinear", align_corners=False)
        case "bilinear_antialias":
            return F.interpolate(target, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)
        case "nearest":
            return F.interpolate(target, size=tuple(size), mode="nearest")
        case _:
            assert_never(resize)
