"""Checks of the audit by itself: a negative control, a positive control, and A/A re-splits of the baseline.

One negative control gives no rate of false alarms; the re-splits of the replicated baseline give one, for the noise
that this study has.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.effects import NEGATIVE, POSITIVE, Effect, effects_by_detail
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import FULL, Outcomes
from repro.audit.statistics.paired import Floats, sign_flip_p, smallest_p
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

COLUMNS = (
    *("control", "metric", "train_fraction", "expected", "found", "passed", "detail"),
    *("rate", "rate_low", "rate_high"),
)


class FalseAlarms(NamedTuple):
    """How often two halves of the same runs are told apart.

    Attributes:
        sign_flip: share of re-splits with p below .05.
        sign_flip_pairs: pairs in each of them.
        interval: share of re-splits whose 95 % t interval leaves out zero.
        interval_pairs: pairs in each of them.
        low: of `interval`, 95 %, by the jackknife over runs.
        high: the same.
    """

    sign_flip: float
    sign_flip_pairs: int
    interval: float
    interval_pairs: int
    low: float
    high: float


def judge_controls(plan: Plan, tables: Sequence[Outcomes], effects: pd.DataFrame) -> pd.DataFrame:
    """Says of each control that the study has whether it passed, at the full training.

    The negative control must not matter in any metric. The positive control must matter in the main metric, in the
    expected direction. The two are a family of their own (Holm). Re-splits pass unless the interval of the false-alarm
    rate lies above .05. What was not measured has not passed.
    """
    study, full = plan.declared, [table for table in tables if table.train_fraction == FULL]
    rows = effects_by_detail(effects)
    judged = []
    if study.controls.negative is not None:
        verdicts = {
            table.metric: _judge_arm(plan, study, table, rows.get((NEGATIVE, table.metric, FULL), []), NEGATIVE)
            for table in full
        }
        judged.append(_judge_negative_control(verdicts))
    if study.controls.positive is not None:
        main, expected = full[0].metric, study.controls.positive.expected
        found = rows.get((POSITIVE, main, FULL), [])
        verdict = _judge_arm(plan, study, full[0], found, POSITIVE)
        effect = found[0] if found else None
        judged.append(_judge_positive_control(study.metrics[main], main, expected, verdict, effect))
    judged += [_judge_resplits(table) for table in full]
    return pd.DataFrame(judged, columns=list(COLUMNS))


def resplit_baseline(values: Floats, resplits: int = RESPLITS, seed: int = 0) -> FalseAlarms:
    """Splits replicates of one variant in two halves, pairs them at random, tests, and does so many times.

    Every alarm is false. The sign flip's rate cannot exceed its level here, as any flip of a pair is a re-split as
    well: it shows that the test is made as it should be. The t interval's can, where the noise is not normal. All
    re-splits share the same few runs, so that they are no independent trials and a binomial interval would be far too
    narrow. The interval given is rate +- t(n - 1) se with the jackknife's se^2 = (n - 1) / n * sum_i (r_i - mean r)^2,
    r_i the rate without run i, which errs on the wide side.

    Args:
        values: (n,) float64, at least `FEWEST_RUNS` runs.
        resplits: how many.
        seed: of the re-splits.

    Source: Efron & Stein, The jackknife estimate of variance (1981).

    Example:
        >>> alarms = resplit_baseline(np.random.default_rng(0).normal(size=12), resplits=4000)
        >>> alarms.interval_pairs, alarms.low <= 0.05 <= alarms.high
        (5, True)
    """
    runs, generator = len(values), np.random.default_rng([seed, len(values)])
    orders = generator.permuted(np.broadcast_to(np.arange(runs), (resplits, runs)), axis=1)
    whole = min(runs // 2, _MOST_PAIRS)
    flipped = sign_flip_p(values[orders[:_FLIPPED, :whole]] - values[orders[:_FLIPPED, whole : 2 * whole]]) < LEVEL
    # One run at least is left out of every re-split here: the mean over those without run i is the rate without it.
    pairs = (runs - 1) // 2
    alarms = _leaves_out_zero(values[orders[:, :pairs]] - values[orders[:, pairs : 2 * pairs]])
    rate = float(alarms.mean())
    without = np.array([alarms[(orders[:, 2 * pairs :] == run).any(axis=1)].mean() for run in range(runs)])
    error = np.sqrt((runs - 1) / runs * ((without - without.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, runs - 1) * error)
    return FalseAlarms(float(flipped.mean()), whole, rate, pairs, max(0.0, rate - half), min(1.0, rate + half))


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


def _judge_negative_control(verdicts: dict[str, Verdict]) -> dict[str, Any]:
    words = {verdict.verdict for verdict in verdicts.values()}
    return _control(
        NEGATIVE,
        expected=f"{EQUIVALENT} or {UNDECIDED}, in every metric",
        found=", ".join(sorted(words)),
        passed=words <= {EQUIVALENT, UNDECIDED},
        detail="; ".join(f"{metric}: {_tell(verdict)}" for metric, verdict in verdicts.items()),
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


def _judge_resplits(table: Outcomes) -> dict[str, Any]:
    values = table.values[0][np.isfinite(table.values[0]) & ~table.failed[0]]
    if len(values) < FEWEST_RUNS:
        return _control(
            "A/A re-splits",
            metric=table.metric,
            expected=f"false alarms at {LEVEL:.0%} or below",
            found=NOT_MEASURED,
            passed=False,
            detail=f"{len(values)} runs of the baseline; it takes {FEWEST_RUNS}",
        )
    rates = resplit_baseline(values)
    reach, flipped = smallest_p(rates.sign_flip_pairs), round(rates.sign_flip * _FLIPPED)
    flips = f"sign flip {rates.sign_flip:.1%} of {_FLIPPED} re-splits in {rates.sign_flip_pairs} pairs"
    return _control(
        "A/A re-splits",
        metric=table.metric,
        expected=f"false alarms at {LEVEL:.0%} or below",
        found=f"{rates.interval:.1%} (95 % {rates.low:.1%} to {rates.high:.1%})",
        passed=rates.low <= LEVEL and stats.binomtest(flipped, _FLIPPED, LEVEL, "greater").pvalue > 0.001,
        detail=f"t interval, {RESPLITS} re-splits of {len(values)} runs in {rates.interval_pairs} pairs; "
        + flips
        + ("" if reach < LEVEL else f", which cannot go below p = {reach:.2g}")
        + "; re-splits share their runs: the interval is a jackknife over runs",
        rate=rates.interval,
        rate_low=rates.low,
        rate_high=rates.high,
    )


def _control(control: str, **values: Any) -> dict[str, Any]:
    blank = {"metric": "", "train_fraction": FULL, "rate": np.nan, "rate_low": np.nan, "rate_high": np.nan}
    return {"control": control, **blank, **values}
