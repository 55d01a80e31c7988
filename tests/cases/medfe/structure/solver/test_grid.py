"""The batched solver against scipy's direct one, on weights far rougher than those of photographs."""

import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from benchmarks.structure import assemble
from repro.cases.medfe.structure.solver.grid import apply_grid, solve_grid
from rounding import HALF_THE_DIGITS, unit_roundoff

pytestmark = pytest.mark.numerical

SIZES = [(32, 32), (33, 31), (17, 40), (40, 17), (8, 8), (7, 7), (2, 3), (1, 9), (9, 1), (1, 1)]


def systems(height, width, batch=2, seed=0, dtype=torch.float32):
    """Weights from 0.01 to 10^4."""
    torch.manual_seed(seed)
    right = 10 ** (6 * torch.rand(batch, 1, height, width - 1, dtype=dtype) - 2)
    down = 10 ** (6 * torch.rand(batch, 1, height - 1, width, dtype=dtype) - 2)
    return torch.rand(batch, 3, height, width, dtype=dtype), right, down


def solve_by_scipy(target, right, down):
    solutions = [
        scipy.sparse.linalg.spsolve(assemble(r[0].numpy(), d[0].numpy()), t.flatten(1).T.double().numpy()).T
        for t, r, d in zip(target, right, down, strict=True)
    ]
    return torch.from_numpy(np.stack(solutions)).view_as(target)


def rounding_limit(target, right, down):
    """Returns how far a backward stable solution may be off: roundoff times condition, for values up to one.

    In the largest norm, I + L is as large as its largest row, and its inverse is one: no row sums to more.
    """
    largest = max(abs(assemble(r[0].numpy(), d[0].numpy())).sum(axis=1).max() for r, d in zip(right, down, strict=True))
    return unit_roundoff(target.dtype) * float(largest)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_solution_is_the_direct_one_of_scipy(height, width):
    system = systems(height, width)
    solution = solve_grid(*system, near=system[0])
    torch.testing.assert_close(solution.double(), solve_by_scipy(*system), rtol=0, atol=rounding_limit(*system))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_solution_in_float64_is_exact(height, width):
    system = systems(height, width, dtype=torch.float64)
    solution = solve_grid(*system, near=torch.zeros_like(system[0]))
    both_round = 2 * rounding_limit(*system)
    torch.testing.assert_close(solution, solve_by_scipy(*system), rtol=0, atol=both_round)


def test_the_guess_changes_rounding_only():
    target, right, down = systems(24, 24, dtype=torch.float64)
    guesses = torch.zeros_like(target), torch.randn_like(target)
    solutions = [solve_grid(target, right, down, near) for near in guesses]
    both_round = 2 * rounding_limit(target, right, down)
    torch.testing.assert_close(*solutions, rtol=0, atol=both_round * float(guesses[1].abs().max()))


def test_pixels_without_edges_keep_their_values():
    target, right, down = systems(12, 9)
    solution = solve_grid(target, torch.zeros_like(right), torch.zeros_like(down), torch.zeros_like(target))
    torch.testing.assert_close(solution, target)


def test_apply_is_the_assembled_matrix():
    x, right, down = systems(7, 5, batch=1, dtype=torch.float64)
    product = assemble(right[0, 0].numpy(), down[0, 0].numpy()) @ x[0, 1].ravel().double().numpy()
    np.testing.assert_allclose(apply_grid(x, right, down)[0, 1].ravel(), product, rtol=HALF_THE_DIGITS)


def test_an_image_does_not_depend_on_its_batch():
    target, right, down = systems(24, 20, batch=3)
    right[1] *= 1e-4
    together = solve_grid(target, right, down, target)
    alone = [solve_grid(target[i : i + 1], right[i : i + 1], down[i : i + 1], target[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=2 * rounding_limit(target, right, down))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value):
    target, right, down = systems(8, 8)
    target[0, 0, 0, 0] = value
    with pytest.raises(RuntimeError, match="finite"):
        solve_grid(target, right, down, target)


def test_inputs_are_left_alone():
    inputs = systems(8, 8)
    copies = [item.clone() for item in inputs]
    solve_grid(*inputs, near=inputs[0])
    assert all(torch.equal(a, b) for a, b in zip(inputs, copies, strict=True))
