"""The smallest detectable effect, against statsmodels and against simulation."""

from math import inf, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_factorial import make_plan, two_levels
from statsmodels.stats.power import TTestPower

from benchmarks.factorial_error import choose_errors, find_squares
from repro.audit.statistics.minimum_detectable_effect import (
    contrast_error,
    detectable_effects,
    seeds_needed,
    t_shift,
    tell_shared_seeds,
)
from repro.audit.statistics.paired import compare_pairs
from repro.audit.statistics.power import equivalence_power, smallest_shift
from repro.audit.study.plan import Plan


def plan(design: str = "one_at_a_time", details: int = 4, **changes: Any) -> Plan:
    """Returns a plan of four details, by default with an arm for each, whose outcome is in dB."""
    levels = two_levels(details)
    rows = [{key: "yes"} for key in levels] if design == "one_at_a_time" else None
    made = make_plan(levels, design, rows=rows, **changes)
    made.declaration["metrics"]["m0"]["unit"] = "dB"
    return made


@pytest.mark.parametrize(("seeds", "alpha"), [(3, 0.05), (5, 0.05), (12, 0.05 / 12), (40, 1e-4)])
def test_the_t_test_agrees_with_statsmodels(seeds, alpha) -> None:
    theirs = TTestPower().solve_power(nobs=seeds, alpha=alpha, power=0.8, alternative="two-sided")
    assert t_shift(seeds - 1, alpha) / sqrt(seeds) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize(("seeds", "alpha"), [(6, 0.05), (8, 0.05), (9, 0.05 / 7), (12, 0.05)])
def test_the_test_of_pairs_has_the_power_that_is_promised(seeds, alpha) -> None:
    """4,000 studies: one standard error is .006; the promise itself comes from 500 simulations, whose is .018."""
    option, baseline = np.random.default_rng(0).normal(0, sqrt(0.5), (2, 4000, seeds))
    found = compare_pairs(option + smallest_shift(seeds, alpha), baseline, higher_is_better=True)
    assert (found["p"] <= alpha + 1e-12).mean() == pytest.approx(0.8, abs=4 * 0.019)


def test_few_seeds_cannot_reach_the_level() -> None:
    assert [seeds_needed(alpha) for alpha in (0.05, 0.05 / 7, 0.05 / 12)] == [6, 9, 9]
    row = detectable_effects(plan(seeds=5), {}).iloc[0]
    assert row["effect"] == inf
    assert row["note"].startswith("nothing can reach p < 0.05: the smallest p of 5 seeds is 0.0625, and 0.0125 is")
    assert "8 seeds could" in row["note"]


def test_a_study_that_grows_from_one_seed_has_nothing_to_test_yet() -> None:
    made = plan(seeds=1)
    made.declaration["sequential"] = {"most_seeds": 24}
    row = detectable_effects(made, {}).iloc[0]
    assert row["effect"] == inf
    assert row["note"] == "nothing can be tested yet: a study that grows is first looked at with 2 seeds"


def test_noise_gives_the_unit() -> None:
    made = plan(seeds=12)
    bare, known = (detectable_effects(made, noise).iloc[0] for noise in ({}, {"m0": 0.3}))
    assert (bare["unit"], known["unit"]) == ("seed SD", "dB")
    assert known["effect"] == pytest.approx(0.3 * bare["effect"])
    assert bare["effect"] == pytest.approx(sqrt(2) * smallest_shift(12, 0.05 / 4))


@pytest.mark.parametrize(("design", "rows"), [("plackett_burman", 16), ("full_factorial", 16)])
def test_a_balanced_contrast_has_twice_the_standard_error_of_a_mean(design, rows) -> None:
    assert contrast_error(plan(design)) == pytest.approx(2 / sqrt(rows))


def test_a_contrast_has_the_power_that_is_promised() -> None:
    """Simulated: 16 rows by 2 seeds with a shift for each seed, one effect of the promised size."""
    made = plan("full_factorial", seeds=2)
    row = detectable_effects(made, {"m0": 1.0}).iloc[0]
    rng = np.random.default_rng(0)
    has = np.array(["c" in variant.settings for variant in made.variants])
    noise = rng.normal(size=(4000, 16, 2)) + rng.normal(size=(4000, 1, 2))
    values = noise + row["effect"] * has[:, None]
    effect = values[:, has].mean(axis=(1, 2)) - values[:, ~has].mean(axis=(1, 2))
    squares = find_squares(np.where(signs_of(made), 1.0, -1.0), values)
    alpha, powers = 0.05 / 4, {}
    for method in ("pooled", "own or pooled"):
        variance, df = choose_errors(squares, method)
        t = squares.estimates[:, 2] / np.sqrt(variance[:, 2] * squares.unit[2])
        powers[method] = float((np.abs(t) > stats.t.isf(alpha / 2, df[:, 2])).mean())
    np.testing.assert_allclose(squares.estimates[:, 2], effect)
    assert powers["own or pooled"] == pytest.approx(0.8, abs=0.03)
    assert powers["pooled"] > powers["own or pooled"]


def signs_of(made: Plan) -> Any:
    return np.array([[key in variant.settings for key in made.levels] for variant in made.variants])


def test_nothing_is_called_equivalent_as_often_as_is_said() -> None:
    made = plan("full_factorial", seeds=3)
    made.declaration["metrics"]["m0"]["margin"] = 1.0
    promised = detectable_effects(made, {"m0": 1.0}).iloc[0]["equivalence"]
    values = np.random.default_rng(1).normal(size=(4000, 16, 3))
    squares = find_squares(np.where(signs_of(made), 1.0, -1.0), values)
    variance, df = choose_errors(squares, "own or pooled")
    level = 0.05 / len(made.levels)  # for one that is equivalent alone
    reach = stats.t.isf(level, df) * np.sqrt(variance * squares.unit)
    called = (np.abs(squares.estimates) + reach < 1.0).mean(axis=0)
    np.testing.assert_allclose(called, promised, atol=0.03)
    assert 0.1 < promised < 0.99


def test_measured_errors_take_the_place_of_the_noise_floor() -> None:
    made = plan("full_factorial", seeds=2)
    contrasts = pd.DataFrame({"metric": "m0", "se": [0.2, 0.5], "df": [4.0, 9.0]})
    row = detectable_effects(made, {"m0": 1.0}, contrasts).iloc[0]
    assert row["effect"] == pytest.approx(max(0.2 * t_shift(4, 0.05 / 4), 0.5 * t_shift(9, 0.05 / 4)))
    assert row["equivalence"] == pytest.approx(
        min(equivalence_power(x, df, 0.05 / 4) for x, df in ((0.5, 4), (0.2, 9)))
    )


def test_a_plan_says_what_shared_seeds_cost_and_where_they_are_too_few() -> None:
    assert "on 4 degrees of freedom instead of the 15 of the pure error" in tell_shared_seeds(plan("full_factorial"))
    assert tell_shared_seeds(plan(seeds=9)) == ""
    few = detectable_effects(plan("full_factorial", details=2), {})["note"][0]
    assert "2 columns by 1: 2 degrees of freedom" in few
    assert few.endswith("so few ask for t of 6.21: 4 seeds would give 6 or more")


def test_one_seed_and_shared_columns_are_said() -> None:
    assert "one seed leaves no detail x seed" in detectable_effects(plan("full_factorial", seeds=1), {})["note"][0]
    controls = plan(details=0, seeds=4, baseline_seeds=10, controls=True)
    assert detectable_effects(controls, {}).iloc[0]["effect"] == pytest.approx(sqrt(2) * smallest_shift(10, 0.05))
