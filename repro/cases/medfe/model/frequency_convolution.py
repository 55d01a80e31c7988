"""Convolution with wide kernels, a row of pixels at a time in the frequency domain.

Rows are cut into tiles of `TILE_PX` outputs. On each tile a row of the kernel acts by a cyclic convolution, which a
real discrete Fourier transform turns into products of complex numbers, three real ones each (Gauss). The products of
all channels are matrix products, so that the work stays where a CPU is fastest, and there is less of it: for 7x7
kernels 19 products for 8 outputs instead of 56. Rows of the kernel are summed as in a direct convolution. Rounding is
like that of a direct convolution, since the Fourier basis is orthogonal. convolution.py decides when this pays.
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
    """The bilinear form y = products.T @ ((kernel @ w) * (tile @ x)) of one row; R products of real numbers."""

    kernel: Tensor
    """(R, kernel)."""
    tile: Tensor
    """(R, TILE_PX + kernel - 1)."""
    products: Tensor
    """(R, TILE_PX)."""


@lru_cache(maxsize=16)
def make_basis(kernel: int, dtype: torch.dtype) -> Basis:
    """Returns the form for y[j] = sum of w[i] x[i + j] with a kernel of so many taps, from 2.

    The circle is two positions shorter than the tile. Only the first tap of the first output meets the tile's first
    position, where the circle has its last but one; likewise at the end. Two products set that right and spare three.
    """
    length, circle = TILE_PX + kernel - 1, TILE_PX + kernel - 3
    place = torch.arange(length, dtype=torch.float64)
    taps, inner, outputs = slice(kernel), slice(1, -1), slice(TILE_PX)
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for frequency in range(circle // 2 + 1):
        angle = 2 * math.pi * frequency / circle * place
        cosine, sine = angle.cos(), angle.sin()
        if frequency == 0 or 2 * frequency == circle:
            rows.append((cosine[taps], cosine[inner], cosine[outputs] / circle))
            continue
        # (a + ib)(c + id) by a (c + d), c (b - a), d (a + b); the spectrum of x has the imaginary part -sine
        real, imaginary = 2 * cosine[outputs] / circle, -2 * sine[outputs] / circle
        rows.append((cosine[taps], (cosine - sine)[inner], real + imaginary))
        rows.append((sine[taps] - cosine[taps], cosine[inner], imaginary))
        rows.append((cosine[taps] + sine[taps], -sine[inner], -real))
    kernels, tiles, products = (torch.stack(column) for column in zip(*rows, strict=True))
    first, last = (torch.eye(length, dtype=torch.float64)[[end]] for end in (0, -1))
    return Basis(
        torch.cat([kernels, first[:, taps], last[:, -kernel:]]).to(dtype),
        torch.cat([F.pad(tiles, (1, 1)), first - last.roll(-1), last - first.roll(1)]).to(dtype),
        torch.cat([products, first[:, outputs], last[:, -TILE_PX:]]).to(dtype),
    )


class FrequencyConvolution(torch.autograd.Function):
    """The convolution of (B, C, H, W) with (D, C, k, k), stride 1, zero padding k // 2, k odd from 3; on a CPU."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        """Returns (B, D, H, W)."""
        kernel, basis = weight.shape[-1], make_basis(weight.shape[-1], weight.dtype)
        taps = _lay_out_taps(weight)
        spectrum = _analyse(features, basis.tile, kernel)
        ctx.save_for_backward(spectrum if ctx.needs_input_grad[1] else None, taps)
        result = _no_products(features, len(weight), basis)
        room = _make_room(taps, basis)
        for row in range(kernel):
            result.baddbmm_(_transform(taps[row], basis, room), _from_row(spectrum, row, features))
        return _synthesise(result, basis.products, features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Returns the gradients of features and weight: the transposes of the same three linear maps.

        The kernels are kept as they were laid out. Their spectra, three times as large, are computed again.
        """
        spectrum, taps = ctx.saved_tensors
        of_features, of_weight = ctx.needs_input_grad
        kernel, basis = len(taps), make_basis(len(taps), taps.dtype)
        above = _analyse(gradient, basis.products, kernel)
        below = _no_products(gradient, taps.shape[-1], basis)
        room = _make_room(taps, basis)
        slopes = torch.empty_like(taps)
        for row in range(kernel):
            if of_features:
                kernels = _transform(taps[row], basis, room).transpose(1, 2)
                below.baddbmm_(kernels, _from_row(above, kernel - 1 - row, gradient))
            if of_weight:
                seen = _from_row(spectrum, row, gradient)
                torch.bmm(_from_row(above, kernel // 2, gradient), seen.transpose(1, 2), out=room)
                torch.mm(basis.kernel.t(), room.flatten(1), out=slopes[row].flatten(1))
        of_taps = _gather_taps(slopes) if of_weight else None
        return _synthesise(below, basis.tile, gradient) if of_features else None, of_taps


def _tiles(features: Tensor) -> int:
    return -(-features.shape[-1] // TILE_PX)


def _no_products(like: Tensor, channels: int, basis: Basis) -> Tensor:
    count, _, height, _ = like.shape
    return like.new_zeros(len(basis.kernel), channels, height * count * _tiles(like))


def _from_row(spectrum: Tensor, row: int, like: Tensor) -> Tensor:
    """Returns H rows of (R, C, padded rows * B * tiles), from `row` on: (R, C, H * B * tiles)."""
    across = like.shape[0] * _tiles(like)
    return spectrum[:, :, row * across : (row + like.shape[-2]) * across]


def _make_room(taps: Tensor, basis: Basis) -> Tensor:
    """Returns (R, D, C) without content, for one row of the kernels after the other: fresh memory takes its time."""
    return taps.new_empty(len(basis.kernel), *taps.shape[2:])


def _lay_out_taps(weight: Tensor) -> Tensor:
    """Returns the kernels (D, C, k, k) as (k, k, D, C), in two copies of what is near: one of what is far is slower."""
    near = weight.flatten(2).transpose(1, 2).contiguous()
    return near.transpose(0, 1).contiguous().unflatten(0, weight.shape[2:])


def _gather_taps(taps: Tensor) -> Tensor:
    """Returns (k, k, D, C) as kernels (D, C, k, k)."""
    near = taps.flatten(0, 1).transpose(0, 1).contiguous()
    return near.transpose(1, 2).contiguous().unflatten(2, taps.shape[:2])


def _transform(taps: Tensor, basis: Basis, out: Tensor) -> Tensor:
    """Returns `out`, filled with the spectra (R, D, C) of one row of the kernels (k, D, C)."""
    torch.mm(basis.kernel, taps.flatten(1), out=out.flatten(1))
    return out


def _analyse(features: Tensor, form: Tensor, kernel: int) -> Tensor:
    """Applies a form (R, length) to tiles of (B, C, H, W) with half a kernel of zeros around.

    Returns:
        (R, C, (H + kernel - 1) * B * tiles), rows being slowest.
    """
    count, channels, height, width = features.shape
    length, border = form.shape[1], kernel // 2
    before = (length - TILE_PX) // 2
    across = (_tiles(features) - 1) * TILE_PX + length
    rows = features.new_zeros(channels, height + 2 * border, count, across)
    rows[:, border : border + height, :, before : before + width] = features.permute(1, 2, 0, 3)
    tiles = rows.unfold(3, length, TILE_PX).permute(4, 0, 1, 2, 3).reshape(length, -1)
    return (form @ tiles).view(len(form), channels, -1)


def _synthesise(products: Tensor, form: Tensor, like: Tensor) -> Tensor:
    """The transpose of `_analyse`, without its border rows: (B, C, H, W) for (R, C, H * B * tiles)."""
    count, _, height, width = like.shape
    beyond = (len(form[0]) - TILE_PX) // 2
    places = (form.t() @ products.flatten(1)).view(-1, products.shape[1], height, count, _tiles(like))
    tiles = places[beyond : beyond + TILE_PX].permute(1, 2, 3, 4, 0).contiguous()
    for place in range(beyond):  # what lies beyond a tile belongs to its neighbours
        tiles[..., :-1, place - beyond] += places[place, ..., 1:]
        tiles[..., 1:, place] += places[place - beyond, ..., :-1]
    return tiles.flatten(3)[..., :width].permute(2, 0, 1, 3).contiguous()
