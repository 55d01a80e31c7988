"""The batched solver against scipy's direct one, on weights far rougher than those of photographs."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch

from repro.medfe.structure import grid
from repro.medfe.structure.grid import apply_grid, solve_grid


def assemble(right, down):
    """I + L as a sparse matrix, in float64; right (H, W - 1), down (H - 1, W)."""
    height, width = right.shape[0], down.shape[1]
    number = np.arange(height * width).reshape(height, width)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    weight = np.concatenate([right.ravel(), down.ravel()]).astype(np.float64)
    incidence = scipy.sparse.coo_array(
        (np.r_[np.ones(len(first)), -np.ones(len(first))], (np.r_[: len(first), : len(first)], np.r_[first, second])),
        shape=(len(first), height * width),
    ).tocsr()
    laplacian = incidence.T @ scipy.sparse.diags_array(weight) @ incidence
    return (scipy.sparse.eye_array(height * width) + laplacian).tocsc()


def systems(height, width, batch=2, seed=0):
    torch.manual_seed(seed)
    right = 10 ** (6 * torch.rand(batch, 1, height, width - 1) - 2)
    down = 10 ** (6 * torch.rand(batch, 1, height - 1, width) - 2)
    return torch.rand(batch, 3, height, width), right, down


@pytest.mark.parametrize(("height", "width"), [(32, 32), (17, 40), (40, 17), (2, 3), (1, 9), (9, 1)])
def test_solution_is_within_its_bound_of_the_direct_one(height, width):
    target, right, down = systems(height, width)
    solution = solve_grid(target, right, down, target, 1e-3)
    for i in range(2):
        matrix = assemble(right[i, 0].numpy(), down[i, 0].numpy())
        direct = scipy.sparse.linalg.spsolve(matrix, target[i].flatten(1).T.double().numpy()).T
        error = solution[i].flatten(1).numpy() - direct
        assert np.sqrt((error**2).mean(1)).max() <= 1e-3


def test_a_tighter_tolerance_comes_closer():
    target, right, down = systems(24, 24, batch=1)
    exact = scipy.sparse.linalg.spsolve(assemble(right[0, 0].numpy(), down[0, 0].numpy()), target[0, 0].ravel().numpy())
    errors = [
        np.abs(solve_grid(target, right, down, target, tolerance)[0, 0].ravel().numpy() - exact).max()
        for tolerance in (1e-1, 1e-3, 1e-5)
    ]
    assert errors[0] > 10 * errors[1] > 10 * errors[2]


def test_apply_is_the_assembled_matrix():
    x, right, down = systems(7, 5, batch=1)
    product = assemble(right[0, 0].numpy(), down[0, 0].numpy()) @ x[0, 1].ravel().double().numpy()
    np.testing.assert_allclose(apply_grid(x, right, down)[0, 1].ravel(), product, rtol=1e-4, atol=1e-2)


def test_an_image_does_not_depend_on_its_batch():
    target, right, down = systems(24, 20, batch=3)
    right[1] *= 1e-4  # converges long before the others
    together = solve_grid(target, right, down, target, 1e-3)
    alone = [solve_grid(target[i : i + 1], right[i : i + 1], down[i : i + 1], target[i : i + 1], 1e-3) for i in (0, 1)]
    torch.testing.assert_close(together[:2], torch.cat(alone), rtol=0, atol=1e-5)


def test_values_that_are_not_numbers_are_refused(monkeypatch):
    monkeypatch.setattr(grid, "MAX_ITERATIONS", 5)
    target, right, down = systems(8, 8)
    target[0, 0, 0, 0] = float("nan")
    with pytest.raises(RuntimeError, match="converge"):
        solve_grid(target, right, down, target, 1e-3)


def test_inputs_are_left_alone():
    inputs = systems(8, 8)
    copies = [item.clone() for item in inputs]
    solve_grid(*inputs, inputs[0], 1e-3)
    assert all(torch.equal(a, b) for a, b in zip(inputs, copies, strict=True))


def test_a_channel_that_needs_no_step_stays_finite_beside_one_that_does():
    target, right, down = systems(16, 16)
    target[0] = 0.5
    solution = solve_grid(target, right, down, target, 1e-3)
    torch.testing.assert_close(solution[0], target[0], rtol=0, atol=1e-6)
    assert solution.isfinite().all()
