"""What becomes of each claim: it holds, fails, depends on another detail or on the task, or stays undecided.

A claim is judged at the full training, by one contrast of its study with the study's own correction. The margin comes
first, as for details: a claimed improvement that lies inside it fails even where the test finds it, as the study has
declared beforehand that such a difference does not count. Where runs were measured on several tasks, the contrast is
that over tasks (`tasks`). Runs that are missing are named and decide nothing: a claim is judged from what is there.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import Effect, describe_effects, effects_by_detail, single_arms
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.interactions import Interaction, interactions_by_detail
from repro.audit.statistics.linear_model import DESIGN_ROLES, Flags, Floats, code_details, fit_design, shared_values
from repro.audit.statistics.looks import most_seeds
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import FULL, Outcomes, baseline_option, option_text
from repro.audit.statistics.paired import compare_pairs
from repro.audit.statistics.sequential import anytime_p
from repro.audit.statistics.stand_ins import fit_additive
from repro.audit.statistics.survival import SURVIVAL_COLUMNS, find_survival, refuse_survival
from repro.audit.statistics.task_scores import SCALE_UNITS, refuse_units
from repro.audit.statistics.tasks import ALL_TASKS
from repro.audit.statistics.verdicts import missing_runs, refuse_rows, show_difference, show_p
from repro.audit.study.declaration import Claim, Outcome
from repro.audit.study.plan import Plan

HOLDS, FAILS, DEPENDS, OPEN = "holds", "fails", "depends", "undecided"
"""The four verdicts on a claim."""
COLUMNS = (
    *("text", "detail", "metric", "train_fraction", "reported", "reproduced", "reproduced_low", "reproduced_high"),
    *("estimate", "low", "high", "noise_sd", "verdict", "reason", "source", "runs"),
    *SURVIVAL_COLUMNS,
)


class Comparison(NamedTuple):
    """The option that is claimed to be better less the other, in the metric's unit, with the names of `effects`."""

    estimate: float
    se: float
    low: float
    high: float
    low90: float
    high90: float
    p_adjusted: float
    seeds: int
    failed: int
    runs: tuple[str, ...]


def judge_claims(
    plan: Plan,
    tables: Sequence[Outcomes],
    effects: pd.DataFrame,
    interactions: pd.DataFrame,
    noise: pd.DataFrame,
    tasks: pd.DataFrame,
) -> pd.DataFrame:
    """Judges each claim of the study.

    Returns:
        `Analysis.claims`. estimate, low and high are better less other, on the claim's scale where it is judged over
        tasks. `reproduced` is the mean of the runs that take the better option, to be read beside `reported`, with the
        95 % t interval over the means of its seeds, on S - 1 degrees of freedom. The effects of a design have K(S - 1)
        and a smaller error: what a seed does to all variants alike is out of a difference, but in a mean, and of such
        shifts there are as many as seeds. survival, survival_low, survival_high, the same for survival_margin, and
        survival_note: as in `survival.Survival`.
    """
    study, pairs, rows = plan.declared, interactions_by_detail(interactions), []
    for place, claim in enumerate(study.claims):
        table = next(table for table in tables if table.metric == claim.metric and table.train_fraction == FULL)
        over_tasks = tasks[tasks["claim"] == place]
        own = [row for row in pairs.get((claim.detail, claim.metric, FULL), []) if not row.shared]
        if len(over_tasks):
            comparison, verdict, reason = _judge_over_tasks(plan, claim, table, effects, own, over_tasks)
        else:
            comparison, verdict, reason = _judge_over_seeds(plan, claim, table, effects, own)
        reason += _tell_missing(missing_runs(plan, study, table, claim.detail))
        floor = np.nan
        about = (claim.text, claim.detail, claim.metric, FULL, claim.reported)
        span = (comparison.estimate, comparison.low, comparison.high) if comparison else (np.nan,) * 3
        runs = comparison.runs if comparison else ()
        reproduced, survival = (np.nan,) * 3, refuse_survival("runs have no mean over tasks in one unit")
        if _has_one_unit(claim, over_tasks):
            floor = noise[(noise["metric"] == claim.metric) & (noise["train_fraction"] == FULL)]["sd"].iloc[0]
            reproduced, survival = _reproduce(plan, claim, table), find_survival(plan, claim, table)
        rows.append((*about, *reproduced, *span, floor, verdict, reason, claim.source, runs, *survival))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _judge_over_seeds(
    plan: Plan, claim: Claim, table: Outcomes, effects: pd.DataFrame, interactions: Sequence[Interaction]
) -> tuple[Comparison | None, str, str]:
    if claim.scale != "none":
        return None, OPEN, f"its scale, {claim.scale}, is one of tasks, and runs were not measured on several"
    comparison = compare_options(plan, claim, table, effects)
    refused = refuse_rows([comparison] if comparison else [])
    if refused is not None or comparison is None:
        return comparison, OPEN, f"{refused.reason}: {refused.refused}" if refused else ""
    return comparison, *judge_claim(comparison, plan.declared.metrics[claim.metric], interactions)


def _judge_over_tasks(
    plan: Plan,
    claim: Claim,
    table: Outcomes,
    effects: pd.DataFrame,
    interactions: Sequence[Interaction],
    tasks: pd.DataFrame,
) -> tuple[Comparison | None, str, str]:
    """Judges a claim by its mean over tasks; a difference that changes with the task makes it depend on that.

    Its test joins the study's family as one contrast more.
    """
    each, overall = tasks[tasks["task"] != ALL_TASKS], tasks[tasks["task"] == ALL_TASKS].iloc[0]
    seeds = 0 if pd.isna(overall["seeds"]) else int(overall["seeds"])
    comparison = Comparison(
        **{name: float(overall[name]) for name in Comparison._fields[:6]},
        p_adjusted=_join_family(plan, table, _family(plan, claim, effects), float(overall["p"]), seeds),
        seeds=seeds,
        failed=int(overall["failed"]),
        runs=tuple(overall["runs"]),
    )
    if overall["refused"]:
        return comparison, OPEN, f"no mean over tasks: {overall['refused']}"
    if (refused := refuse_rows([comparison])) is not None:
        return comparison, OPEN, f"{refused.reason}: {refused.refused}"
    metric = plan.declared.metrics[claim.metric]
    if claim.scale != "none":
        metric = metric.model_copy(update={"unit": SCALE_UNITS[claim.scale], "margin": claim.margin})
    counted = f"over {len(each)} tasks, each with {comparison.seeds} seeds or more: "
    verdict, reason = judge_claim(comparison, metric, interactions)
    if verdict == OPEN and overall["heterogeneity_p"] < LEVEL:
        gains = each["estimate"].to_numpy() * (1 if metric.direction == "higher" else -1)
        best, worst = (str(each["task"].iloc[int(place)]) for place in (gains.argmax(), gains.argmin()))
        changes = f"it changes with the task, p = {show_p(overall['heterogeneity_p'])}"
        return comparison, DEPENDS, f"{counted}{reason}; {changes}: best on {best}, worst on {worst}"
    return comparison, verdict, counted + reason


def _has_one_unit(claim: Claim, tasks: pd.DataFrame) -> bool:
    """Says whether the value of a run, its mean over all tasks, is one in the metric's unit."""
    each = tasks[tasks["task"] != ALL_TASKS]
    levels = each["level_share"].to_numpy(dtype=np.float64)
    return tasks.empty or not (claim.scale != "none" or refuse_units(each["task"].tolist(), levels, claim.units))


def _tell_missing(missing: Sequence[str]) -> str:
    shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    return f"; {len(missing)} of its runs missing: {shown}" if missing else ""


def judge_claim(comparison: Comparison, metric: Outcome, interactions: Sequence[Interaction]) -> tuple[str, str]:
    """Returns the verdict on one claim and its reason.

    Args:
        comparison: better less other.
        metric: its direction, margin and unit.
        interactions: those that hold the claim's detail and are no other pair's as well.
    """
    gain = comparison.estimate if metric.direction == "higher" else -comparison.estimate
    found = (
        f"{show_difference(comparison.estimate, metric)} (95 % {comparison.low:.3g} to {comparison.high:.3g}), "
        f"p = {show_p(comparison.p_adjusted)} adjusted"
    )
    if not comparison.failed and -metric.margin < comparison.low90 and comparison.high90 < metric.margin:
        return FAILS, f"{found}: no more than the margin of {metric.margin:.3g} {metric.unit}".rstrip()
    if comparison.p_adjusted < LEVEL:
        return (HOLDS, found) if gain > 0 else (FAILS, f"{found}: the other way round")
    strong = sorted((row for row in interactions if row.p_adjusted < LEVEL), key=lambda row: row.p_adjusted)
    if strong:
        return DEPENDS, f"{found}; {strong[0].first} x {strong[0].second} matters"
    return OPEN, f"{found}: neither shown nor refuted"


def compare_options(plan: Plan, claim: Claim, table: Outcomes, effects: pd.DataFrame) -> Comparison | None:
    """Compares the two options of a claim; None where the study has no contrast of them.

    One of the two is the baseline's, as a rule, and the contrast is a row of the effects. Two other options are
    compared by their arms or by the design's model; that test joins the study's family as one contrast more.
    """
    better, than = option_text(plan, claim.detail, claim.better), option_text(plan, claim.detail, claim.than)
    baseline, family = baseline_option(plan, claim.detail), _family(plan, claim, effects)
    if baseline in (better, than):
        other = than if better == baseline else better
        rows = effects_by_detail(family[family["option"] == other]).get((claim.detail, claim.metric, FULL), [])
        return _orient(rows[0], turned=better == baseline) if rows else None
    compare = _compare_arms if plan.declared.design == "one_at_a_time" else _compare_fitted
    found = compare(plan, claim, (better, than), table)
    if found is None:
        return None
    numbers, compared = found
    seeds = int(compared.any(axis=0).sum())
    return Comparison(
        **{name: float(numbers[name][0]) for name in Comparison._fields[:6]},
        p_adjusted=_join_family(plan, table, family, float(numbers["p"][0]), seeds),
        seeds=seeds,
        failed=int((table.failed & compared).sum()),
        runs=tuple(table.runs[compared].tolist()),
    )


def _family(plan: Plan, claim: Claim, effects: pd.DataFrame) -> pd.DataFrame:
    """Returns the contrasts of the study that a claim's own is adjusted with."""
    same = (effects["metric"] == claim.metric) & (effects["train_fraction"] == FULL)
    return effects[same & effects["detail"].isin(list(plan.levels))]


def _join_family(plan: Plan, table: Outcomes, family: pd.DataFrame, p: float, seeds: int) -> float:
    """Returns the p-value of one contrast more, adjusted with those of its family.

    In a study that grows it is made one that holds at any look first; those of the family are.
    """
    most = most_seeds(plan, [table])
    if most is not None:
        p = float(anytime_p(np.array(p), np.array(float(seeds)), most, sides=2))
    every = np.append(family["p"].to_numpy(dtype=np.float64), p)
    return float(adjust_p(every, correction_of(plan.declared))[-1])


def _compare_arms(
    plan: Plan, claim: Claim, options: tuple[str, str], table: Outcomes
) -> tuple[dict[str, Floats], Flags] | None:
    """Compares two arms by their pairs; returns the numbers of one row, and which runs (V, S) were compared."""
    arms = {(arm.detail, arm.option): table.variants.index(arm.variant) for arm in single_arms(plan)}
    rows = [arms[claim.detail, option] for option in options if (claim.detail, option) in arms]
    if len(rows) < len(options):
        return None
    first, second = table.values[rows]
    compared = np.zeros(table.values.shape, dtype=bool)
    compared[rows] = np.isfinite(first) & np.isfinite(second)
    return compare_pairs(first[None], second[None], higher_is_better=True), compared


def _compare_fitted(
    plan: Plan, claim: Claim, options: tuple[str, str], table: Outcomes
) -> tuple[dict[str, Floats], Flags]:
    """Compares two options of a design by the model of its effects; returns what `_compare_arms` does."""
    coding = code_details(plan)
    fit, term = fit_design(coding, table), choose_error_term(coding, table)
    first, second = (coding.options.index((claim.detail, option)) for option in options)
    # variance of a difference of two estimates of one model
    unit = fit.unit[first, first] + fit.unit[second, second] - 2 * fit.unit[first, second]
    estimate = fit.estimates[first] - fit.estimates[second]
    takes_either = (coding.matrix[:, [first, second]] == 1).any(axis=1)
    compared = takes_either[:, None] & np.isfinite(shared_values(table, coding.points))
    # The larger error of the two: that of their difference lies between nothing and the sum of both.
    worse = max((first, second), key=lambda column: term.variance[column])
    return describe_effects(
        np.array([estimate]), np.array([unit]), *(x[[worse]] for x in (term.variance, term.df))
    ), compared


def _orient(row: Effect, turned: bool) -> Comparison:
    """Takes a row of effects, option less baseline; turned: it is the baseline's option that is claimed better."""
    spans = (row.low, row.high, row.low90, row.high90)
    if turned:
        spans = (-row.high, -row.low, -row.high90, -row.low90)
    estimate = -row.estimate if turned else row.estimate
    runs = (*row.runs, *row.baseline_runs)
    return Comparison(estimate, row.se, *spans, row.p_adjusted, int(row.seeds), int(row.failed), runs)


def _reproduce(plan: Plan, claim: Claim, table: Outcomes) -> tuple[float, float, float]:
    """Returns mean, low and high of the better option over seeds; in a design, over all variants that take it.

    In a design a seed counts that all its variants share: those that only the baseline has say nothing on the others.
    """
    better, baseline = option_text(plan, claim.detail, claim.better), baseline_option(plan, claim.detail)
    alone = plan.declared.design == "one_at_a_time"
    rows = [
        variant.role in DESIGN_ROLES
        and show_value(variant.settings.get(claim.detail, plan.levels[claim.detail][0])) == better
        and not (alone and better == baseline and variant.role == "arm")
        for variant in plan.variants
    ]
    values = (table.values if alone else shared_values(table, code_details(plan).design))[np.array(rows)]
    values = values[np.ix_(np.isfinite(values).any(axis=1), np.isfinite(values).any(axis=0))]
    if not values.size:
        return np.nan, np.nan, np.nan
    fit = fit_additive(values)
    # a seed that misses variants would else be the mean of other options than the rest
    means = np.where(np.isfinite(values), values, fit.means[:, None] + fit.shifts).mean(axis=0)
    if len(means) < 2:
        return float(means.mean()), np.nan, np.nan
    half = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return float(means.mean()), float(means.mean() - half), float(means.mean() + half)
