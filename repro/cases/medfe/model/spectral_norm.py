"""Spectral normalisation: a convolution whose weight is divided by its largest singular value (Miyato et al. 2018).

One power iteration precedes each pass in training. Departs: torch's parametrisation multiplies out u^T W v after each
iteration, and leaves the gradient to autograd. As v is W^T u brought to length 1, that number is the length of W^T u,
which the iteration has computed already, and its gradient is u v^T.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

FIRST_ITERATIONS = 15
"""Whenever the weights are new. Source: torch, `spectral_norm`."""


class SpectralConvolution(nn.Conv2d):
    """A convolution (D, C, k, k) that knows its largest singular value's vectors, as of a (D, C * k * k) matrix."""

    left: Tensor
    right: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int, padding: int) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=padding)
        count = self.weight[0].numel()
        self.register_buffer("left", F.normalize(torch.randn(out_channels), dim=0))
        self.register_buffer("right", F.normalize(torch.randn(count), dim=0))
        self.iterate(FIRST_ITERATIONS + 1)  # torch's takes one more when it is registered

    @torch.no_grad()
    def iterate(self, count: int) -> Tensor:
        """Takes so many steps of the power iteration, one at least; returns the largest singular value, ()."""
        matrix = self.weight.flatten(1)
        for _ in range(count):
            left = torch.mv(matrix, self.right)
            torch.div(left, torch.linalg.vector_norm(left), out=self.left)
            right = torch.mv(matrix.t(), self.left)
            largest = torch.linalg.vector_norm(right)
            torch.div(right, largest, out=self.right)
        return largest

    def normalised(self) -> Tensor:
        """Returns the weight over its largest singular value."""
        if self.training:
            # copies: the next pass, which may come before the gradients of this one, writes over both
            largest, left, right = self.iterate(1), self.left.clone(), self.right.clone()
        else:
            left, right = self.left, self.right
            largest = torch.dot(left, torch.mv(self.weight.detach().flatten(1), right))
        normalised: Tensor = _Divide.apply(self.weight, largest, left, right)
        return normalised

    def forward(self, features: Tensor) -> Tensor:
        """Convolves (B, C, H, W)."""
        return F.conv2d(features, self.normalised(), self.bias, self.stride, self.padding)


class _Divide(torch.autograd.Function):
    """W / s, where s = u^T W v depends on W with the gradient u v^T."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, largest: Tensor, left: Tensor, right: Tensor) -> Tensor:
        normalised = weight / largest
        ctx.save_for_backward(normalised, largest, left, right)
        return normalised

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Returns (G - <G, W / s> u v^T) / s."""
        normalised, largest, left, right = ctx.saved_tensors
        share = (gradient * normalised).sum()
        rest = gradient.flatten(1) - torch.outer(left * share, right)
        return rest.div_(largest).view_as(normalised), None, None, None
