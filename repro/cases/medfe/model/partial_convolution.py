"""The partial convolution (Liu et al. 2018): sees valid positions only, and passes on where it saw any."""

from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import convolve
from repro.cases.medfe.params.model.activations import PartialScaling
from repro.cases.medfe.params.model.topology import MaskUpdate

COUNTING_DEVIATION = 0.02
"""Of the counting kernels that the release reinitialises. Source: models/networks.py @9adf889, computed."""


class PartialConvolution(nn.Module):
    """A convolution over valid positions, divided by what it saw.

    Departs: the release counts with a second convolution over all channels, and so carries a mask for each. All of them
    are the same, and one is counted here; also by `counting_kernels`, which may be summed over the channels first. Only
    where such a count is zero although the window saw something, the release would go on without that channel.
    """

    counting: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int,
        bias: bool,
        scaling: PartialScaling,
        update: MaskUpdate,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.scaling, self.update = scaling, update
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        counted = scaling == "counting_kernels"
        counting = COUNTING_DEVIATION * torch.randn(out_channels, in_channels, kernel, kernel) if counted else None
        self.register_buffer("counting", counting)

    def forward(self, features: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Convolves where there is something to see.

        Args:
            features: (B, C, H, W).
            valid: (B, 1, H, W) of the same dtype, 1 where a position is valid and 0 where not; nothing if all
                positions are valid.

        Returns:
            The features (B, D, H', W'), zero where the window saw nothing, and the mask (B, 1, H', W') for the next
            layer, which is again nothing where every window is bound to see something.
        """
        everywhere = valid is None
        if valid is None:
            valid = features.new_ones(1, 1, *features.shape[-2:])
        else:
            features = features * valid
        total = convolve(features, self.weight, stride=self.stride, padding=self.padding)
        positions = self._count_positions(valid)
        divisor = self._divide_by(valid, positions)
        if everywhere and self.scaling != "counting_kernels":
            total = total * divisor.reciprocal()
            return (total if self.bias is None else total + self.bias.view(1, -1, 1, 1)), None
        result = total * torch.where(divisor != 0, divisor.reciprocal(), 0.0)
        seen = positions != 0
        if self.bias is not None:
            result = torch.where(seen, result + self.bias.view(1, -1, 1, 1), 0.0)
        match self.update:
            case "per_layer":
                return result, seen.to(valid.dtype)
            case "fixed":
                return result, valid if self.stride == 1 else -F.max_pool2d(-valid, self.stride)
            case _:
                assert_never(self.update)

    def _count_positions(self, valid: Tensor) -> Tensor:
        """Returns how many valid positions each window saw: (B, 1, H', W')."""
        return F.avg_pool2d(valid, self.kernel, self.stride, self.padding, divisor_override=1)

    def _divide_by(self, valid: Tensor, positions: Tensor) -> Tensor:
        """Returns what the result is divided by: (B, 1 or D, H', W'), zero where nothing was seen."""
        match self.scaling:
            case "one_over_sum":
                return positions * self.weight.shape[1]
            case "window_over_sum":
                return positions / self.kernel**2
            case "counting_kernels":
                assert self.counting is not None
                kernels = self.counting.sum(1, keepdim=True)
                return F.conv2d(valid, kernels, stride=self.stride, padding=self.padding)
            case _:
                assert_never(self.scaling)
