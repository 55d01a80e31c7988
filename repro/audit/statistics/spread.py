"""Whether an option changes how far runs are spread over the seeds: a finding by itself, beside its mean effect.

One number says how far a run, or a variant, strays, and a test of means compares it with and without the option:

- one at a time: z_s = |value - median of its arm| for each seed, the option's against the baseline's in pairs of a
  seed (Brown & Forsythe 1974; in pairs Grambsch 1994). This is the whole spread over seeds.
- a design that varies many details at once: z_v = sd over seeds of each variant, less what a seed shifts in all of
  them, those with the option against those with the baseline's (Welch): a dispersion effect. Variants are the
  replicates, which two seeds suffice for. What the effect itself changes from seed to seed is no part of it (that is
  detail x seed, the error term of the effects): values are taken from the midpoint of the two groups at each seed.

With m the mean of z on either side,
    ratio = m_option / m_baseline,   log(ratio) +- t(df) se by the delta method;   p: of the difference of the m.
The p is of the difference and not of the log ratio, as this holds its level where noise is skewed or has heavy tails:
over normal, exponential, lognormal and t(3) noise of equal spread .01 to .06 in place of .03 to .13; the interval
covers in 92 to 98 % for normal noise and in 87 to 98 % for the others. The F test and that of Pitman and Morgan find
unequal spread in 9 to 42 % of studies with one of the others where there is none.

Failed runs are no part of it: their stand-in is made from the spread of others. Options are a family of their own, per
metric and share of the training, adjusted as the study adjusts its effects; in a study that grows seed by seed the p
is one that holds at any look (`sequential`), the interval is of this look.

Source: Brown & Forsythe, Robust tests for the equality of variances (1974); Grambsch, Simple robust tests for scale
differences in paired data (1994); Box & Meyer, Dispersion effects from fractional designs (1986).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.effects import single_arms
from repro.audit.statistics.linear_model import Coding, Flags, Floats, code_details, shared_values
from repro.audit.statistics.looks import most_seeds
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import Outcomes, baseline_option
from repro.audit.statistics.paired import small_sample_factor
from repro.audit.statistics.sequential import anytime_p
from repro.audit.study.plan import Plan

CHANGES, UNDECIDED = "changes the spread over seeds", "undecided"
"""The two verdicts. That spreads are alike would take a margin, which no study declares."""
FEWEST_SEEDS = 4
"""Of an arm, with which its spread is compared in pairs."""
FEWEST_VARIANTS = 4
"""With and without an option, with which their spread is compared in a design."""
SPREAD_COLUMNS = (
    *("detail", "option", "baseline", "metric", "train_fraction", "units", "ratio", "low", "high", "p", "p_adjusted"),
    *("verdict", "reason", "runs"),
)


class Ratio(NamedTuple):
    """A ratio of spreads.

    Attributes:
        value: option over baseline; NaN where there is too little to compare.
        low: of its 95 % interval.
        high: the same.
        p: two-sided, that the two are alike.
    """

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan


NOT_COMPARED = Ratio()


def compare_spreads(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Compares the spread over seeds with every option and with the baseline's: `Analysis.spread`."""
    most, correction = most_seeds(plan, tables), correction_of(plan.declared)
    rows: list[tuple[object, ...]] = []
    for table in tables:
        found = _compare_arms(plan, table) if plan.declared.design == "one_at_a_time" else _compare_groups(plan, table)
        p_values = np.array([ratio.p for *_, ratio in found], dtype=np.float64)
        if most is not None:
            seeds = np.isfinite(table.values).any(axis=0) & (table.seeds < plan.declaration["seeds"])
            p_values = anytime_p(p_values, np.full(len(found), float(seeds.sum())), most, sides=2)
            found = [(*row[:4], row[4]._replace(p=float(p))) for row, p in zip(found, p_values, strict=True)]
        adjusted = adjust_p(p_values, correction)
        for (detail, option, units, runs, ratio), p in zip(found, adjusted, strict=True):
            place = (detail, option, baseline_option(plan, detail), table.metric, table.train_fraction, units)
            reason = _tell(ratio, float(p), units, f"{correction} over {len(found)}")
            rows.append((*place, *ratio, p, CHANGES if p < LEVEL else UNDECIDED, reason, runs))
    return pd.DataFrame(rows, columns=list(SPREAD_COLUMNS))


def compare_deviations(option: Floats, baseline: Floats) -> list[Ratio]:
    """Compares the spread of K arms with a baseline's over n seeds that both have, seed by seed.

    Args:
        option: (K, n) float64.
        baseline: (K, n) float64.

    Example:
        >>> baseline = np.array([[1.0, -2.0, 0.5, 3.0, -1.0, 0.0, 2.0, -0.5]])
        >>> found = compare_deviations(4 * baseline[:, ::-1], baseline)[0]
        >>> [round(number, 3) for number in found]
        [4.0, 2.273, 7.04, 0.014]
    """
    arms, n = option.shape
    if n < FEWEST_SEEDS:
        return [NOT_COMPARED] * arms
    first = np.abs(option - np.median(option, axis=1, keepdims=True))
    second = np.abs(baseline - np.median(baseline, axis=1, keepdims=True))
    means = first.mean(axis=1), second.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (means[0] - means[1]) / _standard_error(first - second)
        p = np.where(np.isnan(t), 1.0, 2 * stats.t.sf(np.abs(t), n - 1))  # no difference and no spread of it
        ratio = np.where((means[0] > 0) & (means[1] > 0), means[0] / means[1], np.nan)
        error = _standard_error(first / means[0][:, None] - second / means[1][:, None])
    reach = np.exp(stats.t.ppf(0.975, n - 1) * np.where(np.isnan(ratio), np.nan, error))
    return [Ratio(*map(float, numbers)) for numbers in zip(ratio, ratio / reach, ratio * reach, p, strict=True)]


def compare_variants(option: Floats, baseline: Floats) -> Ratio:
    """Compares the spread over seeds of two groups of variants which share their seeds.

    Args:
        option: (N, S) float64, NaN where there is no value.
        baseline: (M, S) float64, likewise.

    Source: Welch (1947) for the test and its degrees of freedom; Box & Meyer (1986), on dispersion effects.

    Example:
        >>> runs = np.random.default_rng(0).normal(size=(2, 16, 2))
        >>> found = compare_variants(4 * runs[0], runs[1])
        >>> found.low < 4 < found.high, found.p < 0.01
        (True, True)
    """
    with np.errstate(invalid="ignore"):
        middle = (_column_means(option) + _column_means(baseline)) / 2
    first, second = _spreads(option - middle), _spreads(baseline - middle)
    n, m = len(first), len(second)
    if min(n, m) < FEWEST_VARIANTS:
        return NOT_COMPARED
    # the midpoint is made of the same runs: it takes part of their variance with it
    first, second = first / np.sqrt(1 - 0.75 / n + 0.25 / m), second / np.sqrt(1 - 0.75 / m + 0.25 / n)
    a, b = first.var(ddof=1) / n, second.var(ddof=1) / m
    p = _p(float(first.mean() - second.mean()), float(np.sqrt(a + b)), _welch_df(a, n, b, m))
    if not (first.any() and second.any()):
        return NOT_COMPARED._replace(p=p)
    ratio = float(first.mean() / second.mean())
    a, b = a / first.mean() ** 2, b / second.mean() ** 2
    reach = float(np.exp(stats.t.ppf(0.975, _welch_df(a, n, b, m)) * np.sqrt(a + b)))
    return Ratio(ratio, ratio / reach, ratio * reach, p)


def _compare_arms(plan: Plan, table: Outcomes) -> list[tuple[str, str, str, tuple[str, ...], Ratio]]:
    values = np.where(table.failed, np.nan, table.values)
    place = {variant: row for row, variant in enumerate(table.variants)}
    arms = [arm for arm in single_arms(plan) if arm.detail in plan.levels]
    rows = np.array([place[arm.variant] for arm in arms], dtype=np.int64)
    shared = np.isfinite(values[rows]) & np.isfinite(values[0])
    seeds, ratios = shared.sum(axis=1), [NOT_COMPARED] * len(arms)
    for count in np.unique(seeds):
        alike = np.flatnonzero(seeds == count)
        use = shared[alike]
        option, baseline = values[rows[alike]][use], np.broadcast_to(values[0], use.shape)[use]
        found = compare_deviations(option.reshape(use.shape[0], count), baseline.reshape(use.shape[0], count))
        for index, ratio in zip(alike, found, strict=True):
            ratios[index] = ratio
    runs = [
        (*table.runs[row][use].tolist(), *table.runs[0][use].tolist()) for row, use in zip(rows, shared, strict=True)
    ]
    return [
        (arm.detail, arm.option, f"{number} seeds", both, ratio)
        for arm, number, both, ratio in zip(arms, seeds, runs, ratios, strict=True)
    ]


def _compare_groups(plan: Plan, table: Outcomes) -> list[tuple[str, str, str, tuple[str, ...], Ratio]]:
    coding, found = code_details(plan), []
    ok = table._replace(values=np.where(table.failed, np.nan, table.values))
    values = shared_values(ok, coding.points)
    for column, (detail, option) in enumerate(coding.options):
        taken, left = _split(coding, values, column)
        ratio = compare_variants(values[taken], values[left])
        runs = tuple(table.runs[np.isfinite(values) & (taken | left)[:, None]].tolist())
        found.append((detail, option, f"{taken.sum()} and {left.sum()} variants", runs, ratio))
    return found


def _split(coding: Coding, values: Floats, column: int) -> tuple[Flags, Flags]:
    """Returns the variants with an option and with the baseline's which have at least two runs."""
    detail = coding.options[column][0]
    same = [place for place, (other, _) in enumerate(coding.options) if other == detail]
    usable = np.isfinite(values).sum(axis=1) > 1
    return usable & (coding.matrix[:, column] == 1), usable & (coding.matrix[:, same].sum(axis=1) == 0)


def _spreads(values: Floats) -> Floats:
    """Returns the sd over seeds of each variant that has two, without the bias of few degrees of freedom."""
    present = np.isfinite(values).sum(axis=1)
    usable = values[present > 1]
    df = present[present > 1] - 1.0
    squares = np.nansum((usable - np.nanmean(usable, axis=1, keepdims=True)) ** 2, axis=1) if len(usable) else df
    # E[s] / sd of so many degrees of freedom, by the same gamma functions as the factor for effect sizes
    return np.asarray(np.sqrt(squares / df) / (small_sample_factor(df + 1) * np.sqrt((df + 1) / df)))


def _column_means(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _standard_error(values: Floats) -> Floats:
    """Returns that of the mean of each row."""
    return np.asarray(values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]))


def _welch_df(a: float, n: int, b: float, m: int) -> float:
    return float((a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))) if a + b > 0 else float(n + m - 2)


def _p(difference: float, error: float, df: float) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, df))


def _tell(ratio: Ratio, p: float, units: str, family: str) -> str:
    if np.isnan(ratio.p):
        return f"too little to compare: {units}"
    if np.isnan(ratio.value):
        return f"one side does not vary at all, p = {p:.2g} after {family}"
    return f"SD times {ratio.value:.2g} (95 % {ratio.low:.2g} to {ratio.high:.2g}), p = {p:.2g} after {family}"
