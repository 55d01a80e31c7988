"""The effects of a study as they stand at this look, with p-values that may be held against a level.

A study that is looked at once, when all of its seeds are there, has the p-values of its tests. One that grows seed by
seed (`sequential`) has those that hold at any look: the tests are made on the first 2, 3, ... seeds, each turned into
an anytime p, and what counts is the smallest so far. So it never grows again: a verdict that was reached stays, and
whether somebody looked in between changes nothing. All details count in the adjustment from the first look on, those
too that are not run any further.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.effects import NEGATIVE, POSITIVE
from repro.audit.statistics.equivalence import equivalence_p
from repro.audit.statistics.fractions import FEWEST, Fractions, fraction_effects
from repro.audit.statistics.multiplicity import LEVEL, adjust_effects
from repro.audit.statistics.outcomes import Outcomes, stand_in_failed
from repro.audit.statistics.paired import Floats
from repro.audit.statistics.sequential import FIRST, USUAL_MOST, anytime_p, level_at_look
from repro.audit.study.batches import seeds_of_fraction
from repro.audit.study.plan import Plan

Estimate = Callable[[Sequence[Outcomes]], pd.DataFrame]
"""Gives the rows of effects from tables of outcomes: the same rows in the same order, however few seeds there are."""


def most_seeds(plan: Plan, tables: Sequence[Outcomes]) -> int | None:
    """Returns the seeds that a study is taken to be able to grow to, or None where it is looked at once.

    Args:
        plan: with the looks so far.
        tables: of outcomes, which say how many seeds are complete at this look.
    """
    return bound_at(plan, plan.count_complete_seeds(set(tables[0].runs[tables[0].missing()])) if tables else 0)


def bound_at(plan: Plan, seeds: int) -> int | None:
    """Returns the same for a look at so many complete seeds.

    A study that declares no bound and was extended after verdicts had been seen is taken for one that can grow to
    `USUAL_MOST` seeds.
    """
    declared = plan.declared
    if declared.sequential is not None:
        return declared.sequential.most_seeds
    return max(USUAL_MOST, declared.seeds) if plan.is_sequential(seeds) else None


def judge_effects(plan: Plan, tables: Sequence[Outcomes], estimate: Estimate) -> pd.DataFrame:
    """Estimates effects and adjusts their p-values, at this look or over all looks so far.

    Args:
        plan: with margins, correction, and what it says of looks.
        tables: of outcomes.
        estimate: of the effects.

    Returns:
        The rows of `estimate` with p_equivalent (two one-sided tests at the margin), and the columns of
        `adjust_effects`; `matters_at` and `equivalent_at`: the seeds at which the adjusted p fell below .05 first, NaN
        where it did not. In a study that grows, p-values are anytime p, and intervals hold at all looks together.
    """
    most, last = most_seeds(plan, tables), _count_seeds(plan, tables)
    if most is None:
        effects = adjust_effects(ask_equivalence(plan, estimate(tables)), plan.declared)
        return effects.assign(
            matters_at=np.where(effects["p_adjusted"] < LEVEL, float(last), np.nan),
            equivalent_at=np.where(effects["p_equivalent_adjusted"] < LEVEL, float(last), np.nan),
        )

    def look(count: int) -> pd.DataFrame:
        return estimate(tables if count == last else [_first_seeds(plan, table, count) for table in tables])

    return _hold_over_looks(plan, {count: partial(look, count) for count in range(min(FIRST, last), last + 1)}, most)


def judge_fractions(plan: Plan, fractions: Sequence[Fractions]) -> pd.DataFrame:
    """Returns what `judge_effects` does, over the fractions that the batches of a study have brought so far.

    Args:
        plan: that declares `sequential`.
        fractions: of every metric, at least `fractions.FEWEST` of them.
    """
    assert plan.declared.sequential is not None
    each, last = seeds_of_fraction(plan), max(len(table.runs) for table in fractions)
    looks = {n * each: partial(fraction_effects, plan, fractions, n) for n in range(FEWEST, last + 1)}
    return _hold_over_looks(plan, looks, plan.declared.sequential.most_seeds)


def _hold_over_looks(plan: Plan, looks: Mapping[int, Callable[[], pd.DataFrame]], most: int) -> pd.DataFrame:
    """Adjusts the smallest anytime p so far at each look.

    Args:
        plan: with margins and correction.
        looks: by number of seeds, ascending: what the effects are then; the same rows in the same order.
        most: seeds that the study can grow to.
    """
    smallest, first = np.full((1, 2), np.nan), np.full((1, 2), np.nan)
    for count, estimate in looks.items():
        found = ask_equivalence(plan, estimate())
        control = found["detail"].isin([NEGATIVE, POSITIVE]).to_numpy()
        held = hold_at_any_look(found, most)
        both = np.where(control[:, None], found[["p", "p_equivalent"]], held[["p", "p_equivalent"]]).astype(np.float64)
        # the controls are looked at once, with all seeds that they have
        smallest = np.where(control[:, None], both, np.fmin(smallest, both))
        spans = {name: np.where(control, found[name], held[name]) for name in ("low", "high", "low90", "high90")}
        found = adjust_effects(found.assign(p=smallest[:, 0], p_equivalent=smallest[:, 1], **spans), plan.declared)
        below = found[["p_adjusted", "p_equivalent_adjusted"]].to_numpy(dtype=np.float64) < LEVEL
        first = np.where(
            (np.isnan(first) | control[:, None]) & below, float(count), np.where(control[:, None], np.nan, first)
        )
    return found.assign(matters_at=first[:, 0], equivalent_at=first[:, 1])


def ask_equivalence(plan: Plan, effects: pd.DataFrame) -> pd.DataFrame:
    """Returns effects with p_equivalent, by the margins of the study."""
    margins = {name: outcome.margin for name, outcome in plan.declared.metrics.items()}
    estimate, se, df = (effects[name].to_numpy(dtype=np.float64) for name in ("estimate", "se", "df"))
    margin = np.array([margins[metric] for metric in effects["metric"]], dtype=np.float64)
    return effects.assign(p_equivalent=equivalence_p(estimate, se, df, margin))


def _count_seeds(plan: Plan, tables: Sequence[Outcomes]) -> int:
    """Returns the number of seeds up to the last that any arm has; of a study of controls, that any variant has."""
    arms = np.array([variant.role == "arm" for variant in plan.variants], dtype=bool)
    rows = arms if arms.any() else ~arms
    present = [np.isfinite(table.values[rows]).any(axis=0).nonzero()[0] for table in tables]
    return max((int(columns[-1]) + 1 for columns in present if len(columns)), default=1)


def _first_seeds(plan: Plan, table: Outcomes, seeds: int) -> Outcomes:
    """Returns the outcomes as they were with the first so many seeds; stand-ins know nothing of later ones."""
    later = np.arange(len(table.seeds)) >= seeds
    early = table._replace(values=np.where(later, np.nan, table.values), failed=table.failed & ~later)
    return stand_in_failed(plan, early)


def hold_at_any_look(effects: pd.DataFrame, most: int) -> pd.DataFrame:
    """Turns p-values and intervals into such as hold at any look."""
    seeds, df = (effects[name].to_numpy(dtype=np.float64) for name in ("seeds", "df"))
    estimate, se = (effects[name].to_numpy(dtype=np.float64) for name in ("estimate", "se"))
    spans: dict[str, Floats] = {}
    for alpha, low, high in ((0.025, "low", "high"), (0.05, "low90", "high90")):
        level = np.array([level_at_look(alpha, int(count), most) for count in seeds])
        with np.errstate(invalid="ignore"):
            reach = stats.t.isf(np.where(level > 0, level, np.nan), np.where(df > 0, df, np.nan)) * se
        spans |= {low: estimate - reach, high: estimate + reach}
    return effects.assign(
        p=anytime_p(effects["p"].to_numpy(dtype=np.float64), seeds, most, sides=2),
        p_equivalent=anytime_p(effects["p_equivalent"].to_numpy(dtype=np.float64), seeds, most, sides=1),
        **spans,
    )
