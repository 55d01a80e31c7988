"""The specification curve: all variants in a row, and whether the row is steeper than chance would make it.

The null is that no detail matters in any way, so that all variants have the same distribution: their labels are then
exchangeable within a seed, and only there, for a seed may shift all of them. Where details change the spread over seeds
and no mean, labels are not exchangeable: the test may then reject.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.linear_model import Floats, code_details, shared_values
from repro.audit.statistics.mean_squares import satterthwaite_df
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.variance_components import fit_moments, mean_squares
from repro.audit.study.plan import Plan

CURVE_COLUMNS = (
    *("variant", "metric", "train_fraction", "rank", "mean", "low", "high", "seeds", "runs", "null_low", "null_high"),
)
TEST_COLUMNS = ("metric", "train_fraction", "statistic", "observed", "p", "permutations")
STATISTIC = "standard deviation of the curve"
TAIL = 0.025
"""On either side of the band of a rank."""
CELLS_AT_ONCE = 4_000_000
"""Of a block of permuted curves (32 MB): beyond, the null is drawn in several blocks."""


class Null(NamedTuple):
    """What curves look like under the null.

    Attributes:
        spreads: (P,) standard deviation of each permuted curve.
        low: (V,) lower end of the band of each rank.
        high: (V,) its upper end.
    """

    spreads: Floats
    low: Floats
    high: Floats


def specification_curve(
    plan: Plan, tables: Sequence[Outcomes], permutations: int = 999, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sorts the variants by their mean over seeds, and compares the curve with its permutation null.

    Baseline and arms, not the controls, each with the seeds that others have too, so that the null can exchange them.
    Failed runs count with the worst value seen, missing ones not at all.

    Args:
        plan: names the variants.
        tables: their outcomes.
        permutations: how often labels are permuted within every seed.
        seed: of the permutations.

    Returns:
        The curve, rank 1 the lowest mean: t intervals for other seeds, on the spread between seeds pooled over variants
        (two seeds of one variant would give an interval ten times as wide), and the 95 % band of each rank under the
        null. The test of the whole: p is the share of curves (the observed one included) that spread at least as
        much; exact at any number of seeds, NaN with one, whose permutation changes nothing. It is a test of equal
        distributions, not of equal means.

    Source: Simonsohn, Simmons & Nelson, Specification curve analysis (2020), for the joint test; the permutation within
    seeds is ours: their null by resampling of subjects does not transfer to training runs.
    """
    coding = code_details(plan)
    curves, tests = [], []
    for index, outcomes in enumerate(tables):
        values = shared_values(outcomes, coding.design)
        if not np.isfinite(values).any():
            continue
        null = None
        if np.isfinite(values).any(axis=0).sum() > 1:
            null = find_null(values, permutations, np.random.default_rng([seed, index]))
        curves.append(_describe_curve(outcomes, values, null))
        tests.append(_test_curve(outcomes, values, null, permutations))
    if not curves:
        return pd.DataFrame(columns=list(CURVE_COLUMNS)), pd.DataFrame(columns=list(TEST_COLUMNS))
    return pd.concat(curves, ignore_index=True), pd.DataFrame(tests, columns=list(TEST_COLUMNS))


def permute_means(values: Floats, permutations: int, generator: np.random.Generator) -> Floats:
    """Returns (permutations, V) means over seeds of values (V, S) whose labels are permuted within each seed.

    A value that is missing stays missing: only the variants present at a seed exchange their values.

    Example:
        >>> means = permute_means(np.array([[1.0, 2.0], [3.0, 4.0]]), 4, np.random.default_rng(0))
        >>> means.shape, set(means.sum(axis=1).tolist())  # the sum over variants stays
        ((4, 2), {5.0})
    """
    present = np.isfinite(values)
    shown = present.any(axis=1)
    means = np.zeros((permutations, len(values)))
    for column, here in zip(values.T, present.T, strict=True):
        means[:, here] += generator.permuted(np.broadcast_to(column[here], (permutations, int(here.sum()))), axis=1)
    means[:, shown] /= present.sum(axis=1)[shown]
    return means[:, shown]


def find_null(values: Floats, permutations: int, generator: np.random.Generator) -> Null:
    """Draws the null of the curve of values (V, S), in blocks, of which only spreads and tails are kept.

    The ends of a band are the quantiles at `TAIL` and 1 - `TAIL`, linear between order statistics as in `np.quantile`.

    Example:
        >>> null = find_null(np.array([[1.0, 2.0], [3.0, 4.0]]), 99, np.random.default_rng(0))
        >>> null.low.tolist(), null.high.tolist()  # means of 1.5 and 3.5, or 2.5 twice
        ([1.5, 2.5], [2.5, 3.5])
    """
    place = TAIL * (permutations - 1)
    kept, spreads = int(place) + 2, []
    low = high = np.empty((0, int(np.isfinite(values).any(axis=1).sum())))
    for block in _draw_blocks(values, permutations, generator):
        spreads.append(block.std(axis=1))
        block.sort(axis=1)
        low = _keep_smallest(np.vstack([low, block]), kept)
        high = -_keep_smallest(np.vstack([-high, -block]), kept)
    share = place - int(place)
    first, second = int(place), min(int(place) + 1, len(low) - 1)
    low, high = np.sort(low, axis=0), -np.sort(-high, axis=0)
    ends = [tail[first] + share * (tail[second] - tail[first]) for tail in (low, high)]
    return Null(np.concatenate(spreads), *ends)


def _draw_blocks(values: Floats, permutations: int, generator: np.random.Generator) -> Iterator[Floats]:
    """Yields permuted means, as many at once as `CELLS_AT_ONCE` allows."""
    most = max(CELLS_AT_ONCE // max(len(values), 1), 1)
    for start in range(0, permutations, most):
        yield permute_means(values, min(most, permutations - start), generator)


def _keep_smallest(values: Floats, count: int) -> Floats:
    """Returns the smallest of each column, in no order."""
    return values if len(values) <= count else np.partition(values, count - 1, axis=0)[:count]


def _describe_curve(outcomes: Outcomes, values: Floats, null: Null | None) -> pd.DataFrame:
    count = np.isfinite(values).sum(axis=1)
    shown = np.flatnonzero(count)
    mean, count = np.nanmean(values[shown], axis=1), count[shown]
    order = np.argsort(mean, kind="stable")
    shown, mean, count = shown[order], mean[order], count[order]
    reach = _pooled_reach(values) / np.sqrt(count)
    unknown = np.full(len(shown), np.nan)
    return pd.DataFrame(
        {
            "variant": [outcomes.variants[variant] for variant in shown],
            "metric": outcomes.metric,
            "train_fraction": outcomes.train_fraction,
            "rank": np.arange(1, len(shown) + 1),
            "mean": mean,
            "low": mean - reach,
            "high": mean + reach,
            "seeds": count,
            "runs": [tuple(outcomes.runs[variant, np.isfinite(values[variant])].tolist()) for variant in shown],
            "null_low": null.low if null else unknown,
            "null_high": null.high if null else unknown,
        },
        columns=list(CURVE_COLUMNS),
    )


def _pooled_reach(values: Floats) -> float:
    """Half the 95 % interval of a single run, with Satterthwaite's degrees of freedom; NaN without replicates."""
    parts = mean_squares(fit_moments(np.empty((len(values), 0)), values), values)
    variance = sum(value for value, _ in parts)
    if not parts:
        return np.nan
    if variance == 0:
        return 0.0
    return float(stats.t.ppf(0.975, satterthwaite_df(parts)) * np.sqrt(variance))


def _test_curve(outcomes: Outcomes, values: Floats, null: Null | None, permutations: int) -> dict[str, Any]:
    observed = float(np.nanmean(values[np.isfinite(values).any(axis=1)], axis=1).std())
    p = np.nan
    if null:
        # a permutation that is the observed table must count as one, whatever the order of its sums
        p = (1 + int((null.spreads >= observed * (1 - 1e-9)).sum())) / (1 + permutations)
    return {
        "metric": outcomes.metric,
        "train_fraction": outcomes.train_fraction,
        "statistic": STATISTIC,
        "observed": observed,
        "p": p,
        "permutations": permutations,
    }
