"""What randomised columns and signs buy, in small: no bias, and intervals that cover and are narrower."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks.randomised_columns import SURFACES, add_interactions, designs, simulate_studies

STUDIES = 60


def test_interactions_are_sums_of_products() -> None:
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (12, 6))
    sizes = (0.5, 0.25, 2.0)
    wanted = np.zeros(12)
    for order, size in zip((2, 3, 4), sizes, strict=True):
        wanted += size * sum(signs[:, list(chosen)].prod(axis=1) for chosen in combinations(range(6), order))
    np.testing.assert_allclose(add_interactions(signs, sizes), wanted)


@pytest.mark.parametrize("name", ["Plackett-Burman 12 of 15, folded", "fraction 2^(8-4), resolution IV"])
def test_randomised_columns_turn_a_bias_into_an_error_that_intervals_carry(name: str) -> None:
    """Interactions of all details, all of one sign.

    A mean effect over the draws lies within three of its standard errors of the true one; these are a fourth of the
    mean width over the root of the draws, as an interval is four standard errors wide. Shares have three Monte Carlo
    errors.
    """
    table, details = designs()[name]
    ordered, drawn = (
        simulate_studies(table, details, SURFACES["all, weak"], STUDIES, randomised=randomised)
        for randomised in (False, True)
    )
    assert drawn.bias < 3 * drawn.width / 4 / STUDIES**0.5 < 0.4 < ordered.bias
    assert drawn.coverage > 0.95 - 3 * drawn.coverage_error
    assert drawn.alarms < 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5
    assert drawn.width < 0.7 * ordered.width
