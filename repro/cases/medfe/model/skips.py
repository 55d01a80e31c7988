"""The skip connections: equalised features are resampled to each level's size and added to its skip."""

from typing import assert_never

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.branches import TEXTURE_LEVELS
from repro.cases.medfe.model.convolution import Convolution
from repro.cases.medfe.model.encoder import downsample_hole
from repro.cases.medfe.model.layers import level_widths, make_norm, projection, resize_bilinear, strided_chain
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.rescaling import RescaleBackDown, RescaleBackUp


class SkipAdditions(nn.Module):
    """Adds the equalised features to every level. Source: Figure 2; models/PCconv.py @9adf889."""

    def __init__(self, model: ModelParams, channels: int) -> None:
        super().__init__()
        widths = level_widths(model)
        self.paths = nn.ModuleList(_path_back(model, level, channels, width) for level, width in enumerate(widths))
        self.addition = model.skip_addition
        self.norms = nn.ModuleList(
            make_norm("batch", width, affine=True) if model.skip_addition == "hole_only" else nn.Identity()
            for width in widths
        )

    def forward(self, skips: list[Tensor], equalised: Tensor, hole: Tensor) -> list[Tensor]:
        """Returns the skips, each of its own shape; hole: (B, 1, H, W), 1 in the hole."""
        added = []
        for skip, path, norm in zip(skips, self.paths, self.norms, strict=True):
            features = path(equalised, skip.shape[-2:])
            match self.addition:
                case "everywhere":
                    added.append(skip + features)
                case "hole_only":
                    added.append(norm(skip + features * downsample_hole(hole, skip.shape[-2:])))
                case _:
                    assert_never(self.addition)
        return added


class Upsample(nn.Module):
    """From the branch grid to a level of its size or larger, with the channels of that level.

    Departs: a 1x1 convolution without bias mixes channels and resizing mixes positions, so they commute; the
    convolution comes first here, on up to 16 times fewer positions and with fewer channels left to resize.
    """

    def __init__(self, model: ModelParams, factor: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.rescale: RescaleBackUp = model.rescale_back_up
        self.project = projection(in_channels, out_channels, model)
        if self.rescale == "transposed":
            self.project[0] = nn.ConvTranspose2d(in_channels, out_channels, factor, stride=factor, bias=False)

    def forward(self, equalised: Tensor, size: torch.Size) -> Tensor:
        """Returns (B, out_channels, *size)."""
        match self.rescale:
            case "bilinear":
                convolution, norm, activation = self.project
                return activation(norm(resize_bilinear(convolution(equalised), size)))
            case "transposed":
                return self.project(equalised)
            case _:
                assert_never(self.rescale)


class Downsample(nn.Module):
    """From the branch grid to a deeper level, by strided convolutions. Source: models/PCconv.py @9adf889."""

    def __init__(self, model: ModelParams, halvings: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        rescale: RescaleBackDown = model.rescale_back_down
        match rescale:
            case "strided_chain":
                self.path = strided_chain([in_channels, *[out_channels] * halvings], model, last_activation=False)
            case "single_stride":
                stride = 2**halvings
                self.path = nn.Sequential(
                    Convolution(in_channels, out_channels, stride, stride=stride, bias=False),
                    make_norm(model.norm, out_channels, affine=False),
                )
            case _:
                assert_never(rescale)

    def forward(self, equalised: Tensor, _size: torch.Size) -> Tensor:
        """Returns (B, out_channels, H / 2 ** halvings, W / 2 ** halvings)."""
        return self.path(equalised)


def _path_back(model: ModelParams, level: int, in_channels: int, out_channels: int) -> nn.Module:
    if level < TEXTURE_LEVELS:
        return Upsample(model, 2 ** (TEXTURE_LEVELS - 1 - level), in_channels, out_channels)
    return Downsample(model, level - TEXTURE_LEVELS + 1, in_channels, out_channels)
