"""From encoder to branches: its levels and the mask are resampled to the branch grid, an eighth of the image's size."""

from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.layers import (
    level_widths,
    make_encoder_activation,
    make_norm,
    projection,
    resize_bilinear,
    strided_chain,
)
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.rescaling import MaskToBranch, RescaleUp

TEXTURE_LEVELS = 3
"""Levels 1 to 3 are texture, the deeper ones structure; level 3 has the size of the branch grid. Source: Figure 2."""

CSA_THRESHOLD = 5 / 16
"""Source: CSA @f0b0712."""


def branch_channels(model: ModelParams) -> int:
    """Returns the channels of one branch."""
    return max(1, round(model.branch_width * model.base_width))


class TextureLevels(nn.Module):
    """Levels 1 to 3, downsampled to the branch grid and concatenated."""

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        widths, channels = level_widths(model), branch_channels(model)
        self.activation = make_encoder_activation(model.activation)
        first: nn.Module
        match model.rescale_down:
            case "strided_chain":
                first = strided_chain([widths[0], widths[1], channels], model, last_activation=True)
                second: nn.Module = strided_chain([widths[1], channels], model, last_activation=True)
            case "single_stride":
                first = _single_stride(widths[0], channels, 4, model)
                second = _single_stride(widths[1], channels, 2, model)
            case _:
                assert_never(model.rescale_down)
        self.paths = nn.ModuleList([first, second, projection(widths[2], channels, model)])

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Returns (B, 3 * branch channels, grid, grid)."""
        paths = zip(self.paths, levels[:TEXTURE_LEVELS], strict=True)
        return torch.cat([path(self.activation(level)) for path, level in paths], dim=1)


class StructureLevels(nn.Module):
    """Levels 4 and deeper, upsampled to the branch grid and concatenated.

    Departs: the 1x1 convolution comes before the resizing, with which it commutes (see `Upsample` in skips.py).
    """

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        widths, channels = level_widths(model)[TEXTURE_LEVELS:], branch_channels(model)
        self.activation = make_encoder_activation(model.activation)
        self.rescale = model.rescale_up
        if self.rescale == "transposed":
            self.paths = nn.ModuleList(
                nn.Sequential(
                    nn.ConvTranspose2d(width, channels, 2 ** (index + 1), stride=2 ** (index + 1), bias=False),
                    make_norm(model.norm, channels, affine=False),
                    make_encoder_activation(model.activation, inplace=True),
                )
                for index, width in enumerate(widths)
            )
        else:
            shared: dict[int, nn.Module] = {}
            sharing = model.projection_weights == "shared"
            self.paths = nn.ModuleList(
                shared.setdefault(width if sharing else index, projection(width, channels, model))
                for index, width in enumerate(widths)
            )

    def forward(self, levels: list[Tensor], grid: torch.Size) -> Tensor:
        """Returns (B, number of levels * branch channels, *grid)."""
        upsampled = []
        for path, level in zip(self.paths, levels, strict=True):
            convolution, norm, activation = path.children()
            features = upsample(convolution(self.activation(level)), grid, self.rescale)
            upsampled.append(activation(norm(features)))
        return torch.cat(upsampled, dim=1)


def upsample(features: Tensor, size: torch.Size, rescale: RescaleUp) -> Tensor:
    """Upsamples (B, C, h, w) to (B, C, *size), but for `transposed`, whose convolution does it."""
    match rescale:
        case "bilinear":
            return resize_bilinear(features, size)
        case "bilinear_aligned":
            return resize_bilinear(features, size, aligned=True)
        case "nearest":
            return F.interpolate(features, size=tuple(size), mode="nearest")
        case "transposed":
            return features
        case _:
            assert_never(rescale)


def downsample_mask(hole: Tensor, grid: torch.Size, rescale: MaskToBranch) -> Tensor:
    """Returns the hole mask on the branch grid.

    Args:
        hole: (B, 1, H, W) float, 1 in the hole.
        grid: H / 8, W / 8.
        rescale: see the ledger.

    Returns:
        (B, 1, *grid) float of zeros and ones.
    """
    match rescale:
        case "nearest":
            return F.interpolate(hole, size=tuple(grid), mode="nearest")
        case "mean_5_16":
            for _ in range(TEXTURE_LEVELS):
                hole = F.avg_pool2d(hole, 4, stride=2, padding=1)
            return (hole > CSA_THRESHOLD).to(hole.dtype)
        case "max_pool":
            return F.max_pool2d(hole, 2**TEXTURE_LEVELS)
        case "empty":
            return hole.new_zeros(hole.shape[0], 1, *grid)
        case _:
            assert_never(rescale)


def _single_stride(in_channels: int, out_channels: int, stride: int, model: ModelParams) -> nn.Sequential:
    """Returns one 4x4 convolution and a 1x1. Source: RKlazinga/MEDFE @9b64dc3."""
    down = nn.Conv2d(in_channels, out_channels, 4, stride=stride, padding=0 if stride == 4 else 1, bias=False)
    return nn.Sequential(down, *projection(out_channels, out_channels, model))
