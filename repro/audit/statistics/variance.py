"""The components of variance of an outcome, and which answer of the authors would take most of its uncertainty away.

Components stand in the outcome's own unit and are never scaled to a sum of one. They are no tests: a component with a
small share is small, not absent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.ledger.choice import Choice
from repro.audit.statistics.error_terms import ErrorTerm, choose_error_term
from repro.audit.statistics.linear_model import Coding, code_details, fit_design, shared_values
from repro.audit.statistics.mean_squares import NOTHING, MeanSquare
from repro.audit.statistics.outcomes import FULL, Outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.variance_components import (
    LARGEST,
    MOST_RUNS,
    Share,
    Spread,
    fit_mixed,
    fit_moments,
    mean_squares,
    share_of_spread,
    share_of_sum,
    spread_of_options,
)
from repro.audit.study.plan import Plan

COMPONENT_COLUMNS = ("metric", "train_fraction", "component", "sd", "variance", "low", "high", "note")
TOGETHER, SEED, UNIT, PROTOCOL, RESIDUAL = "details together", "seed", "unit", "evaluation protocol", "residual"
"""The components beside the details, in the order in which the page shows them."""


def variance_components(plan: Plan, tables: Sequence[Outcomes], results: Results) -> pd.DataFrame:
    """Estimates the variance that each component adds to the outcome, in the metric's own unit.

    - A detail: variance of its main effects over its options, each with the same weight, less what sampling adds to
      it, never below 0. Details together: their sum.
    - Residual: variance between variants that the main effects leave, less sampling: interactions. A design without
      spare variants cannot see it.
    - Seed: between seeds within a variant, by a mixed model with one mean per variant and a random intercept per seed.
    - Unit: between the units of one run, nested in it and no replicate.
    - Evaluation protocol: between the protocols of one run, each with the same weight, less what a protocol adds to
      all runs alike, after the full training.

    `low` and `high` are of the sd. They speak of other seeds, never of other units. For details and residual they
    come from the noncentral distribution of effects on the error term (for a detail of two options the t interval of
    half its effect), for the seed from its mean squares, for units and protocols from the t distribution over the
    means of the seeds. Resampling the seeds would say less: two seeds have three resamples.

    Returns:
        `Analysis.variance`, with the share of the training (`train_fraction`).

    Source: Searle, Casella & McCulloch, Variance Components (1992); Burdick & Graybill, Confidence Intervals on
    Variance Components (1992).
    """
    coding = code_details(plan)
    units, protocols = _spread_of_units(results), _spread_of_protocols(results)
    records: list[dict[str, Any]] = []
    for outcomes in tables:
        term = choose_error_term(coding, outcomes)
        shares = _find_detail_shares(plan, coding, outcomes, term) | {SEED: _find_seed_share(coding, outcomes)}
        place = (outcomes.train_fraction, outcomes.metric)
        shares[UNIT] = _find_nested_share(coding, outcomes, units.get(place), "between units of a run: nested")
        if outcomes.train_fraction == FULL:
            found = protocols.get(outcomes.metric)
            shares[PROTOCOL] = _find_nested_share(
                coding, outcomes, found, "between protocols of a run, less what each adds to all"
            )
        records.extend(_name_share(outcomes, component, share) for component, share in shares.items())
    return pd.DataFrame(records, columns=list(COMPONENT_COLUMNS))


def _find_detail_shares(plan: Plan, coding: Coding, outcomes: Outcomes, term: ErrorTerm) -> dict[str, Share]:
    values, fit = shared_values(outcomes, coding.points), fit_design(coding, outcomes)
    spreads = {}
    for detail in plan.levels:
        own = [column for column, (other, _) in enumerate(coding.options) if other == detail]
        spreads[detail] = spread_of_options(fit.estimates[own], fit.unit[np.ix_(own, own)])
    shares = {
        detail: share_of_spread(spread, _held_against(coding, term, detail)) for detail, spread in spreads.items()
    }
    total = Spread(
        sum(spread.observed for spread in spreads.values()),
        sum(spread.bias for spread in spreads.values()),
        sum(spread.effects for spread in spreads.values()),
    )
    shares[TOGETHER] = share_of_spread(total, _held_against(coding, term), "sum of the details' main effects")
    # Lack of fit beyond what seeds do to contrasts of its kind.
    square, count = term.lack.square, max(int(np.isfinite(values).sum()), 1)
    left = Spread(square.value * square.df / count if square.df else 0.0, square.df / count, int(square.df))
    note = (
        "between variants beyond main effects: interactions"
        if square.df
        else "this design has no spare variants for it"
    )
    return shares | {RESIDUAL: share_of_spread(left, term.split.spare, note)}


def _held_against(coding: Coding, term: ErrorTerm, wanted: str | None = None) -> MeanSquare:
    """Returns the error term of one detail, or of all: the mean over its columns, on the fewest degrees of freedom."""
    own = [column for column, (detail, _) in enumerate(coding.options) if wanted in (None, detail)]
    if not own:
        return NOTHING
    return MeanSquare(float(term.variance[own].mean()), float(term.df[own].min()))


def _find_seed_share(coding: Coding, outcomes: Outcomes) -> Share:
    values = outcomes.values[coding.design]
    values = values[np.isfinite(values).any(axis=1)]
    if not len(values) or np.isfinite(values).any(axis=0).sum() < 2:
        return Share(np.nan, np.nan, np.nan, "one seed")
    # REML has the same variances in a complete table, and nearly the same in a large one, at many times the cost.
    if np.isfinite(values).all() or len(values) > LARGEST or np.isfinite(values).sum() > MOST_RUNS:
        mixed = fit_moments(np.empty((len(values), 0)), values)
    else:
        mixed = fit_mixed(np.eye(len(values))[:, 1:], values)
    parts = mean_squares(mixed, values)
    if not parts:
        return Share(np.nan, np.nan, np.nan, "no replicates")
    shared = "" if np.isnan(mixed.seed) else f"; sd {np.sqrt(mixed.seed):.3g} of it shared by all variants"
    return share_of_sum(parts, f"within a variant, by {mixed.method}{shared}")


def _find_nested_share(coding: Coding, outcomes: Outcomes, spread: "pd.Series[float] | None", note: str) -> Share:
    if spread is None:
        return Share(np.nan, np.nan, np.nan, "not measured")
    found = pd.Series(outcomes.runs.ravel()).map(spread).to_numpy(dtype=np.float64).reshape(outcomes.runs.shape)
    found = np.where(outcomes.failed, np.nan, found)[coding.design]
    found = found[np.isfinite(found).any(axis=1)]
    if not len(found):
        return Share(np.nan, np.nan, np.nan, "not measured")
    mean = float(np.nanmean(np.nanmean(found, axis=1)))
    # What a seed shifts in all variants is the replicate here; a seed that only one variant has says nothing on others.
    shifts = found - np.nanmean(found, axis=1, keepdims=True)
    shared = shifts[:, np.isfinite(shifts).sum(axis=0) >= min(2, len(found))]
    seeds = shared.shape[1]
    if seeds < 2:
        return Share(mean, np.nan, np.nan, note)
    error = float(np.nanmean(shared, axis=0).std(ddof=1)) / np.sqrt(seeds)
    reach = float(stats.t.ppf(0.975, seeds - 1)) * error
    return Share(mean, max(mean - reach, 0.0), mean + reach, note)


def _spread_of_units(results: Results) -> dict[tuple[float, str], "pd.Series[float]"]:
    groups = results.rows.groupby(["train_fraction", "metric", "run"], sort=False, observed=True)
    found = groups["value"].var().reset_index()
    parts = found.groupby(["train_fraction", "metric"], sort=False, observed=True)
    return {cast(tuple[float, str], place): part.set_index("run")["value"] for place, part in parts}


def _spread_of_protocols(results: Results) -> dict[str, "pd.Series[float]"]:
    protocols = results.protocols
    choices = [column for column in protocols if column not in ("run", "value")]
    # What a protocol adds to every run alike is no variation of the result: its numbers are another quantity.
    shift = protocols.groupby(choices, sort=False, observed=True, dropna=False)["value"].transform("mean")
    rest = protocols.assign(value=protocols["value"] - shift)
    found = rest.groupby(["metric", "run"], sort=False, observed=True)["value"].var(ddof=0).reset_index()
    parts = found.groupby("metric", sort=False, observed=True)
    return {str(metric): part.set_index("run")["value"] for metric, part in parts}


def _name_share(outcomes: Outcomes, component: str, share: Share) -> dict[str, Any]:
    return {
        "metric": outcomes.metric,
        "train_fraction": outcomes.train_fraction,
        "component": component,
        "sd": np.sqrt(share.variance),
        "variance": share.variance,
        "low": np.sqrt(share.low),
        "high": np.sqrt(share.high),
        "note": share.note,
    }


def rank_questions(
    plan: Plan, effects: pd.DataFrame, verdicts: pd.DataFrame, details: Mapping[str, Choice] | None = None
) -> pd.DataFrame:
    """Ranks the varied details by what not knowing them adds to the outcome, at the full training.

    `shrinks` is the sd of the main metric, in its unit, over the options of the detail, each as likely as the others:
    v = mean(e^2 + se^2) - mean(e)^2 over options with effects e (the baseline's is 0) and standard errors se. By the
    law of total variance it is what an answer takes away. The standard errors are in it on purpose: a detail that
    nobody has measured well may still be worth as much as its interval allows.

    Args:
        plan: the varied details.
        effects: as in `Analysis`.
        verdicts: as in `Analysis`.
        details: the ledger, for the words of the questions.

    Returns:
        detail, question, shrinks, reason; largest first, those without a measurement last.
    """
    metric = next(iter(plan.declaration["metrics"]))
    rows = [_rank(plan, detail, metric, effects, verdicts, details or {}) for detail in plan.levels]
    frame = pd.DataFrame(rows, columns=["detail", "question", "shrinks", "reason"])
    return frame.sort_values("shrinks", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _rank(
    plan: Plan,
    detail: str,
    metric: str,
    effects: pd.DataFrame,
    verdicts: pd.DataFrame,
    details: Mapping[str, Choice],
) -> dict[str, Any]:
    here = (effects["detail"] == detail) & (effects["metric"] == metric) & (effects["train_fraction"] == FULL)
    estimate = np.array([0.0, *effects.loc[here, "estimate"]])
    error = np.array([0.0, *effects.loc[here, "se"]])
    shrinks = float(np.sqrt(np.maximum(0.0, np.mean(estimate**2 + error**2) - np.mean(estimate) ** 2)))
    verdict = verdicts[
        (verdicts["detail"] == detail) & (verdicts["metric"] == metric) & (verdicts["train_fraction"] == FULL)
    ]
    unit = plan.declared.metrics[metric].unit
    known = len(estimate) > 1 and np.isfinite(shrinks)
    if known:
        sizes = f"options differ by {np.ptp(estimate):.3g} {unit}".rstrip()
        reason = f"{verdict['verdict'].iloc[0]}: {sizes}, standard error up to {error.max():.2g}"
    else:
        reason = "no effect was measured"
    question = details[detail].question if detail in details else f"Which value has {detail}?"
    return {"detail": detail, "question": question, "shrinks": shrinks if known else np.nan, "reason": reason}
