"""Which verdicts were in reach, held against verdicts that simulated studies were given."""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import linear, make_plan, simulate, two_levels

from repro.audit.statistics.effects import contrast_effects, paired_effects
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.power import t_power
from repro.audit.statistics.reach import REACH_COLUMNS, find_reach
from repro.audit.study.plan import Plan


def reach_of(plan: Plan, estimate, seed: int = 0, **truth: float):
    results = simulate(plan, linear(**truth), seed=seed)
    effects = judge_effects(plan, tabulate_outcomes(plan, results), partial(estimate, plan))
    return effects, find_reach(plan, effects)


def widen(plan: Plan, margin: float) -> Plan:
    metrics = {name: metric | {"margin": margin} for name, metric in plan.declaration["metrics"].items()}
    return plan.model_copy(update={"declaration": plan.declaration | {"metrics": metrics}})


def test_equivalence_is_in_reach_where_the_interval_fits_into_the_margin() -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=3)
    effects, reach = reach_of(plan, contrast_effects)
    halves = (effects["high90"] - effects["low90"]) / 2
    assert list(reach.columns) == list(REACH_COLUMNS)
    row = reach.iloc[0]
    assert (row["narrowest"], row["widest"]) == (pytest.approx(halves.min()), pytest.approx(halves.max()))
    assert row["possible"] == 0
    assert row["chance_high"] < 0.01, "an interval that is wider than the margin hardly ever fits into it"
    wide = find_reach(widen(plan, 2 * float(halves.max())), effects).iloc[0]
    assert wide["possible"] == wide["details"] == wide["options"] == 4
    assert find_reach(widen(plan, 0.999 * float(halves.min())), effects).iloc[0]["possible"] == 0
    barely = find_reach(widen(plan, 1.001 * float(halves.min())), effects).iloc[0]
    assert barely["possible"] == 0, "Holm over four asks the first for more than a 90 % interval"


def test_the_chance_is_how_often_nothing_is_called_equivalent() -> None:
    """200 independent metrics in each of which nothing is there; each forecasts from an error of its own."""
    plan = widen(make_plan(two_levels(3), "full_factorial", seeds=3, metrics=200), 1.2)
    effects, reach = reach_of(plan, contrast_effects)
    inside = effects["p_equivalent"] < 0.05 / 3
    forecast = (reach["chance_low"].mean() + reach["chance_high"].mean()) / 2
    monte_carlo = np.sqrt(0.25 / 200)
    assert inside.mean() == pytest.approx(forecast, abs=3 * monte_carlo)


def test_the_detectable_effect_has_the_power_of_the_test_that_was_made() -> None:
    """By the noncentral t at the level after Holm over three, from the standard error of the row itself."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=3)
    effects, reach = reach_of(plan, contrast_effects)
    found = [
        t_power(reach.iloc[0]["detectable_high"] / se, 1, 0.05 / 3, df)
        for se, df in zip(effects["se"], effects["df"], strict=True)
    ]
    assert min(found) == pytest.approx(0.8, abs=1e-3)


def test_pairs_are_held_to_their_own_test() -> None:
    plan = arms_plan(2, seeds=5)
    _, reach = reach_of(plan, paired_effects)
    assert np.isinf(reach["detectable_low"]).all(), "five seeds cannot pass after Holm over two"
    plan = arms_plan(1, seeds=10)
    effects, reach = reach_of(plan, paired_effects)
    found = reach.iloc[0]["detectable_low"] / effects["sd"].iloc[0]
    assert found == pytest.approx(0.98, abs=0.15), "the sign flip of ten seeds is close to the t test"
    assert stats.nct.sf(stats.t.isf(0.025, 9), 9, found * np.sqrt(10)) == pytest.approx(0.8, abs=0.1)


def test_without_errors_there_is_no_row() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=1)
    assert len(reach_of(plan, contrast_effects)[1]) == 0
