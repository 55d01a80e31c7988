"""The convolutions of the networks: torch's layers, each computed in the way that is fastest where it runs.

Weights, names, initialisation and results are those of `nn.Conv2d` and `nn.ConvTranspose2d`; only the last bits differ
from way to way. On a GPU, under autocast and for whatever the other ways do not cover, the way is torch's own.
"""

from typing import Literal, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.frequency_convolution import TILE_PX, FrequencyConvolution
from repro.cases.medfe.model.matrix_convolution import convolve_by_matrix, transpose_by_matrix

Way = Literal["direct", "matrix", "frequency"]

MATRIX_POSITIONS = 256
"""Positions of a batch up to which reading the weights dominates. Measured on two CPU cores with AVX-512."""

MATRIX_WEIGHTS = 2**17
"""Numbers in a weight from which its rearrangement shows. Measured likewise."""

FREQUENCY_KERNEL = 3
FREQUENCY_CHANNELS = 128
FREQUENCY_ROWS = 128
"""Smallest kernel, channels, and rows of tiles of a batch, for which frequencies pay. Measured likewise."""


class Convolution(nn.Conv2d):
    """A 2-d convolution."""

    def forward(self, features: Tensor) -> Tensor:
        """Convolves (B, C, H, W)."""
        stride, dilation = self.stride[0], self.dilation[0]
        padding = self.padding[0] if isinstance(self.padding, tuple) else 0
        return convolve(features, self.weight, stride=stride, padding=padding, dilation=dilation, bias=self.bias)


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed 2-d convolution."""

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolves (B, C, h, w)."""
        few = features.shape[0] * features.shape[2] * features.shape[3] <= MATRIX_POSITIONS
        if output_size is not None or not few or _is_torchs(features, self.weight):
            return super().forward(features, output_size)
        assert isinstance(self.padding, tuple)
        result = transpose_by_matrix(features, self.weight, stride=self.stride[0], padding=self.padding[0])
        return result if self.bias is None else result + self.bias.view(1, -1, 1, 1)


def convolve(
    features: Tensor, weight: Tensor, *, stride: int, padding: int, dilation: int = 1, bias: Tensor | None = None
) -> Tensor:
    """Returns the convolution (B, D, H', W') of (B, C, H, W) with square kernels (D, C, k, k)."""
    way = choose_way(features, weight, stride=stride, padding=padding, dilation=dilation)
    match way:
        case "direct":
            return F.conv2d(features, weight, bias, stride=stride, padding=padding, dilation=dilation)
        case "matrix":
            result = convolve_by_matrix(features, weight, stride=stride, padding=padding, dilation=dilation)
        case "frequency":
            result = FrequencyConvolution.apply(features, weight)
        case _:
            assert_never(way)
    return result if bias is None else result + bias.view(1, -1, 1, 1)


def choose_way(features: Tensor, weight: Tensor, *, stride: int, padding: int, dilation: int) -> Way:
    """Returns how to compute a convolution; looks at shapes and devices, never at values."""
    count, channels, height, width = features.shape
    kernel = weight.shape[-1]
    if _is_torchs(features, weight):
        return "direct"
    few = count * (height // stride) * (width // stride) <= MATRIX_POSITIONS
    if (few and kernel > 1) or (count == kernel == 1):
        return "matrix"
    same = stride == dilation == 1 and padding == kernel // 2 and kernel % 2 == 1
    wide = kernel >= FREQUENCY_KERNEL and min(channels, len(weight)) >= FREQUENCY_CHANNELS
    if same and wide and count * height * -(-width // TILE_PX) >= FREQUENCY_ROWS:
        return "frequency"
    return "direct"


def channels_last_on_cpu(images: Tensor) -> Tensor:
    """Returns images (B, C, H, W) with their channels last in memory on a CPU, elsewhere as they are.

    Convolutions of few channels and maximum pooling are up to four times as fast so; convolutions pass the layout on.
    Batch normalisation is slower so, and the generator therefore keeps the layout of `runtime.channels_last`.
    """
    return images.contiguous(memory_format=torch.channels_last) if images.device.type == "cpu" else images


def _is_torchs(features: Tensor, weight: Tensor) -> bool:
    """Tells where torch's own way is the only one that is measured to be good, or that there is."""
    device = features.device.type
    return device != "cpu" or weight.numel() < MATRIX_WEIGHTS or torch.is_autocast_enabled(device)
