"""Claims: what makes them hold, fail, depend, or stay open."""

from typing import Any

import numpy as np
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.claims import DEPENDS, FAILS, HOLDS, OPEN
from repro.audit.study.plan import Plan

LITTLE = Noise(run=0.3)


def claimed(plan: Plan, detail: str, better: str, than: str, results: Any) -> Any:
    claim = {
        "text": "-",
        "metric": "m0",
        "detail": detail,
        "better": better,
        "than": than,
        "reported": 25.0,
        "source": "-",
    }
    plan = plan.model_copy(update={"declaration": plan.declaration | {"claims": [claim]}})
    return next(analyse(plan, results).claims.itertuples())


@pytest.mark.parametrize("direction", ["higher", "lower"])
@pytest.mark.parametrize(
    ("effect", "better", "verdict"),
    [(3, "yes", HOLDS), (3, "no", FAILS), (-3, "yes", FAILS), (-3, "no", HOLDS), (0.1, "yes", OPEN)],
)
def test_direction(direction: str, effect: float, better: str, verdict: str) -> None:
    plan = arms_plan(1, seeds=8, direction=direction)
    results = simulate(plan, linear(a=effect if direction == "higher" else -effect), LITTLE, seed=1)
    found = claimed(plan, "a", better, "no" if better == "yes" else "yes", results)
    assert found.verdict == verdict
    assert found.low < found.estimate < found.high
    gain = effect if better == "yes" else -effect
    assert found.estimate == pytest.approx(gain if direction == "higher" else -gain, abs=0.5)
    assert len(found.runs) == 16


def test_an_improvement_inside_the_margin_fails() -> None:
    plan = arms_plan(1, seeds=10, margin=2.0)
    found = claimed(plan, "a", "yes", "no", simulate(plan, linear(a=0.8), LITTLE))
    assert found.verdict == FAILS
    assert "no more than the margin of 2" in found.reason


def test_reported_beside_reproduced() -> None:
    plan = arms_plan(1, seeds=8)
    results = simulate(plan, linear(a=3), LITTLE)
    found = claimed(plan, "a", "yes", "no", results)
    means = results.rows[results.rows["run"].str.startswith("v1")]["value"]
    assert (found.reported, found.reproduced) == (25.0, pytest.approx(means.mean()))
    half = 2.3646 * means.std() / 8**0.5
    assert (found.reproduced_low, found.reproduced_high) == pytest.approx(
        (means.mean() - half, means.mean() + half), 1e-4
    )


def test_two_options_that_are_not_the_baselines() -> None:
    """They are compared with one another, arm by arm, as one contrast more of the study."""
    rows = [{"a": "yes"}, {"a": "other"}, {"b": "yes"}]
    plan = make_plan({"a": ["no", "yes", "other"], "b": ["no", "yes"]}, "one_at_a_time", seeds=9, rows=rows)
    results = simulate(plan, lambda s: {"yes": 4.0, "other": 1.0, "no": 0.0}[s.get("a", "no")], LITTLE)
    found = claimed(plan, "a", "yes", "other", results)
    assert (found.verdict, found.estimate) == (HOLDS, pytest.approx(3, abs=0.5))
    assert f"p = {4 * 2 / 2**9:.2g}" in found.reason
    assert set(found.runs) == {f"v{arm}-s{seed}" for arm in (1, 2) for seed in range(9)}


def test_two_options_of_a_design_that_are_not_the_baselines() -> None:
    plan = make_plan({"a": ["no", "yes", "other"], "b": ["no", "yes"]}, "full_factorial", seeds=9)
    results = simulate(plan, lambda s: {"yes": 4.0, "other": 1.0, "no": 0.0}[s.get("a", "no")], LITTLE)
    found = claimed(plan, "a", "yes", "other", results)
    taken = {variant.id: variant.settings.get("a") for variant in plan.variants}
    assert {run.split("-")[0] for run in found.runs} == {name for name, option in taken.items() if option}
    values = results.rows.assign(option=results.rows["run"].str.split("-").str[0].map(taken)).groupby("option")["value"]
    assert found.verdict == HOLDS
    assert found.estimate == pytest.approx(values.mean()["yes"] - values.mean()["other"])


def test_reproduced_in_a_design_is_no_more_of_the_baseline_than_of_the_others() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=2, baseline_seeds=10)
    results = simulate(plan, lambda settings: 18.0 if settings else 20.0, Noise(run=0.0))
    found = claimed(plan, "a", "no", "yes", results)
    assert found.reproduced == pytest.approx((20 + 3 * 18) / 4)


def test_equivalence_needs_both_sides_to_have_come_out() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=9)
    without = [variant.id for variant in plan.variants if "a" not in variant.settings]
    failed = [run.id for run in plan.runs if run.variant in without]
    assert claimed(plan, "a", "yes", "no", simulate(plan, linear(), Noise(run=0.01))).verdict == FAILS
    found = claimed(plan, "a", "yes", "no", simulate(plan, linear(), Noise(run=0.01), failed=failed))
    assert "no more than the margin" not in found.reason


def test_depends_on_another_detail() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=4)
    found = claimed(plan, "a", "yes", "no", simulate(plan, linear(a=-2, a_b=4), LITTLE))
    assert found.verdict == DEPENDS
    assert "a x b" in found.reason


def test_an_unfinished_study_is_judged_from_what_is_there() -> None:
    plan = arms_plan(1, seeds=8)
    assert claimed(plan, "a", "yes", "no", simulate(plan, linear(a=5), LITTLE, missing=["v1-s3"])).verdict == HOLDS
    nothing = claimed(plan, "a", "yes", "no", simulate(plan, linear(), missing=[f"v1-s{seed}" for seed in range(8)]))
    assert nothing.verdict == OPEN
    assert np.isnan(nothing.estimate)
