"""The error term of a design's contrasts is the same wherever it is read, before the runs and after them."""

import numpy as np
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.error_terms import (
    MeanSquare,
    choose_error_term,
    df_at_seeds,
    plan_error_term,
    satterthwaite_df,
)
from repro.audit.statistics.interactions import interactions
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.minimum_detectable_effect import choose_test
from repro.audit.statistics.outcomes import tabulate_outcomes


@pytest.mark.parametrize(("design", "seeds"), [("plackett_burman", 2), ("full_factorial", 3)])
def test_a_plan_promises_the_term_that_the_analysis_uses(design: str, seeds: int) -> None:
    plan = make_plan(two_levels(4), design, seeds=seeds, baseline_seeds=5, controls=True)
    plan.declaration["metrics"]["m0"]["unit"] = "dB"
    tables = tabulate_outcomes(plan, simulate(plan, linear(a=1, b_c=2), Noise(seed=1)))
    planned, found = plan_error_term(plan), choose_error_term(code_details(plan), tables[0])
    assert (planned.df, planned.name) == (found.df, found.name) == (15 * (seeds - 1), "pure error")
    for rows in (contrast_effects(plan, tables), interactions(plan, tables)):
        assert set(rows["df"]) == {found.df}
    np.testing.assert_allclose(contrast_effects(plan, tables)["sd"] ** 2, found.variance)
    test = choose_test(plan)
    assert f"contrast t on {found.name}" in test.name
    assert f"{found.df} degrees of freedom" in test.note


def test_further_seeds_add_the_degrees_of_freedom_that_a_plan_with_them_has() -> None:
    few, many = (plan_error_term(make_plan(two_levels(4), seeds=seeds)).df for seeds in (2, 7))
    assert df_at_seeds(few, 2, 7) == many


def test_satterthwaite_lies_between_the_smallest_df_and_their_sum() -> None:
    parts = [MeanSquare(3.0, 4), MeanSquare(0.5, 20)]
    assert 4 < satterthwaite_df(parts) < 24
    assert satterthwaite_df(parts[:1]) == 4
    draws = np.random.default_rng(0).chisquare([4, 20], (200_000, 2)) @ np.array([3.0 / 4, 0.5 / 20])
    assert satterthwaite_df(parts) == pytest.approx(2 * 3.5**2 / draws.var(), rel=0.02)
