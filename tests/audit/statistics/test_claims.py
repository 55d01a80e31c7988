"""Claims: what makes them hold, fail, depend, or stay open."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.claims import DEPENDS, FAILS, HOLDS, OPEN
from repro.audit.statistics.results import Results
from repro.audit.study.declaration import Claim
from repro.audit.study.plan import Plan

LITTLE = Noise(run=0.3)


def claimed(plan: Plan, detail: str, better: str, than: str, results: Any, **more: Any) -> Any:
    claim = {
        "text": "-",
        "metric": "m0",
        "detail": detail,
        "better": better,
        "than": than,
        "reported": 25.0,
        "source": "-",
        **more,
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


def test_a_claim_is_judged_from_the_runs_that_are_there() -> None:
    plan = arms_plan(1, seeds=8)
    found = claimed(plan, "a", "yes", "no", simulate(plan, linear(a=5), LITTLE, missing=["v1-s3"]))
    assert found.verdict == HOLDS
    assert found.reason.endswith("; 1 of its runs missing: v1-s3")
    assert len(found.runs) == 14
    nothing = claimed(plan, "a", "yes", "no", simulate(plan, linear(), missing=[f"v1-s{seed}" for seed in range(8)]))
    assert (nothing.verdict, nothing.reason[-45:]) == (OPEN, "of its runs missing: v1-s0, v1-s1, v1-s2, ...")
    assert np.isnan(nothing.estimate)


def test_reproduced_holds_the_shift_of_a_seed_and_a_difference_does_not() -> None:
    """With seeds that move all variants by 5 and runs by .3, the mean is known to about 5, the effect to about .1."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=6)
    found = claimed(plan, "a", "yes", "no", simulate(plan, linear(a=3), Noise(seed=5.0, run=0.3)))
    assert found.reproduced_high - found.reproduced_low > 10 * (found.high - found.low)


def measure_tasks(plan: Plan, shifts: Sequence[float], units: Sequence[float] = (), run: float = 0.3) -> Results:
    """Returns results on several tasks, on each of which the detail a has another effect and the unit another size."""
    found = [simulate(plan, linear(a=shift), Noise(run=run), seed=place) for place, shift in enumerate(shifts)]
    rows = [
        one.rows.assign(task=f"t{place}", value=one.rows["value"] * (units[place] if units else 1))
        for place, one in enumerate(found)
    ]
    return found[0]._replace(rows=pd.concat(rows, ignore_index=True))


class TestTasks:
    @pytest.mark.parametrize("design", ["one_at_a_time", "full_factorial", "plackett_burman"])
    @pytest.mark.parametrize(
        ("shifts", "verdict"),
        [([2, 3, 2.5, 3.5], HOLDS), ([-2, -3, -2.5, -3.5], FAILS), ([3, -3, 0.5, 3], DEPENDS)],
    )
    def test_what_varies_from_task_to_task_decides(self, design: str, shifts: list[float], verdict: str) -> None:
        levels = two_levels(3)
        rows = [{key: "yes"} for key in levels] if design == "one_at_a_time" else None
        plan = make_plan(levels, design, seeds=9, rows=rows)
        found = claimed(plan, "a", "yes", "no", measure_tasks(plan, shifts))
        assert found.verdict == verdict
        assert found.reason.startswith("over 4 tasks, each with 9 seeds or more: ")
        assert found.estimate == pytest.approx(np.mean(shifts), abs=0.3)
        assert ("changes with the task" in found.reason) == (verdict == DEPENDS)
        # the other way round: the difference turns
        turned = claimed(plan, "a", "no", "yes", measure_tasks(plan, shifts))
        assert turned.estimate == pytest.approx(-found.estimate)

    def test_a_difference_on_one_task_of_four_does_not_hold(self) -> None:
        """By seeds alone the mean is far from zero; by tasks it is not."""
        plan = make_plan(two_levels(2), "full_factorial", seeds=9)
        results = measure_tasks(plan, [8.0, 0.1, -0.1, 0.2])
        without = results._replace(rows=results.rows.drop(columns="task").assign(unit=results.rows["task"]))
        assert claimed(plan, "a", "yes", "no", without).verdict == HOLDS
        assert claimed(plan, "a", "yes", "no", results).verdict == DEPENDS

    def test_a_mean_of_unlike_units_is_refused_and_a_scale_is_the_remedy(self) -> None:
        plan = make_plan(two_levels(2), "full_factorial", seeds=5)
        results = measure_tasks(plan, [2, 3, 2.5, 2], units=[1000, 1, 1, 1])
        found = claimed(plan, "a", "yes", "no", results)
        assert found.verdict == OPEN
        assert found.reason.startswith("no mean over tasks: 100 % of it lies in 1 of 4 tasks (t0)")
        assert np.isnan([found.estimate, found.reproduced, found.survival, found.noise_sd]).all()
        scaled = claimed(plan, "a", "yes", "no", results, scale="baseline_ratio", margin=0.01)
        assert scaled.verdict == HOLDS
        assert scaled.estimate == pytest.approx(2.375 / 20, abs=0.02)
        assert "of the other option's value" in scaled.reason
        assert "refused" not in scaled.reason
        assert np.isnan(scaled.reproduced)
        assert claimed(plan, "a", "yes", "no", results, scale="baseline_ratio", margin=0.5).verdict == FAILS

    def test_units_that_are_declared_alike_are_averaged(self) -> None:
        plan = make_plan(two_levels(2), "full_factorial", seeds=5)
        results = measure_tasks(plan, [2, 3, 2.5, 2], units=[1000, 1, 1, 1])
        found = claimed(plan, "a", "yes", "no", results, units=dict.fromkeys(["t0", "t1", "t2", "t3"], "points"))
        assert found.estimate == pytest.approx((2000 + 3 + 2.5 + 2) / 4, rel=0.1)

    def test_a_scale_without_tasks_is_said(self) -> None:
        plan = make_plan(two_levels(2), "full_factorial", seeds=5)
        found = claimed(plan, "a", "yes", "no", simulate(plan, linear(a=3)), scale="per_task_sd", margin=1.0)
        assert (found.verdict, found.reason) == (
            OPEN,
            "its scale, per_task_sd, is one of tasks, and runs were not measured on several",
        )

    def test_a_study_that_grows_pays_for_its_looks(self) -> None:
        plan = make_plan(two_levels(2), "full_factorial", seeds=5)
        grows = plan.model_copy(update={"declaration": plan.declaration | {"sequential": {"most_seeds": 20}}})
        results = measure_tasks(plan, [2, 3, 0.5, 4])
        once, often = (
            float(claimed(some, "a", "yes", "no", results).reason.split("p = ")[1].split()[0]) for some in (plan, grows)
        )
        assert once < often

    def test_one_task_is_as_none(self) -> None:
        plan = make_plan(two_levels(2), "full_factorial", seeds=5)
        one = measure_tasks(plan, [3])
        first, second = (
            claimed(plan, "a", "yes", "no", some) for some in (one, one._replace(rows=one.rows.drop(columns="task")))
        )
        assert first.reason == second.reason

    def test_a_run_that_is_missing_or_failed_on_all_tasks(self) -> None:
        plan = arms_plan(1, seeds=8)
        results = measure_tasks(plan, [2, 3, 2.5, 3.5])
        rows = results.rows[~results.rows["run"].isin(["v1-s3", "v1-s4"])]
        runs = results.runs.drop("v1-s3")
        runs.loc["v1-s4", "status"] = "failed"
        found = claimed(plan, "a", "yes", "no", results._replace(rows=rows, runs=runs))
        assert "each with 7 seeds or more" in found.reason
        assert found.reason.endswith("1 of its runs missing: v1-s3")


def test_a_scale_and_its_margin_come_together() -> None:
    claim = {"text": "-", "metric": "m", "detail": "a", "better": 1, "than": 2, "source": "-"}
    for wrong in ({"scale": "per_task_sd"}, {"margin": 1.0}):
        with pytest.raises(ValidationError, match="a scale and a margin in its unit come together"):
            Claim.model_validate(claim | wrong)


def test_a_claim_without_tasks_is_dumped_as_before() -> None:
    """Plans that were frozen before claims had scales keep their fingerprints."""
    claim = {"text": "-", "metric": "m", "detail": "a", "better": 1, "than": 2, "reported": None, "source": "-"}
    assert Claim.model_validate(claim).model_dump(mode="json") == claim
    scaled = claim | {"scale": "per_task_sd", "margin": 1.0, "units": {"adult": "accuracy"}}
    assert Claim.model_validate(scaled).model_dump(mode="json") == scaled
