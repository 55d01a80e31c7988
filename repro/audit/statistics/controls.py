"""Checks of the audit by itself: control arms, a dummy column, and rates of false alarms by the very tests.

One negative control gives no rate of false alarms. The re-splits of the replicated baseline give that of the sign flip,
by which arms are judged; permuted labels of variants give that of a factorial design's contrasts.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.dummy_column import NAME as DUMMY
from repro.audit.statistics.dummy_column import add_dummy
from repro.audit.statistics.effects import NEGATIVE, POSITIVE, Effect, contrast_effects, effects_by_detail
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.looks import judge_effects, most_seeds
from repro.audit.statistics.multiplicity import LEVEL, correction_of
from repro.audit.statistics.outcomes import FULL, Outcomes
from repro.audit.statistics.paired import Floats, sign_flip_p, smallest_p
from repro.audit.statistics.permuted_labels import NotMeasuredError, count_false_alarms
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS, UNDECIDED, Verdict, judge_options, refuse_rows
from repro.audit.study.declaration import Outcome, Study
from repro.audit.study.plan import Plan

RESPLITS = 30_000
"""Re-splits for the t interval; the sign flip, which is dearer, takes the first `_FLIPPED` of them."""
_FLIPPED = 1_000
_MOST_PAIRS = 12  # of a sign flip, beyond which its p is as good as continuous
FEWEST_RUNS = 5
"""Of the baseline: two pairs, and one run to leave out."""

NOT_MEASURED = "not measured"
RESPLIT, PERMUTED = "A/A re-splits", "A/A contrasts"
_SILENT = f"{EQUIVALENT} or {UNDECIDED}, in every metric"
_AT_LEVEL = f"false alarms at {LEVEL:.0%} or below"
_SURE = 3.0
"""Monte Carlo standard errors by which a rate has to lie above the level before it is held against the test."""

COLUMNS = (
    *("control", "metric", "train_fraction", "expected", "found", "passed", "detail"),
    *("rate", "rate_low", "rate_high"),
)


class FalseAlarms(NamedTuple):
    """How often two halves of the same runs are told apart.

    Attributes:
        sign_flip: share of the first `_FLIPPED` re-splits with p below .05.
        sign_flip_low: 95 %, Monte Carlo error alone: the test is held to its level whatever the runs are.
        sign_flip_high: the same.
        sign_flip_pairs: pairs in each of them.
        interval: share of re-splits whose 95 % t interval leaves out zero.
        interval_pairs: pairs in each of them.
        low: of `interval`, 95 %, by the jackknife over runs.
        high: the same.
    """

    sign_flip: float
    sign_flip_low: float
    sign_flip_high: float
    sign_flip_pairs: int
    interval: float
    interval_pairs: int
    low: float
    high: float


def judge_controls(plan: Plan, tables: Sequence[Outcomes], effects: pd.DataFrame) -> pd.DataFrame:
    """Says of each control that the study has whether it passed, at the full training.

    The negative control must not matter in any metric. The positive control must matter in the main metric, in the
    expected direction. The two are a family of their own (Holm). In a factorial design a dummy column must not matter
    either, among the details in their correction. A rate of false alarms passes unless it lies above .05 by more than
    chance would have it. What was not measured has not passed.
    """
    study, full = plan.declared, [table for table in tables if table.train_fraction == FULL]
    rows = effects_by_detail(effects)
    judged = []
    if study.controls.negative is not None:
        verdicts = {
            table.metric: _judge_arm(plan, study, table, rows.get((NEGATIVE, table.metric, FULL), []), NEGATIVE)
            for table in full
        }
        judged.append(_judge_silence(NEGATIVE, _SILENT, verdicts))
    if study.controls.positive is not None:
        main, expected = full[0].metric, study.controls.positive.expected
        found = rows.get((POSITIVE, main, FULL), [])
        verdict = _judge_arm(plan, study, full[0], found, POSITIVE)
        effect = found[0] if found else None
        judged.append(_judge_positive_control(study.metrics[main], main, expected, verdict, effect))
    if study.design != "one_at_a_time" and plan.levels:
        judged.append(_judge_dummy(plan, study, full))
        judged += [_judge_contrasts(plan, study, table) for table in full]
    judged += [_judge_resplits(table, study.seeds) for table in full]
    return pd.DataFrame(judged, columns=list(COLUMNS))


def resplit_baseline(
    values: Floats, resplits: int = RESPLITS, seed: int = 0, most_pairs: int = _MOST_PAIRS
) -> FalseAlarms:
    """Splits replicates of one variant in two halves, pairs them at random, tests, and does so many times.

    Every alarm is false. The sign flip, by which arms are judged, cannot exceed its level here, as any flip of a pair
    is a re-split as well: it shows that the test is made as it should be. The t interval can, where the noise is not
    normal. All re-splits share the same few runs, so that for it they are no independent trials and a binomial interval
    would be far too narrow. The interval given is rate +- t(n - 1) se with the jackknife's
    se^2 = (n - 1) / n * sum_i (r_i - mean r)^2, r_i the rate without run i, which errs on the wide side.

    Args:
        values: (n,) float64, at least `FEWEST_RUNS` runs.
        resplits: how many.
        seed: of the re-splits.
        most_pairs: of the sign flip: as many as the study has seeds.

    Source: Efron & Stein, The jackknife estimate of variance (1981).

    Example:
        >>> alarms = resplit_baseline(np.random.default_rng(0).normal(size=12), resplits=4000)
        >>> alarms.interval_pairs, alarms.low <= 0.05 <= alarms.high
        (5, True)
    """
    runs, generator = len(values), np.random.default_rng([seed, len(values)])
    orders = generator.permuted(np.broadcast_to(np.arange(runs), (resplits, runs)), axis=1)
    whole = max(1, min(runs // 2, _MOST_PAIRS, most_pairs))
    flipped = sign_flip_p(values[orders[:_FLIPPED, :whole]] - values[orders[:_FLIPPED, whole : 2 * whole]]) < LEVEL
    # One run at least is left out of every re-split here: the mean over those without run i is the rate without it.
    pairs = (runs - 1) // 2
    alarms = _leaves_out_zero(values[orders[:, :pairs]] - values[orders[:, pairs : 2 * pairs]])
    rate = float(alarms.mean())
    without = np.array([alarms[(orders[:, 2 * pairs :] == run).any(axis=1)].mean() for run in range(runs)])
    error = np.sqrt((runs - 1) / runs * ((without - without.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, runs - 1) * error)
    counted = stats.binomtest(int(flipped.sum()), len(flipped)).proportion_ci(0.95)
    of_flips = (float(flipped.mean()), float(counted.low), float(counted.high), whole)
    return FalseAlarms(*of_flips, rate, pairs, max(0.0, rate - half), min(1.0, rate + half))


def _leaves_out_zero(differences: Floats) -> NDArray[np.bool_]:
    n = differences.shape[1]
    half = stats.t.ppf(0.975, n - 1) * differences.std(axis=1, ddof=1) / np.sqrt(n)
    return np.abs(differences.mean(axis=1)) > half


def _judge_arm(plan: Plan, study: Study, table: Outcomes, rows: Sequence[Effect], role: str) -> Verdict:
    """Returns the verdict on a control arm; its word is `NOT_MEASURED` unless all of its runs have been run."""
    wanted = np.array([variant.role == role for variant in plan.variants])[:, None]
    missing = [str(run) for run in table.runs[table.missing() & wanted]]
    refused = refuse_rows(rows)
    if missing:
        refused = Verdict(
            UNDECIDED, "its runs have not all been run", f"{len(missing)} of its runs missing: {', '.join(missing[:3])}"
        )
    if refused:
        return refused._replace(verdict=NOT_MEASURED)
    return judge_options(rows, study.metrics[table.metric], "Holm")


def _judge_silence(control: str, expected: str, verdicts: dict[str, Verdict], lead: str = "") -> dict[str, Any]:
    """Judges what must not matter in any metric."""
    words = {verdict.verdict for verdict in verdicts.values()}
    return _control(
        control,
        expected=expected,
        found=", ".join(sorted(words)),
        passed=words <= {EQUIVALENT, UNDECIDED},
        detail=lead + "; ".join(f"{metric}: {_tell(verdict)}" for metric, verdict in verdicts.items()),
    )


def _judge_positive_control(
    metric: Outcome, name: str, expected: str, verdict: Verdict, effect: Effect | None
) -> dict[str, Any]:
    way = ""
    if effect is not None and verdict.verdict != NOT_MEASURED:
        way = "better" if (effect.estimate > 0) == (metric.direction == "higher") else "worse"
    return _control(
        POSITIVE,
        metric=name,
        expected=f"{MATTERS}, {expected}",
        found=f"{verdict.verdict}, {way}" if way else verdict.verdict,
        passed=verdict.verdict == MATTERS and way == expected,
        detail=_tell(verdict),
    )


def _tell(verdict: Verdict) -> str:
    return f"{verdict.reason} ({verdict.refused})" if verdict.refused else verdict.reason


def _judge_dummy(plan: Plan, study: Study, full: Sequence[Outcomes]) -> dict[str, Any]:
    """Judges a column that no detail has as if one had it, by the code that judges details."""
    dummy = add_dummy(plan)
    if dummy is None:
        why = "there is none: main effects leave no column, or one that is the interaction of two details"
        return _control(DUMMY, expected=_SILENT, found=NOT_MEASURED, passed=False, detail=why)
    rows = effects_by_detail(judge_effects(dummy.plan, full, partial(contrast_effects, dummy.plan)))
    verdicts = {}
    for table in full:
        found = rows.get((DUMMY, table.metric, FULL), [])
        refused = refuse_rows(found)
        verdicts[table.metric] = (
            refused._replace(verdict=NOT_MEASURED)
            if refused
            else judge_options(found, study.metrics[table.metric], correction_of(study), most=most_seeds(plan, [table]))
        )
    return _judge_silence(DUMMY, _SILENT, verdicts, f"{dummy.what}; ")


def _judge_contrasts(plan: Plan, study: Study, table: Outcomes) -> dict[str, Any]:
    """Judges the rate at which the contrasts of the design alarm where labels of variants mean nothing."""
    correction = correction_of(study)
    try:
        found = count_false_alarms(code_details(plan), table, correction)
    except NotMeasuredError as error:
        return _control(
            PERMUTED, metric=table.metric, expected=_AT_LEVEL, found=NOT_MEASURED, passed=False, detail=str(error)
        )
    dealt = "what main effects leave of the variants" if found.carried else "differences between seeds"
    return _control(
        PERMUTED,
        metric=table.metric,
        expected=_AT_LEVEL,
        found=f"{found.rate:.1%} of contrasts (Monte Carlo error {found.rate_error:.1%})",
        passed=found.rate - _SURE * found.rate_error <= LEVEL and found.any_rate - _SURE * found.any_error <= LEVEL,
        detail=f"the contrasts as the study tests them, {found.permutations} permutations of labels in {dealt}; any "
        f"contrast after {correction} in {found.any_rate:.1%} (Monte Carlo error {found.any_error:.1%})",
        rate=found.rate,
        rate_low=max(0.0, found.rate - 1.96 * found.rate_error),
        rate_high=found.rate + 1.96 * found.rate_error,
    )


def _judge_resplits(table: Outcomes, seeds: int) -> dict[str, Any]:
    values = table.values[0][np.isfinite(table.values[0]) & ~table.failed[0]]
    if len(values) < FEWEST_RUNS:
        return _control(
            RESPLIT,
            metric=table.metric,
            expected=_AT_LEVEL,
            found=NOT_MEASURED,
            passed=False,
            detail=f"{len(values)} runs of the baseline; it takes {FEWEST_RUNS}",
        )
    rates = resplit_baseline(values, most_pairs=seeds)
    reach = smallest_p(rates.sign_flip_pairs)
    return _control(
        RESPLIT,
        metric=table.metric,
        expected=_AT_LEVEL,
        found=f"{rates.sign_flip:.1%} (95 % {rates.sign_flip_low:.1%} to {rates.sign_flip_high:.1%})",
        passed=stats.binomtest(round(rates.sign_flip * _FLIPPED), _FLIPPED, LEVEL, "greater").pvalue > 0.001,
        detail=f"sign flip, {_FLIPPED} re-splits of {len(values)} runs of the baseline in {rates.sign_flip_pairs} pairs"
        + ("" if reach < LEVEL else f", which cannot go below p = {reach:.2g}")
        + f"; t interval: {rates.interval:.1%} of {RESPLITS} re-splits in {rates.interval_pairs} pairs "
        f"(95 % {rates.low:.1%} to {rates.high:.1%}, by a jackknife over runs, which re-splits share)",
        rate=rates.sign_flip,
        rate_low=rates.sign_flip_low,
        rate_high=rates.sign_flip_high,
    )


def _control(control: str, **values: Any) -> dict[str, Any]:
    blank = {"metric": "", "train_fraction": FULL, "rate": np.nan, "rate_low": np.nan, "rate_high": np.nan}
    return {"control": control, **blank, **values}
