"""Normalisation, activation and padding: the small parts that every box of the network is made of."""

from itertools import pairwise
from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import Convolution
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.activations import Activation, Norm, OutputActivation

LEAKY_SLOPE = 0.2
"""Source: models/Encoder.py @d7d5aaa."""


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation; the identity on a map of one position, which has no deviation to divide by.

    Departs: computed as group normalisation with one channel in each group, which is the same mean and deviation;
    torch's instance normalisation goes through its batch normalisation and takes several times as long on a CPU.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Normalises (B, C, H, W) over H and W."""
        if features.shape[-2:] == (1, 1):
            if not self.affine:
                return features
            # several processes wait for a gradient of every weight, of nothing if need be
            return features + 0 * (self.weight + self.bias).view(1, -1, 1, 1)
        return F.group_norm(features, self.num_features, self.weight, self.bias, self.eps)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation; the identity where a training batch has one value per channel."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalises (B, C, H, W) over B, H and W."""
        alone = self.training and features.numel() == features.shape[1]
        return features if alone else super().forward(features)


def make_norm(kind: Norm, channels: int, *, affine: bool) -> nn.Module:
    """Returns the normalisation of (B, channels, H, W)."""
    match kind:
        case "instance":
            return InstanceNorm(channels, affine=affine)
        case "batch":
            return BatchNorm(channels, affine=affine)
        case "group":
            groups = next(count for count in (32, 16, 8, 4, 2, 1) if channels % count == 0 and channels // count > 1)
            return nn.GroupNorm(groups, channels, affine=affine)
        case "none":
            return nn.Identity()
        case _:
            assert_never(kind)


def make_encoder_activation(kind: Activation, *, inplace: bool = False) -> nn.Module:
    """Returns the activation of encoder and branches; `inplace` where nothing else reads its input."""
    match kind:
        case "leaky_relu_relu":
            return nn.LeakyReLU(LEAKY_SLOPE, inplace=inplace)
        case "relu":
            return nn.ReLU(inplace=inplace)
        case "silu":
            return nn.SiLU()
        case _:
            assert_never(kind)


def make_decoder_activation(kind: Activation) -> nn.Module:
    """Returns the activation of decoder and residual blocks."""
    match kind:
        case "leaky_relu_relu" | "relu":
            return nn.ReLU()
        case "silu":
            return nn.SiLU()
        case _:
            assert_never(kind)


def activate_output(features: Tensor, kind: OutputActivation) -> Tensor:
    """Returns an image in [-1, 1] (unbounded above for `relu_unit`, everywhere for `linear`)."""
    match kind:
        case "tanh":
            return features.tanh()
        case "relu_unit":
            return 2 * features.relu() - 1
        case "scaled_tanh":
            return 2 * ((features.tanh() + 1) / 2) - 1
        case "linear":
            return features
        case _:
            assert_never(kind)


def pad_same(features: Tensor, kernel: int, dilation: int) -> Tensor:
    """Pads (B, C, H, W) by reflection so that a stride-1 convolution keeps its size.

    Departs: where a map is smaller than 3x3, or than the padding, its edge is repeated instead.
    """
    total = dilation * (kernel - 1)
    before, after = total // 2, total - total // 2
    side = min(features.shape[-2:])
    if side < 3 or after >= side:
        return F.pad(features, (before, after, before, after), mode="replicate")
    # by index: torch's own reflection adds up its gradients in any order on a GPU, whatever is asked of it
    for axis in (-2, -1):
        last = features.shape[axis] - 1
        places = torch.arange(-before, last + after + 1, device=features.device).abs()
        features = features.index_select(axis, last - (last - places).abs())
    return features


def strided_chain(widths: list[int], model: ModelParams, *, last_activation: bool) -> nn.Sequential:
    """Returns 4x4 stride-2 convolutions through `widths`, each with its norm, and activations between them."""
    layers: list[nn.Module] = []
    for index, (narrow, wide) in enumerate(pairwise(widths)):
        layers += [
            Convolution(narrow, wide, 4, stride=2, padding=1, bias=False),
            make_norm(model.norm, wide, affine=False),
        ]
        if last_activation or index < len(widths) - 2:
            layers.append(make_encoder_activation(model.activation, inplace=True))
    return nn.Sequential(*layers)


def projection(in_channels: int, out_channels: int, model: ModelParams) -> nn.Sequential:
    """Returns a 1x1 convolution without bias, its norm and its activation."""
    return nn.Sequential(
        Convolution(in_channels, out_channels, 1, bias=False),
        make_norm(model.norm, out_channels, affine=False),
        make_encoder_activation(model.activation, inplace=True),
    )


def level_widths(model: ModelParams) -> list[int]:
    """Returns the channels of each level of the encoder, outermost first."""
    match model.channel_growth:
        case "capped":
            return [model.base_width * min(2**level, 8) for level in range(model.depth)]
        case "doubling":
            return [model.base_width * 2**level for level in range(model.depth)]
        case _:
            assert_never(model.channel_growth)


def resize_bilinear(features: Tensor, size: torch.Size | tuple[int, int], *, aligned: bool = False) -> Tensor:
    """Resizes (B, C, H, W) to (B, C, *size) bilinearly, without antialiasing."""
    return F.interpolate(features, size=tuple(size), mode="bilinear", align_corners=aligned)
