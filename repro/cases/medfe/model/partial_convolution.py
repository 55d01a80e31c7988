"""The partial convolution (Liu et al. 2018): sees valid positions only, and passes on where it saw any."""

from typing import Any, NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import convolve
from repro.cases.medfe.params.model.activations import PartialScaling
from repro.cases.medfe.params.model.topology import MaskUpdate

COUNTING_DEVIATION = 0.02
"""Of the counting kernels that the release reinitialises. Source: models/networks.py @9adf889, computed."""


class Look(NamedTuple):
    """What the windows of a convolution see of a mask."""

    factor: Tensor
    """(B, 1 or D, H', W'): what results are multiplied by, zero where nothing was seen."""
    seen: Tensor
    """(B, 1, H', W') bool: whether a window saw any valid position."""
    passed: Tensor | None
    """(B, 1, H', W'): the mask for the next layer."""


Looks = dict[tuple[Any, ...], Look]
"""Looks by mask (the very tensor, not its values) and by what a convolution makes of it."""


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

    def forward(
        self, features: Tensor, valid: Tensor | None, looks: Looks | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Convolves where there is something to see.

        Args:
            features: (B, C, H, W).
            valid: (B, 1, H, W) of the same dtype, 1 where a position is valid and 0 where not; nothing if all
                positions are valid.
            looks: of other convolutions at the same mask, to be shared.

        Returns:
            The features (B, D, H', W'), zero where the window saw nothing, and the mask (B, 1, H', W') for the next
            layer, which is again nothing where every window is bound to see something.
        """
        look = self._look(features, valid, {} if looks is None else looks)
        if valid is not None:
            features = features * valid
        result = convolve(features, self.weight, stride=self.stride, padding=self.padding) * look.factor
        if self.bias is not None:
            result = torch.where(look.seen, result + self.bias.view(1, -1, 1, 1), 0.0)
        return result, look.passed

    @torch.no_grad()
    def _look(self, features: Tensor, valid: Tensor | None, looks: Looks) -> Look:
        """Returns what the windows see, from `looks` where another convolution has found it, or adds it there."""
        own = self.weight if self.scaling == "counting_kernels" else None
        channels, size = self.weight.shape[1], features.shape[-2:]
        key = (valid, own, size, channels, self.kernel, self.stride, self.padding, self.scaling, self.update)
        if key not in looks:
            here = features.new_ones(1, 1, *size) if valid is None else valid
            looks[key] = self._look_at(here, everywhere=valid is None)
        return looks[key]

    def _look_at(self, valid: Tensor, everywhere: bool) -> Look:
        positions = F.avg_pool2d(valid, self.kernel, self.stride, self.padding, divisor_override=1)
        divisor = self._divide_by(valid, positions)
        factor = divisor.reciprocal().masked_fill_(divisor == 0, 0.0)
        seen = positions != 0
        if everywhere and self.scaling != "counting_kernels":
            return Look(factor, seen, None)
        match self.update:
            case "per_layer":
                return Look(factor, seen, seen.to(valid.dtype))
            case "fixed":
                return Look(factor, seen, valid if self.stride == 1 else -F.max_pool2d(-valid, self.stride))
            case _:
                assert_never(self.update)

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
