"""The five verdicts in their order, and what refuses them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.effects import EFFECT_COLUMNS
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import (
    EQUIVALENT,
    IN_INTERACTION,
    MATTERS,
    ONLY_IN_INTERACTION,
    UNDECIDED,
    judge_options,
)
from repro.audit.study.declaration import Outcome
from repro.audit.study.plan import Plan

METRIC = Outcome(direction="higher", margin=0.3, why="-", unit="dB")


def effect(estimate: float, half90: float, p: float, **changes: Any) -> Any:
    """A row of effects: interval of 90 % given by its half, the one of 95 % taken a quarter wider."""
    row = dict.fromkeys(EFFECT_COLUMNS, np.nan) | {
        "detail": "loss",
        "option": "hinge",
        "baseline": "ragan",
        "kind": "paired",
        "seeds": 8,
        "estimate": estimate,
        "sd": half90,
        "se": half90 / 8**0.5,
        "df": 7,
        **{"low": estimate - 1.25 * half90, "high": estimate + 1.25 * half90},
        **{"low90": estimate - half90, "high90": estimate + half90},
        "p": p,
        "p_adjusted": p,
        "family": 3,
        "failed": 0,
    }
    row |= changes
    inside = abs(estimate) + half90 < METRIC.margin
    row |= {"p_equivalent_adjusted": 0.01 if inside else 0.2, "details": 3}
    row |= {"equivalent_at": 8 if inside else np.nan, "matters_at": 8 if row["p_adjusted"] < 0.05 else np.nan} | changes
    return next(pd.DataFrame([row]).itertuples())


def interaction(p: float, shared: int = 0) -> Any:
    row = {"first": "loss", "second": "norm", "estimate": -0.7, "p_adjusted": p, "aliases": "a x b", "shared": shared}
    row |= {"rivals": "a x b" if shared else ""}
    return next(pd.DataFrame([row]).itertuples())


def test_precedence() -> None:
    inside, real, unsure = effect(0.1, 0.1, 0.001), effect(0.8, 0.2, 0.001), effect(0.2, 0.5, 0.4)
    assert judge_options([inside, inside], METRIC, "Holm").verdict == EQUIVALENT  # though it is significant
    assert judge_options([real, real], METRIC, "Holm").verdict == MATTERS
    assert judge_options([unsure, real], METRIC, "Holm").verdict == MATTERS
    assert judge_options([unsure], METRIC, "Holm", [interaction(0.01)]).verdict == IN_INTERACTION
    assert judge_options([unsure], METRIC, "Holm", [interaction(0.06)]).verdict == UNDECIDED
    assert judge_options([inside, inside], METRIC, "Holm", [interaction(0.01)]).verdict == ONLY_IN_INTERACTION
    found = judge_options([real], METRIC, "Holm", [interaction(0.01)])
    assert found.verdict == MATTERS
    assert "in interaction as well: loss x norm: -0.7 dB" in found.reason


def test_what_was_settled_first_stands() -> None:
    """A study that grows found a difference at 5 seeds, and at 9 that it lies inside the margin; or the other way."""
    first = effect(0.1, 0.1, 0.001, matters_at=5.0, equivalent_at=9.0)
    assert judge_options([first], METRIC, "Holm", most=20).verdict == MATTERS
    other = effect(0.1, 0.1, 0.001, matters_at=9.0, equivalent_at=5.0)
    assert judge_options([other], METRIC, "Holm", most=20).verdict == EQUIVALENT


def test_an_interaction_that_may_be_another_is_no_verdict() -> None:
    """The contrast of a 16-run design is seven pairs at once: it says that one of them matters, not which."""
    verdict = judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", [interaction(0.001, shared=6)])
    assert verdict.verdict == UNDECIDED
    assert "7 pairs apart" in verdict.refused
    both = [interaction(0.001, shared=6), interaction(0.01)]
    assert judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", both).verdict == IN_INTERACTION


def test_reasons_hold_the_numbers() -> None:
    found = judge_options([effect(0.8, 0.2, 0.0012), effect(0.1, 0.1, 0.5)], METRIC, "Holm")
    assert found.reason == "hinge against ragan: +0.8 dB (95 % 0.55 to 1.05), p = 0.0012 after Holm over 3"
    found = judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", [interaction(0.01)])
    assert found.reason.startswith("loss x norm: -0.7 dB, p = 0.01 after adjustment; by itself neither")
    found = judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", [interaction(0.01, shared=1)])
    assert "one of several pairs, loss x norm or a x b" in found.reason


def test_failed_runs_are_counted_in_the_reason() -> None:
    for row, verdict in ((effect(0.0, 0.1, 0.9, failed=2), EQUIVALENT), (effect(0.8, 0.2, 0.001, failed=2), MATTERS)):
        found = judge_options([row], METRIC, "Holm")
        assert found.verdict == verdict
        assert "2 of the runs" in found.reason


def test_undecided_names_the_seeds_it_would_take() -> None:
    """Shift .3 / .4 at .05 / 3, with the looks paid for: more than the paired t test's 22, and than there are."""
    found = judge_options([effect(0.1, 0.4, 0.4)], METRIC, "Holm", most=40)
    assert found.further_seeds is not None
    assert 22 < found.further_seeds + 8 < 40
    assert f"{found.further_seeds} further seeds" in found.reason
    assert "up to 40 seeds paid for" in found.reason
    none = judge_options([effect(0.1, 5.0, 0.9)], METRIC, "Holm")
    assert none.further_seeds is None
    assert "by 20 seeds" in none.reason


@pytest.mark.parametrize(("seeds", "family", "smallest"), [(5, 1, "0.062"), (8, 12, "0.094")])
def test_matters_is_refused_where_no_p_can_pass(seeds: int, family: int, smallest: str) -> None:
    row = effect(5.0, 0.2, 2 / 2**seeds, p_adjusted=family * 2 / 2**seeds, seeds=seeds, family=family)
    found = judge_options([row], METRIC, "Holm")
    assert found.verdict == UNDECIDED
    assert f"`matters` is out of reach: the smallest p of a sign flip with {seeds} seeds" in found.refused
    assert smallest in found.refused
    assert "out of reach" not in judge_options([effect(0.1, 0.5, 0.4)], METRIC, "Holm").refused


def verdict_of(plan: Plan, results: Results, detail: str = "a") -> Any:
    verdicts = analyse(plan, results).verdicts
    return next(verdicts[(verdicts["detail"] == detail) & (verdicts["train_fraction"] == 1.0)].itertuples())


def test_an_unfinished_study_is_judged_from_what_is_there() -> None:
    plan = arms_plan(2, seeds=9, baseline_seeds=10)
    found = verdict_of(plan, simulate(plan, linear(a=9, b=9), missing=["v1-s7", "v0-s9"]))
    assert found.verdict == MATTERS
    assert found.reason.endswith("(1 of its runs missing: v1-s7)")
    none = verdict_of(plan, simulate(plan, linear(a=9), missing=[f"v1-s{seed}" for seed in range(9)]))
    assert (none.verdict, none.reason.split(" (")[0]) == (UNDECIDED, "an option has no value")


def test_one_missing_run_of_a_design_refuses_no_verdict() -> None:
    plan = make_plan(two_levels(4), seeds=2)
    found = verdict_of(plan, simulate(plan, linear(a=9), missing=["v3-s1"]))
    assert found.verdict == MATTERS
    assert found.reason.endswith("(1 of its runs missing: v3-s1)")


def test_one_seed_carries_nothing() -> None:
    for plan in (arms_plan(2, seeds=1), make_plan(two_levels(4), seeds=1)):
        found = verdict_of(plan, simulate(plan, linear(a=9)))
        assert found.verdict == UNDECIDED
        assert found.refused == "seeds in common: 1; it takes two"


@pytest.mark.parametrize(("main", "expected"), [(0.0, ONLY_IN_INTERACTION), (0.1, IN_INTERACTION)])
def test_only_is_a_statement_of_equivalence(main: float, expected: str) -> None:
    """An effect of nothing by itself, and one that lies on the margin of .1: `only` is said of the first alone."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=4)
    truth = linear(a=main - 2, b=-2, a_b=4)  # averaged over the other, b changes nothing, and a by `main`
    results = simulate(plan, truth, Noise(run=0.05), seed=1)
    found = verdict_of(plan, results)
    assert found.verdict == (MATTERS if found.verdict == MATTERS and main else expected)
    assert verdict_of(plan, results, "c").verdict not in (ONLY_IN_INTERACTION, IN_INTERACTION)


def test_stable_over_the_training() -> None:
    """At half of it a matters and b does not; at the end both do."""
    plan = arms_plan(2, seeds=9)
    full, half = (simulate(plan, linear(a=9, b=b), Noise(run=0.3), seed=seed) for b, seed in ((9, 1), (0, 2)))
    both = full._replace(rows=pd.concat([full.rows, half.rows.assign(train_fraction=0.5)], ignore_index=True))
    verdicts = analyse(plan, both).verdicts.set_index(["detail", "train_fraction"])
    assert verdicts.loc[("a", 1.0), "stable"]
    assert not verdicts.loc[("b", 1.0), "stable"]
    assert verdicts.xs(0.5, level="train_fraction")["stable"].isna().all()
    assert analyse(plan, full).verdicts["stable"].isna().all()
