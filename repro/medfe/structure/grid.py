"""The linear systems of edge-preserving smoothing: (I + L) x = b, with L the Laplacian of a weighted pixel grid.

Preconditioned conjugate gradients, batched over images; the channels of an image share its weights. The
preconditioner is a modified incomplete Cholesky factor. Its triangular solves run along antidiagonals, because the
pixels of one do not depend on each other; so the solver keeps everything in a rolled layout, in which a piece of an
antidiagonal is contiguous memory, with the images of the batch innermost. Knows nothing of where the weights come
from.

Source: Gustafsson 1978 (modified incomplete factorisation); Eisenstat 1981 (how to spare the matrix product).
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_ITERATIONS = 2000
"""Photographs of 64 to 256 px take 12 to 70."""


def solve_grid(target: Tensor, right: Tensor, down: Tensor, start: Tensor, tolerance: float) -> Tensor:
    """Returns x with (I + L) x = target.

    Args:
        target: (B, C, H, W) float32 or float64, the right-hand side.
        right: (B, 1, H, W - 1) of the same type, not negative: weight of the edge to the pixel on the right.
        down: (B, 1, H - 1, W) likewise, to the pixel below.
        start: (B, C, H, W) first guess.
        tolerance: bound of the root mean square error of each channel, in the units of `target`.

    Raises:
        RuntimeError: no convergence, e.g. because a value is not finite.
    """
    factor = _factorise(right, down, target.shape[1])
    residual = _roll((target - apply_grid(start, right, down)) / factor.root)
    solution = _unroll(_conjugate_gradients(factor, residual, tolerance)).view_as(target)
    return start + solution / factor.root


def apply_grid(x: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Returns (I + L) x; shapes as in `solve_grid`."""
    y = x.clone()
    flow = torch.diff(x, dim=-1) * right
    y[..., :-1] -= flow
    y[..., 1:] += flow
    flow = torch.diff(x, dim=-2) * down
    y[..., :-1, :] -= flow
    y[..., 1:, :] += flow
    return y


class _Factor(NamedTuple):
    """R (I - N)(I - N^T) R, an approximation of A = I + L; R is diagonal, N strictly lower triangular."""

    root: Tensor  # (B, 1, H, W): R
    right: Tensor  # (W, H, B * C), rolled: the entries of N for the edges to the right
    down: Tensor  # likewise, down
    excess: Tensor  # likewise: the diagonal of R^-1 A R^-1, less two


def _factorise(right: Tensor, down: Tensor, channels: int) -> _Factor:
    """Returns the factor that keeps the row sums of A, alike for all channels.

    A pivot is the weight of the edges that leave its pixel forwards plus the row sum that arrives there from
    behind. These are sums of positive numbers, so nothing cancels where weights are 10^4 times the identity.
    """
    right, down = F.pad(right, (0, 1)), F.pad(down, (0, 0, 0, 1))
    ahead, weights = _roll(right + down), {"right": _roll(right), "down": _roll(down)}
    arriving = torch.ones_like(ahead)
    for row, edges in _antidiagonals(*right.shape[-2:]):
        share = arriving[row] / (arriving[row] + ahead[row])
        for direction, source, target in edges:
            arriving[target].addcmul_(weights[direction][source], share[source[1]])
    root = _unroll(arriving + ahead).sqrt()[:, None]

    diagonal = 1 + right + down
    diagonal[..., 1:] += right[..., :-1]
    diagonal[..., 1:, :] += down[..., :-1, :]
    right = right / (root * F.pad(root, (0, 1), value=1.0)[..., 1:])
    down = down / (root * F.pad(root, (0, 0, 0, 1), value=1.0)[..., 1:, :])
    entries = (right, down, diagonal / root**2 - 2)
    return _Factor(root, *(_roll(entry.expand(-1, channels, -1, -1)) for entry in entries))


def _conjugate_gradients(factor: _Factor, residual: Tensor, tolerance: float) -> Tensor:
    """Returns R x for A x = R residual, to an error of x of at most `tolerance` by root mean square.

    The norm of the residual after a forward solve bounds the error. The factor is A less a Laplacian, that of the
    fill which it drops and takes from the diagonal; so it is not above A, and A is not below I.
    A channel that has converged is left alone, so that its result does not depend on the rest of the batch.
    """
    forward, backward, scratch = (torch.empty_like(residual) for _ in range(3))
    solve_forward, solve_backward = _triangular_views(factor, forward), _triangular_views(factor, backward)
    forward.copy_(residual)
    _substitute(solve_forward)
    residual, direction, solution = forward.clone(), forward.clone(), torch.zeros_like(residual)
    squared = _dot(residual, residual, scratch)
    bound = tolerance**2 * residual.shape[0] * residual.shape[1]
    for _ in range(MAX_ITERATIONS):
        active = ~(squared <= bound)  # also where it is not a number
        if not active.any():
            return solution
        backward.copy_(direction)
        _substitute_back(solve_backward)
        torch.addcmul(direction, factor.excess, backward, out=forward)
        _substitute(solve_forward)
        product = forward.add_(backward)
        step = torch.where(active, squared / _dot(direction, product, scratch), 0)
        solution.addcmul_(step, backward)
        residual.addcmul_(-step, product)
        previous, squared = squared, torch.where(active, _dot(residual, residual, scratch), squared)
        torch.addcmul(residual, direction, torch.where(active, squared / previous, 0), out=direction)
    raise RuntimeError(f"the smoothing did not converge in {MAX_ITERATIONS} iterations")


def _dot(x: Tensor, y: Tensor, scratch: Tensor) -> Tensor:
    """Returns the inner products per image and channel, (B * C,), which the rest of the batch cannot change."""
    rows = torch.mul(x, y, out=scratch)
    while len(rows) > 1:  # a fixed order of summation; that of `sum` depends on the size of the batch
        half = len(rows) // 2
        rows[:half] += rows[-half:]
        rows = rows[: len(rows) - half]
    return rows[0].sum(0, dtype=torch.float64).to(x.dtype)


_Views = list[tuple[Tensor, Tensor, Tensor]]


def _triangular_views(factor: _Factor, buffer: Tensor) -> _Views:
    """Returns for each set of edges (its entries of N, sources in the buffer, targets in the buffer)."""
    entries = {"right": factor.right, "down": factor.down}
    return [
        (entries[direction][source], buffer[source], buffer[target])
        for _, edges in _antidiagonals(buffer.shape[1], buffer.shape[0])
        for direction, source, target in edges
    ]


def _substitute(views: _Views) -> None:
    """Overwrites the buffer of the views with (I - N)^-1 of it."""
    for entries, source, target in views:
        target.addcmul_(entries, source)


def _substitute_back(views: _Views) -> None:
    """Overwrites the buffer of the views with (I - N^T)^-1 of it."""
    for entries, source, target in reversed(views):
        source.addcmul_(entries, target)


_Index = tuple[int, slice]
_Edges = tuple[Literal["right", "down"], _Index, _Index]


def _antidiagonals(height: int, width: int) -> Iterator[tuple[int, tuple[_Edges, _Edges]]]:
    """Yields for each antidiagonal its row in the rolled layout, and the edges to the next one.

    Edges are (direction, where their sources lie, where their targets lie).
    """
    for diagonal in range(height + width - 2):
        row, following = diagonal % width, (diagonal + 1) % width
        first, last = max(0, diagonal - width + 2), min(height, diagonal + 1)
        rightwards = slice(first, last)
        first, last = max(0, diagonal - width + 1), min(height - 1, diagonal + 1)
        above, below = slice(first, last), slice(first + 1, last + 1)
        yield (
            row,
            (
                ("right", (row, rightwards), (following, rightwards)),
                ("down", (row, above), (following, below)),
            ),
        )


def _roll(images: Tensor) -> Tensor:
    """Returns images (B, C, H, W) as (W, H, B * C), row y rolled by y pixels, so that antidiagonals lie in rows."""
    height, width = images.shape[-2:]
    y = torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device)[:, None]
    return images.flatten(0, 1).permute(1, 2, 0).contiguous()[y, (x - y) % width]


def _unroll(rolled: Tensor) -> Tensor:
    """Returns (B * C, H, W), the inverse of `_roll`."""
    width, height, _ = rolled.shape
    y = torch.arange(height, device=rolled.device)[:, None]
    x = torch.arange(width, device=rolled.device)
    return rolled[(x + y) % width, y].permute(2, 0, 1).contiguous()
