"""Runs with seeds of their own: Welch against scipy, the error of a design by hand, and what false alarms they give."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.unpaired import compare_groups, find_unpaired_lack, find_within_error
from repro.audit.study.declaration import Found
from repro.audit.study.plan import Plan

UNPAIRED = Found(table="runs.csv", paired=False, replicate="run")


def found(plan: Plan, paired: bool = False) -> Plan:
    study = plan.declared.model_copy(update={"found": UNPAIRED.model_copy(update={"paired": paired})})
    return plan.model_copy(update={"declaration": study.model_dump(mode="json")})


@pytest.mark.parametrize(("n", "m"), [(2, 2), (6, 8), (8, 6), (12, 12)])
def test_welch_is_that_of_scipy(n: int, m: int) -> None:
    generator = np.random.default_rng(n)
    option, baseline = 1 + 4 * generator.normal(size=n), generator.normal(size=m)
    wide = max(n, m)
    padded = [np.pad(x, (0, wide - len(x)), constant_values=np.nan)[None] for x in (option, baseline)]
    here = compare_groups(*padded, higher_is_better=True)
    there = stats.ttest_ind(option, baseline, equal_var=False)
    assert here["p"][0] == pytest.approx(there.pvalue, rel=1e-9)
    assert here["df"][0] == pytest.approx(there.df, rel=1e-9)
    interval = there.confidence_interval()
    assert [here["low"][0], here["high"][0]] == pytest.approx([interval.low, interval.high], rel=1e-9)
    wins = np.mean([a > b for a in option for b in baseline])
    assert here["probability_of_improvement"][0] == pytest.approx(wins)


def test_few_runs_against_many_have_the_degrees_of_freedom_of_few() -> None:
    close, far = np.array([[1.0, 1.001] + [np.nan] * 28]), np.random.default_rng(0).normal(size=(1, 30))
    assert stats.ttest_ind(close[0, :2], far[0], equal_var=False).df > 28
    assert compare_groups(close, far, higher_is_better=True)["df"][0] == 2.0


def test_one_run_has_a_difference_and_no_error() -> None:
    here = compare_groups(np.array([[1.0, np.nan]]), np.array([[2.0, 3.0]]), higher_is_better=True)
    assert here["estimate"][0] == -1.5
    assert np.isnan([here[name][0] for name in ("se", "df", "low", "p")]).all()


def test_runs_that_do_not_differ_are_certain() -> None:
    here = compare_groups(np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[2.0, 2.0]]), higher_is_better=True)
    assert here["p"].tolist() == [0.0, 1.0]


def false_alarms(draw: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    one = [
        compare_groups(a[None], b[None], higher_is_better=True)["p"][0] < 0.05 for a, b in zip(draw, base, strict=True)
    ]
    return float(np.mean(one))


def test_unequal_spread_and_sizes_give_false_alarms_at_the_level() -> None:
    generator = np.random.default_rng(0)
    option = np.full((2000, 20), np.nan)
    option[:, :5] = 4 * generator.normal(size=(2000, 5))
    baseline = generator.normal(size=(2000, 20))
    pooled = stats.ttest_ind(option[:, :5], baseline, axis=1).pvalue
    # 2,000 draws at .05: sd .0049, so that three of them are .015
    assert false_alarms(option, baseline) < 0.05 + 0.015
    assert np.mean(pooled < 0.05) > 0.2  # what one variance for both would give


def test_a_design_is_held_against_runs_within_variants() -> None:
    plan = found(make_plan(two_levels(2), "full_factorial", seeds=4))
    results = simulate(plan, linear(a=3.0), Noise(seed=0.0, run=1.0, image=0.0))
    table = tabulate_outcomes(plan, results)[0]
    term = choose_error_term(code_details(plan), table)
    by_hand = table.values.var(axis=1, ddof=1).mean()  # as many runs in each
    assert term.df.tolist() == [12.0, 12.0]
    assert term.variance == pytest.approx([by_hand, by_hand], rel=1e-9)
    effect = analyse(plan, results).effects.set_index("detail").loc["a"]
    means = table.values.mean(axis=1)
    with_a = [place for place, v in enumerate(plan.variants) if "a" in v.settings]
    without = [place for place, v in enumerate(plan.variants) if "a" not in v.settings]
    assert effect["estimate"] == pytest.approx(means[with_a].mean() - means[without].mean(), rel=1e-9)
    assert effect["se"] == pytest.approx(np.sqrt(by_hand * (1 / 8 + 1 / 8)), rel=1e-9)


def test_what_a_seed_shifts_is_noise_where_seeds_are_not_shared() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=4)
    results = simulate(plan, linear(a=3.0), Noise(seed=5.0, run=0.1, image=0.0))
    paired, unpaired = (
        analyse(item, results).effects.set_index("detail").loc["a", "se"] for item in (plan, found(plan))
    )
    assert unpaired > 5 * paired


def test_lack_of_fit_is_the_classical_f() -> None:
    generator = np.random.default_rng(1)
    columns = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    values = generator.normal(size=(4, 5))
    values[0, 3:] = np.nan  # unbalanced
    within = find_within_error(values)
    from repro.audit.statistics.mean_squares import MeanSquare

    lack = find_unpaired_lack(columns, values, MeanSquare(within.variance, within.df))
    places = np.nonzero(np.isfinite(values))
    y, x = values[places], np.column_stack([np.ones(len(places[0])), columns[places[0]]])
    left = ((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum()
    f = (left - within.total) / 1 / within.variance
    assert lack.f == pytest.approx(f, rel=1e-9)
    assert lack.p == pytest.approx(stats.f.sf(f, 1, 14), rel=1e-9)


def test_arms_of_other_seeds_are_compared_by_welch() -> None:
    plan = found(make_plan(two_levels(1), "one_at_a_time", seeds=6, rows=[{"a": "yes"}]))
    results = simulate(plan, linear(a=3.0), Noise(seed=0.0, run=1.0, image=0.0))
    row = analyse(plan, results).effects.iloc[0]
    values = tabulate_outcomes(plan, results)[0].values
    assert row["kind"] == "unpaired"
    assert row["p"] == pytest.approx(stats.ttest_ind(values[1], values[0], equal_var=False).pvalue, rel=1e-9)


def test_a_plan_that_was_not_found_says_nothing_of_it() -> None:
    plan = make_plan(two_levels(1), "one_at_a_time", seeds=2, rows=[{"a": "yes"}])
    assert "found" not in plan.declared.model_dump(mode="json")
