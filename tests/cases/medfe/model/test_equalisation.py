"""The bilateral terms against the sums over all pairs of positions that they stand for."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from repro.cases.medfe.model import equalisation
from repro.cases.medfe.model.equalisation import (
    BilateralPropagation,
    SelectiveKernel,
    _propagate_by_pairs,
    _propagate_by_rows,
    range_propagation,
    spatial_propagation,
)
from repro.cases.medfe.params.model.bilateral import RangeSimilarity
from tiny import tiny_params

pytestmark = pytest.mark.numerical

LIKENESS: dict[RangeSimilarity, Callable[[Tensor, Tensor], Tensor]] = {
    "sigmoid_product": lambda one, other: (one.sigmoid() * other.sigmoid()).mean(),
    "sigmoid_sum": lambda one, other: (one.sigmoid() + other.sigmoid()).mean(),
    "cosine": lambda one, other: 10 * torch.cosine_similarity(one, other, dim=0),
}


def features(height: int = 6, width: int = 5) -> torch.Tensor:
    return torch.randn(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sigma", [0.7, 1.5, 96.0])
def test_the_spatial_term_is_the_gaussian_sum_over_all_positions(sigma: float) -> None:
    given = features()
    expected = torch.zeros_like(given)
    places = [(row, column) for row in range(6) for column in range(5)]
    for row, column in places:
        weights = torch.tensor([[(r - row) ** 2 + (c - column) ** 2 for c in range(5)] for r in range(6)]).double()
        weights = torch.exp(-weights / (2 * sigma**2))
        expected[..., row, column] = (given * weights).sum(dim=(2, 3)) / weights.sum()
    torch.testing.assert_close(spatial_propagation(given, sigma, "grid"), expected)


def test_the_window_of_33_cuts_the_gaussian() -> None:
    row = torch.zeros(1, 1, 40, 40, dtype=torch.float64)
    row[..., 0, :] = 1
    within = spatial_propagation(row, 96.0, "window_33")
    assert within[0, 0, 16, 3] > 0
    assert within[0, 0, 17, 3] == 0


@pytest.mark.parametrize("similarity", ["sigmoid_product", "sigmoid_sum", "cosine"])
def test_the_range_term_is_the_softmax_over_nine_neighbours(similarity: RangeSimilarity) -> None:
    given = features()
    expected = torch.zeros_like(given)
    for item in range(2):
        for row in range(6):
            for column in range(5):
                scores, seen = [], []
                for r in range(row - 1, row + 2):
                    for c in range(column - 1, column + 2):
                        inside = 0 <= r < 6 and 0 <= c < 5
                        own, other = given[item, :, row, column], given[item, :, r, c] if inside else torch.zeros(3)
                        alike = LIKENESS[similarity](own.double(), other.double())
                        scores.append(alike if inside else torch.tensor(0.0, dtype=torch.float64))
                        seen.append(other.double())
                weights = torch.stack(scores).softmax(0)
                expected[item, :, row, column] = (weights[:, None] * torch.stack(seen)).sum(0)
    torch.testing.assert_close(range_propagation(given, similarity), expected)


@pytest.mark.parametrize("similarity", ["sigmoid_product", "sigmoid_sum", "cosine"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 5), (1, 1), (1, 4)])
def test_all_pairs_are_the_rows(similarity: RangeSimilarity, height: int, width: int) -> None:
    given = features(height, width).requires_grad_()
    pairs, rows = _propagate_by_pairs(given, similarity), _propagate_by_rows(given, similarity)
    torch.testing.assert_close(pairs, rows, rtol=1e-12, atol=1e-12)
    slopes = (torch.autograd.grad((item * given.detach().cos()).sum(), given)[0] for item in (pairs, rows))
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("height", [6, 13])
def test_a_large_grid_goes_by_rows_and_a_small_one_by_pairs(height: int, monkeypatch) -> None:
    monkeypatch.setattr(equalisation, "_propagate_by_pairs", lambda *_: "pairs")
    monkeypatch.setattr(equalisation, "_propagate_by_rows", lambda *_: "rows")
    assert range_propagation(features(height, 5), "cosine") == ("pairs" if height == 6 else "rows")


def test_what_an_evaluation_asked_for_first_serves_a_training() -> None:
    given = features(3, 7)
    with torch.inference_mode():
        range_propagation(given, "cosine")
        spatial_propagation(given, 1.25, "grid")
    tracked = given.clone().requires_grad_()
    (range_propagation(tracked, "cosine") + spatial_propagation(tracked, 1.25, "grid")).sum().backward()


def test_the_cosine_of_equal_features_weighs_all_inner_neighbours_alike() -> None:
    given = torch.ones(1, 4, 5, 5, dtype=torch.float64)
    result = range_propagation(given, "cosine")
    torch.testing.assert_close(result[..., 1:-1, 1:-1], given[..., 1:-1, 1:-1])


def test_the_release_reads_positions_back_as_channels() -> None:
    model = tiny_params({"model.bilateral_layout": "reshaped"}).model
    term = torch.arange(2 * 4 * 4.0).view(1, 2, 4, 4)
    matrix = term.view(2, 16).T
    laid_out = BilateralPropagation(model, 2)._lay_out(term)
    assert torch.equal(laid_out, matrix.reshape(1, 2, 4, 4))
    assert not torch.equal(laid_out, term)


def test_the_spatial_term_keeps_a_constant() -> None:
    assert torch.allclose(spatial_propagation(torch.full((1, 1, 8, 8), 3.0), 1.5, "grid"), torch.tensor(3.0))


@pytest.mark.parametrize("channels", [4, 48, 56])
def test_a_selective_kernel_takes_any_width(channels: int) -> None:
    features = torch.randn(2, channels, 4, 4)
    assert SelectiveKernel(tiny_params().model, channels)(features).shape == features.shape
