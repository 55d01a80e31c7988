"""Looks at a study that grows, against simulation: error rates however and whenever it is looked at."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import Noise, at_most, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse, estimate_effects
from repro.audit.statistics.looks import judge_effects, most_seeds
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.paired import Floats, sign_flip_p
from repro.audit.statistics.sequential import anytime_p, crossing_probability, level_at_look
from repro.audit.study.plan import Look, Plan

STUDIES = 40_000


def t_of_looks(values: Floats) -> Floats:
    """One-sided p of the t test of the first 2, 3, ... of (studies, N) values."""
    count = np.arange(1, values.shape[1] + 1)
    mean = values.cumsum(axis=1) / count
    squares = (values**2).cumsum(axis=1) - count * mean**2
    statistic = mean[:, 1:] / np.sqrt(squares[:, 1:] / (count[1:] - 1) / count[1:])
    return np.asarray(stats.t.sf(statistic, count[1:] - 1))


@pytest.mark.parametrize(("level", "most"), [(0.05, 2), (0.02, 6), (0.01, 20), (0.002, 20)])
def test_the_chance_to_cross_is_what_happens(level: float, most: int) -> None:
    p = t_of_looks(np.random.default_rng(most).standard_normal((STUDIES, most)))
    crossed = int((p <= level * np.arange(2, most + 1) / most).any(axis=1).sum())
    assert stats.binomtest(crossed, STUDIES, crossing_probability(level, most)).pvalue > 1e-3


def test_the_chance_to_cross_lies_between_one_look_and_the_sum_of_all() -> None:
    for level in (1e-6, 1e-4, 0.01, 0.2):
        assert level <= crossing_probability(level, 12) <= level * sum(range(2, 13)) / 12 * (1 + 1e-6)


def test_an_anytime_p_and_the_level_of_a_look_are_one_rule() -> None:
    for seeds in (2, 7, 12):
        level = level_at_look(0.025, seeds, most=12)
        assert anytime_p(np.array(2 * level), np.array(seeds), most=12, sides=2) == pytest.approx(0.05, rel=1e-6)
        assert anytime_p(np.array(level), np.array(seeds), most=12, sides=1) == pytest.approx(0.025, rel=1e-6)
    assert np.isnan(anytime_p(np.array([0.1, 0.1, np.nan]), np.array([1, 13, 5]), most=12, sides=2)).all()
    assert level_at_look(0.025, 13, most=12) == 0.0


def test_looking_at_each_seed_keeps_the_level_where_a_fixed_test_does_not() -> None:
    """2 to 12 seeds, a look at each: .05 becomes more than .15 unless the looks are paid for."""
    p = 2 * np.minimum(found := t_of_looks(np.random.default_rng(0).standard_normal((STUDIES, 12))), 1 - found)
    assert (p < 0.05).any(axis=1).mean() > 0.15
    seeds = np.broadcast_to(np.arange(2, 13), p.shape)
    alarms = int((anytime_p(p, seeds, most=12, sides=2) < 0.05).any(axis=1).sum())
    assert at_most(alarms, STUDIES, 0.05)
    assert alarms > 0.04 * STUDIES  # little is given away


@pytest.mark.parametrize("draw", [np.random.Generator.standard_normal, partial(np.random.Generator.standard_t, df=3)])
def test_sign_flips_keep_the_level_as_well(draw: Callable[..., Floats]) -> None:
    differences = draw(np.random.default_rng(3), size=(6000, 10))
    looks = [anytime_p(sign_flip_p(differences[:, :n]), np.full(6000, n), most=10, sides=2) for n in range(2, 11)]
    assert at_most(int((np.min(looks, axis=0) < 0.05).sum()), 6000, 0.05)


def growing(plan: Plan, most: int) -> Plan:
    return plan.model_copy(update={"declaration": plan.declaration | {"sequential": {"most_seeds": most}}})


@pytest.mark.parametrize("design", ["one_at_a_time", "full_factorial"])
def test_a_study_that_is_looked_at_until_something_is_found(design: str) -> None:
    """Three details that do nothing, 6 seeds at most, 120 studies: any false `matters` in at most one of twenty."""
    single = design == "one_at_a_time"
    rows = [{key: "yes"} for key in "abc"] if single else None
    plan = growing(make_plan(two_levels(3), design, seeds=6, metrics=120, rows=rows), 6)
    tables = tabulate_outcomes(plan, simulate(plan, linear(), Noise(seed=1), seed=4))
    effects = judge_effects(plan, tables, partial(estimate_effects, plan))
    alarms = (effects["p_adjusted"] < 0.05).groupby(effects["metric"]).any()
    assert at_most(int(alarms.sum()), len(alarms), 0.05)
    # what was found at the last look is all that was found at any: verdicts do not go away
    early = plan.model_copy(update={"runs": [run for run in plan.runs if run.seed < 4]})
    before = judge_effects(
        early,
        [table._replace(values=np.where(table.seeds < 4, table.values, np.nan)) for table in tables],
        partial(estimate_effects, plan),
    )
    settled = before["p_adjusted"] < 0.05
    assert (effects.loc[settled, "matters_at"] == before.loc[settled, "matters_at"]).all()
    assert ((effects["p_adjusted"] <= before["p_adjusted"] + 1e-12) | before["p_adjusted"].isna()).all()


def test_false_equivalence_at_the_margin_over_all_looks() -> None:
    """Both details lie on the margin: called equivalent in at most one study of twenty, with a look at each seed."""
    plan = growing(arms_plan(2, seeds=7, margin=2.0, metrics=120), 7)
    tables = tabulate_outcomes(plan, simulate(plan, linear(a=2.0, b=-2.0), Noise(run=0.8), seed=5))
    effects = judge_effects(plan, tables, partial(estimate_effects, plan))
    called = (effects["p_equivalent_adjusted"] < 0.05).groupby(effects["metric"]).any()
    assert at_most(int(called.sum()), len(called), 0.05)
    naive = effects["low90"].gt(-2.0) & effects["high90"].lt(2.0)
    assert naive.groupby(effects["metric"]).any().mean() < 0.1  # intervals pay for the looks as well


def test_intervals_at_the_level_of_their_look_hold_at_all_looks_together() -> None:
    values = np.random.default_rng(6).standard_normal((STUDIES, 10)) + 1.0
    missed = np.zeros(STUDIES, dtype=bool)
    for seeds in range(2, 11):
        some = values[:, :seeds]
        reach = stats.t.isf(level_at_look(0.025, seeds, most=10), seeds - 1) * some.std(axis=1, ddof=1) / seeds**0.5
        missed |= np.abs(some.mean(axis=1) - 1.0) > reach
    assert at_most(int(missed.sum()), STUDIES, 0.05)
    assert missed.mean() > 0.04


def test_a_study_becomes_sequential_once_it_was_extended_after_a_look() -> None:
    plan = arms_plan(2, seeds=9)
    tables = tabulate_outcomes(plan, results := simulate(plan, linear(a=1.8), seed=2))
    assert most_seeds(plan, tables) is None
    looks = [Look(date="2026-01-01", seeds=seeds, runs=9, settled={}) for seeds in (6, 9)]
    assert most_seeds(plan.model_copy(update={"looks": looks[1:]}), tables) is None  # the same seeds again
    extended = plan.model_copy(update={"looks": looks[:1]})
    assert most_seeds(extended, tables) == 20
    once, again = (analyse(item, results).effects.set_index("detail")["p_adjusted"] for item in (plan, extended))
    assert (again > once).all()
