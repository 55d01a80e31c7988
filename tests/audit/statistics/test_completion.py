"""What a look at a study's results holds."""

from datetime import UTC, datetime

from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, simulate

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.completion import take_look
from repro.audit.study.plan import Look

NOW = datetime(2026, 3, 20, 23, tzinfo=UTC)


def test_a_look_counts_complete_seeds_and_names_what_is_settled() -> None:
    plan = arms_plan(2, seeds=8, margin=1.0, baseline_seeds=12, controls=True)
    results = simulate(plan, linear(a=9), Noise(run=0.3), missing=["v1-s7"], failed=["v2-s6", "v3-s1"])
    verdicts = analyse(plan, results).verdicts.assign(verdict=["matters", "undecided"])
    look = take_look(plan, results, verdicts, NOW)
    # a seed that only the baseline and the controls have is none of the study's; a failed run has been run
    assert look == Look(date="2026-03-20", seeds=7, runs=len(plan.runs) - 1, settled={"a": "matters"})


def test_a_missing_control_makes_no_seed_incomplete() -> None:
    plan = arms_plan(1, seeds=4, controls=True)
    results = simulate(plan, linear(), missing=["v2-s0"])
    assert take_look(plan, results, analyse(plan, results).verdicts, NOW).seeds == 4
