"""The encoder: levels of stride-2 convolutions, then residual blocks on the innermost."""

from typing import NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import Convolution
from repro.cases.medfe.model.layers import (
    level_widths,
    make_decoder_activation,
    make_encoder_activation,
    make_norm,
    pad_same,
)
from repro.cases.medfe.model.partial_convolution import PartialConvolution
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.topology import HoleInput


class Encoded(NamedTuple):
    """What the branches and the skips read, outermost level first."""

    levels: list[Tensor]
    """Each level's features; the innermost before the residual blocks."""
    innermost: Tensor
    """The innermost level after the residual blocks."""


class Encoder(nn.Module):
    """Six levels (as a rule) of halving size, and the residual blocks.

    Source: Figure 2; kernels, widths and norms from models/Encoder.py @d7d5aaa as the details say.
    """

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        widths = level_widths(model)
        self.levels = nn.ModuleList(
            EncoderLevel(model, level, in_channels, out_channels)
            for level, (in_channels, out_channels) in enumerate(
                zip([count_inputs(model.hole_input), *widths[:-1]], widths, strict=True)
            )
        )
        self.residual = ResidualBlocks(model, widths[-1])
        self.between = make_encoder_activation(model.activation)
        self.hole_input = model.hole_input
        self.activates_between = model.block_order == "activation_first"
        self.taps_activated = model.skip_tap == "activated"

    def forward(self, filled: Tensor, hole: Tensor) -> Encoded:
        """Encodes an image whose hole is filled: (B, 3, H, W) in [-1, 1] and (B, 1, H, W), 1 in the hole."""
        features, valid = stack_inputs(filled, hole, self.hole_input), 1 - hole
        levels = []
        for index, level in enumerate(self.levels):
            features, valid = level(features, valid)
            innermost = index == len(self.levels) - 1
            activated = self.between(features) if self.activates_between and not innermost else features
            levels.append(activated if self.taps_activated else features)
            features = activated
        return Encoded(levels, self.residual(features))


class EncoderLevel(nn.Module):
    """One stride-2 convolution with its norm; its activation stands before or after it."""

    def __init__(self, model: ModelParams, level: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        kernel = model.encoder_kernels[min(level, len(model.encoder_kernels) - 1)]
        padding = (kernel - 1) // 2
        self.convolution: nn.Conv2d | PartialConvolution
        match model.encoder_convolution:
            case "plain":
                self.convolution = Convolution(in_channels, out_channels, kernel, stride=2, padding=padding)
            case "partial":
                self.convolution = PartialConvolution(
                    in_channels,
                    out_channels,
                    kernel,
                    stride=2,
                    padding=padding,
                    bias=True,
                    scaling=model.partial_scaling,
                    update=model.mask_update,
                )
            case _:
                assert_never(model.encoder_convolution)
        outer = level in (0, model.depth - 1)
        bare = outer and model.norm_levels == "inner"
        self.norm = make_norm("none" if bare else model.norm, out_channels, affine=True)
        last = model.block_order == "activation_last"
        self.activation = make_encoder_activation(model.activation) if last else nn.Identity()

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Halves (B, C, H, W), and the mask with it where the convolution is partial."""
        if isinstance(self.convolution, PartialConvolution):
            features, valid = self.convolution(features, valid)
        else:
            features = self.convolution(features)
        return self.norm(self.activation(features)), valid


class ResidualBlocks(nn.Module):
    """The residual blocks on the innermost level, one after the other or side by side."""

    def __init__(self, model: ModelParams, channels: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(model, channels) for _ in range(model.residual_blocks))
        parallel = model.residual_order == "parallel" and model.residual_blocks > 0
        self.merge = nn.Conv2d(channels * model.residual_blocks, channels, 1) if parallel else None

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        if self.merge is not None:
            return self.merge(torch.cat([block(features) for block in self.blocks], dim=1))
        for block in self.blocks:
            features = block(features)
        return features


class ResidualBlock(nn.Module):
    """Two dilated convolutions without bias, added to their input. Source: models/Encoder.py @d7d5aaa."""

    def __init__(self, model: ModelParams, channels: int) -> None:
        super().__init__()
        self.kernel, self.dilations = model.residual_kernel, model.residual_dilations
        self.convolutions = nn.ModuleList(
            Convolution(channels, channels, self.kernel, dilation=dilation, bias=False) for dilation in self.dilations
        )
        self.norms = nn.ModuleList(make_norm(model.norm, channels, affine=False) for _ in self.dilations)
        self.activation = make_decoder_activation(model.activation)

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        return features + self._convolve(self.activation(self._convolve(features, 0)), 1)

    def _convolve(self, features: Tensor, index: int) -> Tensor:
        convolution = self.convolutions[index]
        if features.shape[-2:] == (1, 1):  # padded, it would hold the same value everywhere
            weight = convolution.get_parameter("weight").flatten(2).sum(2)
            return self.norms[index]((features.flatten(1) @ weight.T)[..., None, None])
        padded = pad_same(features, self.kernel, self.dilations[index])
        return self.norms[index](convolution(padded))


def count_inputs(hole_input: HoleInput) -> int:
    """Returns the channels that `stack_inputs` gives."""
    return stack_inputs(torch.empty(1, 3, 1, 1), torch.empty(1, 1, 1, 1), hole_input).shape[1]


def stack_inputs(filled: Tensor, hole: Tensor, hole_input: HoleInput) -> Tensor:
    """Returns the encoder's input: the filled image (B, 3, H, W), and what tells it where the hole is."""
    match hole_input:
        case "rgb_mask3":
            return torch.cat([filled, (1 - hole).expand(-1, 3, -1, -1)], dim=1)
        case "rgb_mask":
            return torch.cat([filled, hole], dim=1)
        case "rgb_ones_mask":
            return torch.cat([filled, torch.ones_like(hole), hole], dim=1)
        case "rgb":
            return filled
        case _:
            assert_never(hole_input)


def downsample_hole(hole: Tensor, size: torch.Size) -> Tensor:
    """Returns the hole (B, 1, H, W) at a level's size; a position that covers any of the hole is in it."""
    return F.max_pool2d(hole, hole.shape[-1] // size[-1])
