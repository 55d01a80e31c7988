"""The four verdicts in their order, and what refuses them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.effects import EFFECT_COLUMNS
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import EQUIVALENT, INTERACTION, MATTERS, UNDECIDED, judge_options
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
    return next(pd.DataFrame([row | changes]).itertuples())


def interaction(p: float, shared: int = 0) -> Any:
    row = {"first": "loss", "second": "norm", "estimate": -0.7, "p_adjusted": p, "aliases": "a x b", "shared": shared}
    return next(pd.DataFrame([row]).itertuples())


def test_precedence() -> None:
    inside, real, unsure = effect(0.1, 0.1, 0.001), effect(0.8, 0.2, 0.001), effect(0.2, 0.5, 0.4)
    assert judge_options([inside, inside], METRIC, "Holm").verdict == EQUIVALENT  # though it is significant
    assert judge_options([inside, real], METRIC, "Holm").verdict == MATTERS
    same = effect(0.1, 0.1, 0.4)
    assert judge_options([same, unsure], METRIC, "Holm", [interaction(0.01)]).verdict == INTERACTION
    assert judge_options([same, unsure], METRIC, "Holm", [interaction(0.06)]).verdict == UNDECIDED
    assert judge_options([inside, inside], METRIC, "Holm", [interaction(0.01)]).verdict == EQUIVALENT
    assert judge_options([real], METRIC, "Holm", [interaction(0.01)]).verdict == MATTERS


def test_an_interaction_that_may_be_another_is_no_verdict() -> None:
    """The contrast of a 16-run design is seven pairs at once: it says that one of them matters, not which."""
    verdict = judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", [interaction(0.001, shared=6)])
    assert verdict.verdict == UNDECIDED
    assert "7 aliased pairs" in verdict.refused
    both = [interaction(0.001, shared=6), interaction(0.01)]
    assert judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", both).verdict == INTERACTION


def test_reasons_hold_the_numbers() -> None:
    found = judge_options([effect(0.8, 0.2, 0.0012), effect(0.1, 0.1, 0.5)], METRIC, "Holm")
    assert found.reason == "hinge against ragan: +0.8 dB (95 % 0.55 to 1.05), p = 0.0012 after Holm over 3"
    found = judge_options([effect(0.2, 0.5, 0.4)], METRIC, "Holm", [interaction(0.01)])
    assert found.reason == "loss x norm or a x b: -0.7 dB, p = 0.01 after adjustment"


def test_equivalence_is_refused_where_runs_failed() -> None:
    found = judge_options([effect(0.0, 0.1, 0.9, failed=2)], METRIC, "Holm")
    assert found.verdict == UNDECIDED
    assert found.refused.startswith("equivalence is refused: 2 of the runs")
    assert "2 of the runs" in judge_options([effect(0.8, 0.2, 0.001, failed=2)], METRIC, "Holm").reason


def test_undecided_names_the_seeds_it_would_take() -> None:
    """Shift .3 / .5 at .05 / 3: by the paired t test's power 36 or so, and no fewer than there are."""
    found = judge_options([effect(0.1, 0.5, 0.4)], METRIC, "Holm")
    assert found.further_seeds is not None
    assert 25 < found.further_seeds + 8 < 45
    assert f"{found.further_seeds} further seeds" in found.reason
    none = judge_options([effect(0.1, 5.0, 0.9)], METRIC, "Holm")
    assert none.further_seeds is None
    assert "more than 200 seeds" in none.reason


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


def test_an_unfinished_study_is_refused_where_seeds_lack() -> None:
    plan = arms_plan(2, seeds=8, baseline_seeds=10)
    results = simulate(plan, linear(a=9, b=9), missing=["v1-s7", "v0-s9"])
    found = verdict_of(plan, results)
    assert (found.verdict, found.refused) == (UNDECIDED, "1 of its runs missing: v1-s7")
    assert verdict_of(plan, results, "b").verdict == MATTERS  # the baseline's tenth seed is for the noise floor
    missing_baseline = verdict_of(plan, simulate(plan, linear(), missing=["v0-s2"]), "b")
    assert missing_baseline.refused == "1 of its runs missing: v0-s2"


def test_a_design_waits_for_all_of_its_runs() -> None:
    plan = make_plan(two_levels(4), seeds=2)
    found = verdict_of(plan, simulate(plan, linear(a=9), missing=["v3-s1"]))
    assert (found.verdict, found.refused) == (UNDECIDED, "1 of its runs missing: v3-s1")
    assert verdict_of(plan, simulate(plan, linear(a=9))).verdict == MATTERS


def test_one_seed_carries_nothing() -> None:
    for plan in (arms_plan(2, seeds=1), make_plan(two_levels(4), seeds=1)):
        found = verdict_of(plan, simulate(plan, linear(a=9)))
        assert found.verdict == UNDECIDED
        assert found.refused == "seeds in common: 1; it takes two"


def test_only_in_interaction_of_a_whole_study() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=4)
    truth = linear(a=-2, b=-2, a_b=4)  # each alone changes nothing on average
    results = simulate(plan, truth, Noise(run=0.3), seed=1)
    assert verdict_of(plan, results).verdict == INTERACTION
    assert verdict_of(plan, results, "c").verdict != INTERACTION


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
