"""The linear systems of edge-preserving smoothing: (I + L) x = b, with L the Laplacian of a weighted pixel grid.

The channels of an image share its weights. I + L is symmetric positive definite, so that Cholesky's factorisation needs
no pivots.
"""

import torch
from torch import Tensor

from repro.cases.medfe.structure.solver.elimination import solve_directly


def solve_grid(target: Tensor, right: Tensor, down: Tensor, near: Tensor) -> Tensor:
    """Returns x with (I + L) x = target.

    The system is solved for x - near. That is small, and so are its rounding errors: with weights 10^4 times the
    identity, those of x itself are a hundred times larger in float32.

    Args:
        target: (B, C, H, W) float32 or float64, the right-hand side.
        right: (B, 1, H, W - 1) of the same type, not negative: weight of the edge to the pixel on the right.
        down: (B, 1, H - 1, W) likewise, to the pixel below.
        near: (B, C, H, W), a guess.

    Raises:
        RuntimeError: the solution is not finite, e.g. because a value of the system is not.
    """
    diagonal = torch.ones_like(target[:, :1])
    diagonal[..., :-1] += right
    diagonal[..., 1:] += right
    diagonal[..., :-1, :] += down
    diagonal[..., 1:, :] += down
    solution = near + solve_directly(target - apply_grid(near, right, down), diagonal, -right, -down)
    if not solution.isfinite().all():
        raise RuntimeError("the smoothing gave values that are not finite; are those of the images?")
    return solution


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
