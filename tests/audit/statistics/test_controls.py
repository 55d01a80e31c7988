"""The audit's checks of itself, and questions to the authors."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, simulate

from repro.audit.ledger.choice import Choice
from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.controls import resplit_baseline
from repro.audit.study.plan import Plan


def controlled(expected: str = "worse", **changes: Any) -> Plan:
    plan = arms_plan(1, controls=True, baseline_seeds=12, **changes)
    controls = {"negative": {"stream": 1}, "positive": {"settings": {"rate": 0}, "expected": expected}}
    return plan.model_copy(update={"declaration": plan.declaration | {"controls": controls}})


def test_controls_pass_and_fail() -> None:
    plan = controlled()
    controls = analyse(plan, simulate(plan, linear(), seed=1)).controls.set_index("control")
    assert controls["passed"].to_dict() == {"negative control": True, "positive control": True, "A/A re-splits": True}
    plan = controlled(expected="better")
    assert not analyse(plan, simulate(plan, linear())).controls.set_index("control").loc["positive control", "passed"]


def test_a_negative_control_that_matters_fails() -> None:
    plan = controlled()
    results = simulate(plan, linear())
    results.rows.loc[results.rows["run"].str.startswith("v2"), "value"] += 7
    controls = analyse(plan, results).controls.set_index("control")
    assert (controls.loc["negative control", "found"], controls.loc["negative control", "passed"]) == ("matters", False)


def test_a_control_that_was_not_run_has_not_passed() -> None:
    plan = controlled()
    results = simulate(plan, linear(), missing=[f"v{row}-s{seed}" for row in (2, 3) for seed in range(12)])
    controls = analyse(plan, results).controls.set_index("control")
    assert controls.loc[["negative control", "positive control"], "found"].tolist() == ["not measured"] * 2
    assert not controls.loc[["negative control", "positive control"], "passed"].any()
    half = analyse(plan, simulate(plan, linear(), missing=["v2-s5"])).controls.set_index("control")
    assert half.loc[["negative control", "positive control"], "passed"].tolist() == [False, True]
    assert "v2-s5" in half.loc["negative control", "detail"]
    few = arms_plan(1, seeds=3)
    found = analyse(few, simulate(few, linear())).controls.iloc[0]
    assert (found["control"], found["found"], found["passed"]) == ("A/A re-splits", "not measured", False)


def test_resplits_of_normal_noise_keep_their_level() -> None:
    """Over many baselines the rate of the t interval is .05, and the interval of one baseline holds it."""
    rates = [resplit_baseline(row, 4000) for row in np.random.default_rng(5).normal(size=(60, 12))]
    found = np.array([rate.interval for rate in rates])
    assert found.mean() == pytest.approx(0.05, abs=3 * found.std() / 60**0.5)
    assert np.mean([rate.low <= 0.05 <= rate.high for rate in rates]) > 0.85
    assert all(rate.sign_flip < 0.05 for rate in rates)
    assert (rates[0].sign_flip_pairs, rates[0].interval_pairs) == (6, 5)


@pytest.mark.parametrize(("seeds", "pairs"), [(4, 4), (8, 6), (9, 6)])
def test_resplits_take_the_pairs_of_the_study_and_judge_by_its_test(seeds: int, pairs: int) -> None:
    """Six pairs are all that twelve runs of the baseline give; with five or fewer no p is below .05."""
    plan = controlled(seeds=seeds)
    control = analyse(plan, simulate(plan, linear())).controls.set_index("control").loc["A/A re-splits"]
    assert control["detail"].startswith(f"sign flip, 1000 re-splits of 12 runs of the baseline in {pairs} pairs")
    assert ("cannot go below p = 0.12" in control["detail"]) == (pairs == 4)
    assert control["rate_low"] <= control["rate"] <= min(control["rate_high"], 0.05)
    assert control["found"].startswith(f"{control['rate']:.1%} (95 % ")


def test_resplits_are_no_independent_trials() -> None:
    """Between baselines the rate varies more than a binomial of as many re-splits would."""
    rates = [resplit_baseline(row, 4000).interval for row in np.random.default_rng(6).normal(size=(60, 12))]
    assert np.var(rates) > 4 * 0.05 * 0.95 / 4000


def test_resplits_see_a_test_that_alarms_too_often() -> None:
    """Runs that are wrongly taken for t-distributed: two clusters at one distance make the interval alarm."""
    clustered = np.tile([0.0, 1.0], 7) + np.random.default_rng(7).normal(0, 1e-3, 14)
    rates = resplit_baseline(clustered)
    exact = np.mean([abs(stats.ttest_1samp(d, 0).statistic) > stats.t.ppf(0.975, 5) for d in _splits(clustered, 3000)])
    assert rates.interval == pytest.approx(exact, abs=0.02)


def _splits(values: np.ndarray, count: int) -> np.ndarray:
    generator = np.random.default_rng(8)
    orders = np.array([generator.choice(len(values), size=12, replace=False) for _ in range(count)])
    return values[orders[:, :6]] - values[orders[:, 6:]]


def test_questions_are_ordered_by_what_an_answer_takes_away() -> None:
    plan = arms_plan(3, seeds=8)
    results = simulate(plan, linear(a=1, b=4), Noise(run=0.2))
    ledger = {"b": Choice("Which b?", gap="-", paper="silent", options={"no": (), "yes": ()})}
    questions = analyse(plan, results, ledger).questions
    assert questions["detail"].tolist() == ["b", "a", "c"]
    assert questions["question"].tolist() == ["Which b?", "Which value has a?", "Which value has c?"]
    effects = analyse(plan, results).effects.set_index("detail")
    # Two options as likely as one another: half the difference is their sd; its error adds to it.
    expected = np.hypot(effects.loc["b", "estimate"] / 2, effects.loc["b", "se"] / 2**0.5)
    assert questions.loc[0, "shrinks"] == pytest.approx(expected)
    assert questions.loc[0, "reason"].startswith("matters: options differ by")


def test_questions_without_a_measurement_come_last() -> None:
    plan = arms_plan(2, seeds=3)
    results = simulate(plan, linear(), missing=[f"v1-s{seed}" for seed in range(3)])
    questions = analyse(plan, results).questions
    assert questions["detail"].tolist() == ["b", "a"]
    assert questions.loc[1, "reason"] == "no effect was measured"
