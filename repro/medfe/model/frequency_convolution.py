"""Convolution with wide kernels, a row of pixels at a time in the frequency domain.

Rows are cut into tiles of `TILE_PX` outputs. On each tile a row of the kernel acts by a cyclic convolution, which a
real discrete Fourier transform turns into products of complex numbers, three real ones each (Gauss). The products of
all channels are matrix products, so that the work stays where a CPU is fastest, and there is less of it: for 7x7
kernels 20 products for 8 outputs instead of 56. Rows of the kernel are summed as in a direct convolution. Rounding is
like that of a direct convolution, since the Fourier basis is orthogonal.

Nothing here knows when this pays; convolution.py decides.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE_PX = 8
"""Outputs of a tile. Measured: 4 and 16 are slower on two CPU cores at 256 channels and 32x32 positions."""


class Basis(NamedTuple):
    """The bilinear form y = products @ ((kernel @ w) * (tile @ x)) of one row; R products of real numbers."""

    kernel: Tensor
    """(R, kernel)."""
    tile: Tensor
    """(R, TILE_PX + kernel - 1)."""
    products: Tensor
    """(R, TILE_PX)."""


@lru_cache(maxsize=16)
def make_basis(kernel: int, dtype: torch.dtype) -> Basis:
    """Returns the form for y[j] = sum of w[i] x[i + j] with a kernel of so many taps."""
    length = TILE_PX + kernel - 1
    place = torch.arange(length, dtype=torch.float64)
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for frequency in range(length // 2 + 1):
        angle = 2 * math.pi * frequency / length * place
        cosine, sine = angle.cos(), angle.sin()
        taps, outputs = slice(kernel), slice(TILE_PX)
        if frequency == 0 or 2 * frequency == length:
            rows.append((cosine[taps], cosine, cosine[outputs] / length))
            continue
        # (a + ib)(c + id) by a (c + d), c (b - a), d (a + b); the spectrum of x has the imaginary part -sine
        real, imaginary = 2 * cosine[outputs] / length, -2 * sine[outputs] / length
        rows.append((cosine[taps], cosine - sine, real + imaginary))
        rows.append((sine[taps] - cosine[taps], cosine, imaginary))
        rows.append((cosine[taps] + sine[taps], -sine, -real))
    return Basis(*(torch.stack(column).to(dtype) for column in zip(*rows, strict=True)))


class FrequencyConvolution(torch.autograd.Function):
    """The convolution of (B, C, H, W) with (D, C, k, k), stride 1, zero padding k // 2, k odd; on a CPU."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        """Returns (B, D, H, W)."""
        kernel, basis = weight.shape[-1], make_basis(weight.shape[-1], weight.dtype)
        spectrum = _analyse(_pad_rows(features, kernel), basis)
        ctx.save_for_backward(spectrum if ctx.needs_input_grad[1] else None, weight)
        result = _no_products(features, len(weight), basis)
        room = _make_room(weight, basis)
        for row in range(kernel):
            result.baddbmm_(_transform_row(weight, row, basis, room), _from_row(spectrum, row, features))
        return _synthesise(result, features, basis)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Returns the gradients of features and weight: the transposes of the same three linear maps.

        Of the spectra, those of the kernels are computed again rather than kept: they are larger than all features
        together.
        """
        spectrum, weight = ctx.saved_tensors
        of_features, of_weight = ctx.needs_input_grad
        kernel, basis = weight.shape[-1], make_basis(weight.shape[-1], weight.dtype)
        above = _spread(_pad_rows(gradient, kernel), basis)
        below = _no_products(gradient, weight.shape[1], basis)
        room = _make_room(weight, basis)
        slopes = weight.new_empty(weight[..., 0, 0].numel(), kernel, kernel)
        for row in range(kernel):
            if of_features:
                kernels = _transform_row(weight, row, basis, room).transpose(1, 2)
                below.baddbmm_(kernels, _from_row(above, kernel - 1 - row, gradient))
            if of_weight:
                seen = _from_row(spectrum, row, gradient)
                products = torch.bmm(_from_row(above, kernel // 2, gradient), seen.transpose(1, 2), out=room)
                slopes[:, row] = (basis.kernel.t() @ products.flatten(1)).t()
        of_taps = slopes.view_as(weight) if of_weight else None
        return _overlap(below, gradient, basis) if of_features else None, of_taps


def _tiles(features: Tensor) -> int:
    return -(-features.shape[-1] // TILE_PX)


def _pad_rows(features: Tensor, kernel: int) -> Tensor:
    return F.pad(features, (0, 0, kernel // 2, kernel // 2))


def _no_products(like: Tensor, channels: int, basis: Basis) -> Tensor:
    count, _, height, _ = like.shape
    return like.new_zeros(len(basis.kernel), channels, height * count * _tiles(like))


def _from_row(spectrum: Tensor, row: int, like: Tensor) -> Tensor:
    """Returns H rows of (R, C, padded rows * B * tiles), from `row` on: (R, C, H * B * tiles)."""
    across = like.shape[0] * _tiles(like)
    return spectrum[:, :, row * across : (row + like.shape[-2]) * across]


def _make_room(weight: Tensor, basis: Basis) -> Tensor:
    """Returns (R, D, C) without content, for one row of the kernels after the other: fresh memory takes its time."""
    return weight.new_empty(len(basis.kernel), *weight.shape[:2])


def _transform_row(weight: Tensor, row: int, basis: Basis, out: Tensor) -> Tensor:
    """Returns `out`, filled with one row of the kernels (D, C, k, k) as (R, D, C)."""
    # laid out for the product first: a product that reads it transposed takes twice as long
    taps = weight[:, :, row].permute(2, 0, 1).reshape(weight.shape[-1], -1)
    torch.mm(basis.kernel, taps, out=out.view(len(basis.kernel), -1))
    return out


def _analyse(padded: Tensor, basis: Basis) -> Tensor:
    """Returns the spectra of the tiles of (B, C, rows, W): (R, C, rows * B * tiles), rows being slowest."""
    length = basis.tile.shape[1]
    before, width = (length - TILE_PX) // 2, padded.shape[-1]
    rows = F.pad(padded, (before, _tiles(padded) * TILE_PX - width + before)).unfold(3, length, TILE_PX)
    tiles = rows.permute(4, 1, 2, 0, 3).reshape(length, -1)
    return (basis.tile @ tiles).view(len(basis.tile), padded.shape[1], -1)


def _synthesise(products: Tensor, like: Tensor, basis: Basis) -> Tensor:
    """Returns the outputs (B, D, H, W) of products (R, D, H * B * tiles)."""
    count, _, height, width = like.shape
    outputs = (products.flatten(1).t() @ basis.products).view(products.shape[1], height, count, -1)
    return outputs[..., :width].permute(2, 0, 1, 3).contiguous()


def _spread(padded: Tensor, basis: Basis) -> Tensor:
    """The transpose of `_synthesise`, on more rows: (R, D, rows * B * tiles) for gradients (B, D, rows, W)."""
    rows = F.pad(padded, (0, _tiles(padded) * TILE_PX - padded.shape[-1])).unflatten(3, (-1, TILE_PX))
    tiles = rows.permute(4, 1, 2, 0, 3).reshape(TILE_PX, -1)
    return (basis.products @ tiles).view(len(basis.products), padded.shape[1], -1)


def _overlap(spectrum: Tensor, like: Tensor, basis: Basis) -> Tensor:
    """The transpose of `_analyse`, without its padded rows: (B, C, H, W) for (R, C, H * B * tiles)."""
    count, _, height, width = like.shape
    length, before = basis.tile.shape[1], (basis.tile.shape[1] - TILE_PX) // 2
    tiles = (spectrum.flatten(1).t() @ basis.tile).view(spectrum.shape[1], height, count, -1, length)
    rows = tiles.new_zeros(len(tiles), height, count, tiles.shape[3] + 1, TILE_PX)
    rows[..., :-1, :] = tiles[..., :TILE_PX]
    rows[..., 1:, : length - TILE_PX] += tiles[..., TILE_PX:]
    return rows.flatten(3)[..., before : before + width].permute(2, 0, 1, 3).contiguous()
