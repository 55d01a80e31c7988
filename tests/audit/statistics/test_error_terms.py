"""The error term of a design's contrasts is the same wherever it is read, before the runs and after them."""

import numpy as np
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.error_terms import (
    choose_error_term,
    combine_errors,
    df_at_seeds,
    plan_error_term,
)
from repro.audit.statistics.interactions import interactions
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.mean_squares import (
    NOTHING,
    MeanSquare,
    satterthwaite_df,
    split_complete,
    split_incomplete,
)
from repro.audit.statistics.minimum_detectable_effect import choose_test
from repro.audit.statistics.outcomes import tabulate_outcomes


@pytest.mark.parametrize(("design", "seeds"), [("plackett_burman", 2), ("full_factorial", 3)])
def test_a_plan_promises_the_term_that_the_analysis_uses(design: str, seeds: int) -> None:
    plan = make_plan(two_levels(4), design, seeds=seeds, baseline_seeds=5, controls=True)
    plan.declaration["metrics"]["m0"]["unit"] = "dB"
    tables = tabulate_outcomes(plan, simulate(plan, linear(a=1, b_c=2), Noise(seed=1)))
    planned, found = plan_error_term(plan), choose_error_term(code_details(plan), tables[0])
    assert planned[:2] == (found.split.details.df, found.lack.square.df)
    assert planned.name == "detail x seed"
    assert (planned.df, planned.spare) == (4 * (seeds - 1), 11)
    assert found.split.spare.df == 11 * (seeds - 1)
    np.testing.assert_allclose(contrast_effects(plan, tables)["df"], found.df)
    np.testing.assert_allclose(contrast_effects(plan, tables)["se"], np.sqrt(found.variance * 4 / (16 * seeds)))
    assert set(interactions(plan, tables)["df"]) == {found.split.spare.df}
    test = choose_test(plan)
    assert f"contrast t on {planned.name}" in test.name
    assert f"{planned.df} degrees of freedom, 11 more for lack of fit" in test.note


def test_further_seeds_add_the_degrees_of_freedom_that_a_plan_with_them_has() -> None:
    few, many = (plan_error_term(make_plan(two_levels(4), seeds=seeds)).df for seeds in (2, 7))
    assert df_at_seeds(few, 2, 7) == many


def test_satterthwaite_lies_between_the_smallest_df_and_their_sum() -> None:
    parts = [MeanSquare(3.0, 4), MeanSquare(0.5, 20)]
    assert 4 < satterthwaite_df(parts) < 24
    assert satterthwaite_df(parts[:1]) == 4
    draws = np.random.default_rng(0).chisquare([4, 20], (200_000, 2)) @ np.array([3.0 / 4, 0.5 / 20])
    assert satterthwaite_df(parts) == pytest.approx(2 * 3.5**2 / draws.var(), rel=0.02)


@pytest.mark.parametrize("lack", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("own", [np.nan, 0.5, 4.0])
@pytest.mark.parametrize("spare", [0.1, 5.0])
def test_an_error_is_never_less_than_any_that_it_is_made_of(lack: float, own: float, spare: float) -> None:
    found, df, fixed = combine_errors(MeanSquare(1.5, 12), own, MeanSquare(lack, 9), MeanSquare(spare, 9))
    seeds = np.nanmax([1.5, own])
    assert found == pytest.approx(max(seeds, lack, seeds + lack - spare))
    assert found * (1 - fixed) == pytest.approx(seeds)
    assert 0 < df < 12 + 9
    assert combine_errors(MeanSquare(1.5, 12), own, NOTHING, MeanSquare(spare, 9)) == (seeds, 12, 0)


@pytest.mark.parametrize("width", [0, 1, 3])
def test_a_complete_table_is_split_alike_by_both_ways(width: int) -> None:
    """With correlated columns, too; a column that repeats another has no square of its own."""
    generator = np.random.default_rng(3)
    columns, values = generator.normal(size=(9, width)).cumsum(axis=1), generator.normal(size=(9, 4))
    for design in (columns, np.hstack([columns, columns[:, :1]])):
        first, second = split_complete(design, values), split_incomplete(design, values)
        assert first[:2] == pytest.approx(second[:2])
        np.testing.assert_allclose(first[2], second[2])
        np.testing.assert_array_equal(first[3], second[3])
