"""Direct solution of sparse symmetric systems on a pixel grid: a multifrontal Cholesky factorisation.

From the lowest level of the dissection up, each cell factorises the frontal matrix of the vertices inside it and passes
its Schur complement on to the vertices of its ring; from the top down, each cell substitutes back. All cells of a level
are one batch of small dense matrices.

Source: Duff & Reid 1983, "The multifrontal solution of indefinite sparse symmetric linear equations".
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from repro.cases.medfe.structure.solver.assembly import Assembly, plan_assembly


class _Equations(NamedTuple):
    """What is left of a level: x L = known - x_ring ahead, for its vertices inside and those of its ring."""

    lower: Tensor  # (cells, inside, inside): L, a lower triangle
    known: Tensor  # (cells, C, inside)
    ahead: Tensor  # (cells, ring, inside)


def solve_directly(target: Tensor, diagonal: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Returns x with A x = target, for a symmetric positive definite A on a pixel grid.

    Args:
        target: (B, C, H, W) float32 or float64, the right-hand sides.
        diagonal: (B, 1, H, W) of the same type: diagonal of A.
        right: (B, 1, H, W - 1): entries of A between a pixel and the one on its right.
        down: (B, 1, H - 1, W): likewise, the one below.

    Returns:
        (B, C, H, W); not finite where the inputs are not, or where A is not positive definite.
    """
    channels, height, width = target.shape[1:]
    plan = plan_assembly(height, width, channels, target.device)
    below, beside = plan.height - height, plan.width - width
    fields = [
        F.pad(diagonal, (1, beside, 1, below), value=1.0),
        F.pad(right, (1, beside + 1, 1, below)),
        F.pad(down, (1, beside, 1, below + 1)),
        F.pad(target, (1, beside, 1, below)),
    ]
    system = torch.cat(fields, dim=1).flatten(2).mT.contiguous()  # a vertex has its numbers side by side
    passed, left = None, []
    for level in plan.levels:
        equations, passed = _eliminate(level, system, passed)
        left.append(equations)
    solution = torch.zeros_like(system[:, :, :channels])
    for level, equations in zip(reversed(plan.levels), reversed(left), strict=True):
        _substitute_back(level, equations, solution)
    return solution.mT.unflatten(2, (plan.height + 1, -1))[..., 1 : height + 1, 1 : width + 1]


def _eliminate(level: Assembly, system: Tensor, passed: Tensor | None) -> tuple[_Equations, Tensor]:
    """Eliminates the vertices inside the cells of a level.

    Args:
        level: how their blocks are put together.
        system: (B, vertices, FIELDS + C).
        passed: what the level below passed on, (its cells, its ring, C + its ring), or None on the lowest level. The
            cells of an image follow each other.

    Returns:
        What is left of the level, and what it passes on: (cells, ring, C + ring), to be added to the right-hand sides
        and the entries of the ring.
    """
    cells = len(system) * len(level.vertices)
    buffer = [system.index_select(1, level.vertices.flatten()).view(cells, -1), system.new_zeros(cells, 1)]
    if passed is not None:
        buffer.insert(0, passed.view(cells, -1))
    terms = torch.cat(buffer, dim=1).unflatten(0, (-1, len(level.front)))
    front = _pick(terms, level.front)
    for entries, places in level.further:
        front.scatter_add_(2, entries.expand(len(front), -1, -1), _pick(terms, places))
    front = front.view(cells, level.rows, level.inside)

    lower = torch.linalg.cholesky_ex(front[:, : level.inside])[0]
    solved = torch.linalg.solve_triangular(lower.mT, front[:, level.inside :], upper=True, left=False)
    known, ahead = solved.split([solved.shape[1] - level.ring, level.ring], dim=1)
    beyond = _pick(terms, level.passed).view(cells, level.ring, solved.shape[1])
    return _Equations(lower, known, ahead), beyond.baddbmm_(ahead, solved.mT, alpha=-1)


def _pick(terms: Tensor, places: Tensor) -> Tensor:
    """Returns terms (cells / kinds, kinds, n) at the places (kinds, m) of their kind of cell."""
    return terms.gather(2, places.expand(len(terms), -1, -1))


def _substitute_back(level: Assembly, equations: _Equations, solution: Tensor) -> None:
    """Fills `solution` (B, vertices, C) at the vertices inside the cells of a level, given those of their rings."""
    inside, ring = level.vertices.split([level.inside, level.ring], dim=1)
    channels, cells = solution.shape[2], len(equations.known)
    around = solution.index_select(1, ring.flatten()).view(cells, level.ring, channels).mT.contiguous()
    known = torch.baddbmm(equations.known, around, equations.ahead, alpha=-1)
    solved = torch.linalg.solve_triangular(equations.lower, known, upper=False, left=False)
    solution.index_copy_(1, inside.flatten(), solved.mT.reshape(len(solution), inside.numel(), channels))
