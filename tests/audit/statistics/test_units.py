"""Units as a random factor: coverage of the population of units, and agreement with the exact crossed model."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.effects import contrast_effects, paired_effects
from repro.audit.statistics.linear_model import code_details, fit_effects
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.mean_squares import MeanSquare
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.units import (
    UNIT_COLUMNS,
    add_unit_error,
    contrast_units,
    generalise_effects,
    index_units,
    pair_units,
    read_units,
)
from repro.audit.study.plan import Plan

STUDIES = 100
MONTE_CARLO = 2 * np.sqrt(0.05 * 0.95 / STUDIES)
"""Two standard errors of a coverage of .95 over so many studies."""


def add_detail_by_unit(plan: Plan, results: Results, sd: float, group: int = 1, seed: int = 1) -> Results:
    """Adds to runs with a set what it does on each unit: of mean 0 over units of the kind, not over these."""
    generator = np.random.default_rng(seed)
    units = np.sort(results.rows["unit"].unique())
    metrics = results.rows["metric"].unique()
    does = sd * generator.standard_normal((len(metrics), -(-len(units) // group)))
    has = results.rows["run"].map(results.runs["variant"]).map({v.id: "a" in v.settings for v in plan.variants})
    place = pd.Index(metrics).get_indexer(results.rows["metric"]), results.rows["unit"].to_numpy() // group
    added = np.where(has, does[place], 0.0)
    rows = results.rows.assign(value=results.rows["value"] + added)
    return results._replace(
        rows=rows.assign(group=[f"g{unit // group}" for unit in rows["unit"]]) if group > 1 else rows
    )


def cover(table: pd.DataFrame) -> float:
    own = table[table["detail"] == "a"]
    return float(((own["low"] <= 0) & (own["high"] >= 0)).mean())


@pytest.mark.parametrize("sd", [0.0, 2.0])
def test_intervals_cover_the_effect_on_all_units_of_the_kind(sd: float) -> None:
    """Two details, three seeds, 8 units; nothing is there on average. Each metric is a study."""
    plan = make_plan(two_levels(2), "full_factorial", seeds=3, metrics=STUDIES)
    results = simulate(plan, linear(), Noise(run=0.3, image=0.5), images=8)
    analysis = analyse_effects(plan, add_detail_by_unit(plan, results, sd))
    assert cover(analysis["units"]) > 0.95 - MONTE_CARLO
    if sd:
        assert cover(analysis["effects"]) < 0.7, "seeds alone say nothing on other units"
    else:
        width = {name: (table["high"] - table["low"]).median() for name, table in analysis.items()}
        assert width["units"] < 1.2 * width["effects"], "where units make no difference there is little to pay"


def test_pairs_cover_it_as_well() -> None:
    plan = arms_plan(1, seeds=5, metrics=STUDIES)
    results = add_detail_by_unit(plan, simulate(plan, linear(), Noise(run=0.3, image=0.5), images=8), 2.0)
    analysis = analyse_effects(plan, results)
    assert cover(analysis["units"]) > 0.95 - MONTE_CARLO
    assert cover(analysis["effects"]) < 0.7


def test_units_of_one_group_are_no_independent_sample() -> None:
    """Sixteen units, cut from four sources: taken for independent, the interval is far too short."""
    plan = make_plan(two_levels(2), "full_factorial", seeds=3, metrics=STUDIES)
    results = add_detail_by_unit(plan, simulate(plan, linear(), Noise(run=0.3, image=0.5), images=16), 2.0, group=4)
    found = analyse_effects(plan, results)["units"]
    assert set(found["groups"]) == {4}
    assert cover(found) > 0.95 - MONTE_CARLO
    ungrouped = results._replace(rows=results.rows.drop(columns="group"))
    assert cover(analyse_effects(plan, ungrouped)["units"]) < 0.85


def analyse_effects(plan: Plan, results: Results) -> dict[str, pd.DataFrame]:
    """Returns effects and units without the rest of the analysis, whose verdicts would take most of the time."""
    tables = tabulate_outcomes(plan, results)
    estimate = paired_effects if plan.declared.design == "one_at_a_time" else contrast_effects
    effects = judge_effects(plan, tables, partial(estimate, plan))
    return {"effects": effects, "units": generalise_effects(plan, results, tables, effects)}


def test_effects_by_unit_average_to_the_effect_and_agree_with_a_fit_of_each() -> None:
    plan = make_plan(two_levels(3), seeds=2, controls=True)
    results = simulate(plan, linear(a=1, b=-2), Noise(seed=1, run=1, image=1), images=5, missing=["v2-s1"])
    found = analyse_effects(plan, results)
    np.testing.assert_allclose(found["units"]["estimate"], found["effects"]["estimate"])
    coding, tables = code_details(plan), tabulate_outcomes(plan, results)
    values = np.where(coding.points[:, None, None], read_units(index_units(results, tables), tables[0]).values, np.nan)
    by_unit = contrast_units(coding.matrix, values).effects
    each = np.array([fit_effects(coding.matrix, values[:, :, unit]).estimates for unit in range(5)]).T
    np.testing.assert_allclose(by_unit, each)
    np.testing.assert_allclose(by_unit.mean(axis=1), found["effects"]["estimate"])


def test_the_noise_within_units_is_that_of_the_crossed_model() -> None:
    """Variant x seed x unit has variance 4: an effect of half against half of 8 runs by unit has 4 * (1/4 + 1/4)."""
    generator = np.random.default_rng(0)
    columns = np.repeat([0.0, 1.0], 2)[:, None]
    found = contrast_units(columns, 2 * generator.standard_normal((4, 2, 4000)))
    assert found.noise[0] == pytest.approx(2.0, rel=0.05)
    assert found.effects.var() == pytest.approx(2.0, rel=0.1)
    pairs = pair_units(2 * generator.standard_normal((1, 5, 4000)), np.zeros((5, 4000)))
    assert pairs.noise[0] == pytest.approx(4 / 5, rel=0.05)
    assert pairs.effects.var() == pytest.approx(4 / 5, rel=0.1)


def test_the_sum_is_never_less_than_either_error() -> None:
    assert add_unit_error(MeanSquare(1.0, 4), MeanSquare(2.0, 9), MeanSquare(1.9, 36)) == MeanSquare(2.0, 9)
    total = add_unit_error(MeanSquare(1.0, 4), MeanSquare(2.0, 9), MeanSquare(0.5, 36))
    assert total.value == pytest.approx(2.5)
    assert total.df == pytest.approx(2.5**2 / (1 / 4 + 4 / 9 + 0.25 / 36))


def test_a_verdict_on_these_units_alone_is_told_from_one_on_the_kind() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=4)
    results = simulate(plan, linear(a=1.0, b=3.0), Noise(run=0.1, image=0.1), images=4)
    results = add_detail_by_unit(plan, results, 3.0)
    analysis = analyse(plan, results)
    here = analysis.verdicts.set_index("detail")["verdict"]
    elsewhere = analysis.units.set_index("detail")["verdict"]
    assert here.to_dict() == {"a": "matters", "b": "matters"}
    assert elsewhere.to_dict() == {"a": "undecided", "b": "matters"}
    found = analysis.units.set_index("detail")
    assert list(analysis.units.columns) == list(UNIT_COLUMNS)
    assert found["unit_p"]["a"] < 0.001 < found["unit_p"]["b"]
    assert found["sd"]["a"] > 10 * found["sd"]["b"]


def test_one_value_for_all_units_is_refused() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=3)
    units = analyse(plan, simulate(plan, linear(a=5), images=1)).units
    assert (units["refused"] == "it takes 2 units: the metric has 1").all()
    assert (units["verdict"] == "").all()
    assert units[["se", "low", "high", "p"]].isna().all(axis=None)


def test_a_run_that_failed_has_its_stand_in_on_every_unit() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=3)
    results = simulate(plan, linear(a=2), Noise(run=1, image=1), images=6, failed=["v1-s0"])
    found = analyse(plan, results)
    np.testing.assert_allclose(found.units["estimate"], found.effects["estimate"])
    assert (found.units["se"] >= found.effects["se"]).all()
