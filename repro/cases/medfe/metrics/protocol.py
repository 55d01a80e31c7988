"""Evaluation protocols: what is done to a filled image before it is measured.

Papers differ in each of the four choices and rarely name them. Images are on the scale of bytes throughout.
"""

from itertools import product
from typing import Final, NamedTuple, assert_never, get_args

import torch
from torch import Tensor

from repro.cases.medfe.params.evaluation import Colour, EvaluationParams, Output, Rounding, SsimWindow

LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image. Source: ITU-R BT.601.

Departs: EdgeConnect's script takes the weights of ITU-R BT.709 from scikit-image.
"""


class Protocol(NamedTuple):
    """One way to evaluate; the fields are those of `params.evaluation`."""

    output: Output
    rounding: Rounding
    ssim_window: SsimWindow
    colour: Colour


ALL: Final = tuple(Protocol(*c) for c in product(*map(get_args, (Output, Rounding, SsimWindow, Colour))))
"""Every protocol; they measure the same fills, so that their spread is the protocol's and nothing else's."""


def headline(params: EvaluationParams) -> Protocol:
    """Returns the protocol of the headline figures."""
    return Protocol(params.output, params.rounding, params.ssim_window, params.colour)


def to_byte_scale(image: Tensor) -> Tensor:
    """Returns an image on the scale of bytes, clipped but not rounded.

    Args:
        image: (B, 3, H, W) float; what lies outside [-1, 1] is clipped, as any image file would clip it.

    Returns:
        (B, 3, H, W) float64 in [0, 255].
    """
    return (image.double().clamp(-1, 1) + 1) * 127.5


def select_output(raw: Tensor, truth: Tensor, hole: Tensor, output: Output) -> Tensor:
    """Returns the raw output, or the composite: the true image with its holes filled from the raw output.

    Args:
        raw: (B, 3, H, W) float64 in [0, 255].
        truth: (B, 3, H, W) float64 in [0, 255].
        hole: (B, 1, H, W) bool, True in the hole.
        output: which of the two.
    """
    match output:
        case "composite":
            return torch.where(hole, raw, truth)
        case "raw":
            return raw
        case _:
            assert_never(output)


def round_bytes(image: Tensor, rounding: Rounding) -> Tensor:
    """Returns an image in [0, 255] with its values as a file of bytes would keep them; the type stays float."""
    match rounding:
        case "none":
            return image
        case "round":
            return image.round()
        case "truncate":
            return image.floor()
        case _:
            assert_never(rounding)


def select_colour(image: Tensor, colour: Colour) -> Tensor:
    """Returns (B, 3, H, W) as it is, or its grey image (B, 1, H, W)."""
    match colour:
        case "rgb":
            return image
        case "grey":
            weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device)
            return (image * weights[:, None, None]).sum(dim=1, keepdim=True)
        case _:
            assert_never(colour)
