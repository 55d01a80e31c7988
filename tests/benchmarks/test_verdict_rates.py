"""The table of false verdicts: what the audit does now keeps the level, what it did before did not."""

import pytest
from scipy import stats

from benchmarks.verdict_rates import looks, many_details, only_in_interaction

STUDIES = 3000


@pytest.mark.parametrize("rates", [looks, many_details, only_in_interaction])
def test_the_level_is_kept_now_and_was_not(rates) -> None:
    for _, before, after in rates(STUDIES):
        assert stats.binomtest(round(after * STUDIES), STUDIES, 0.05, "greater").pvalue > 1e-4
        assert before > 0.15
