"""The branches: levels brought to one grid, and each branch's multi-scale filling by partial convolutions."""

from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.medfe.model.layers import (
    level_widths,
    make_encoder_activation,
    make_norm,
    projection,
    resize_bilinear,
    strided_chain,
)
from repro.medfe.model.partial_convolution import PartialConvolution
from repro.medfe.params.model import ModelParams
from repro.medfe.params.model.rescaling import MaskToBranch, RescaleUp

TEXTURE_LEVELS = 3
"""Levels 1 to 3 are texture, the deeper ones structure; level 3 has the size of the branch grid. Source: Figure 2."""

CSA_THRESHOLD = 5 / 16
"""Source: CSA @f0b0712."""


def branch_channels(model: ModelParams) -> int:
    """Returns the channels of one branch."""
    return max(1, round(model.branch_width * model.base_width))


class TextureLevels(nn.Module):
    """Levels 1 to 3, brought down to the branch grid and concatenated."""

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
    """Levels 4 and deeper, brought up to the branch grid and concatenated."""

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
                    make_encoder_activation(model.activation),
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
        paths = zip(self.paths, levels, strict=True)
        return torch.cat([path(enlarge(self.activation(level), grid, self.rescale)) for path, level in paths], dim=1)


class FillingStreams(nn.Module):
    """Streams of partial convolutions, one kernel size each, side by side on the same features."""

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        self.streams = nn.ModuleList(FillingStream(model, kernel) for kernel in model.stream_kernels)

    def forward(self, features: Tensor, valid: Tensor) -> Tensor:
        """Returns (B, number of streams * branch channels, grid, grid)."""
        return torch.cat([stream(features, valid) for stream in self.streams], dim=1)


class FillingStream(nn.Module):
    """Partial convolutions of one kernel size, each with norm and activation. Source: models/PCconv.py @9adf889."""

    def __init__(self, model: ModelParams, kernel: int) -> None:
        super().__init__()
        channels, layers = branch_channels(model), range(model.stream_layers)
        self.convolutions = nn.ModuleList(
            PartialConvolution(
                channels,
                channels,
                kernel,
                padding=kernel // 2,
                bias=False,
                scaling=model.partial_scaling,
                update=model.mask_update,
            )
            for _ in layers
        )
        self.norms = nn.ModuleList(make_norm(model.norm, channels, affine=True) for _ in layers)
        self.activation = make_encoder_activation(model.activation)

    def forward(self, features: Tensor, valid: Tensor) -> Tensor:
        """Keeps the shape (B, C, grid, grid); valid: (B, 1, grid, grid), 1 where known."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features, valid = convolution(features, valid)
            features = self.activation(norm(features))
        return features


def enlarge(features: Tensor, size: torch.Size, rescale: RescaleUp) -> Tensor:
    """Enlarges (B, C, h, w) to (B, C, *size), but for `transposed`, whose convolution does it."""
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


def shrink_mask(hole: Tensor, grid: torch.Size, rescale: MaskToBranch) -> Tensor:
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


def _single_stride(source: int, target: int, stride: int, model: ModelParams) -> nn.Sequential:
    """Returns one 4x4 convolution and a 1x1. Source: RKlazinga/MEDFE @9b64dc3."""
    down = nn.Conv2d(source, target, 4, stride=stride, padding=0 if stride == 4 else 1, bias=False)
    return nn.Sequential(down, *projection(target, target, model))
