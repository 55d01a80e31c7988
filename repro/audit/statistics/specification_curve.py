"""The specification curve: all variants in a row, and whether the row is steeper than chance would make it.

The null is that no detail matters: labels of variants are then exchangeable within a seed, and only there, for a seed
may shift all of them.
"""

from collections.abc import Sequence
from typing import Any

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
        much; exact at any number of seeds, NaN with one, whose permutation changes nothing.

    Source: Simonsohn, Simmons & Nelson, Specification curve analysis (2020), for the joint test; the permutation within
    seeds is ours: their null by resampling of subjects does not transfer to training runs.
    """
    coding = code_details(plan)
    curves, tests = [], []
    for index, outcomes in enumerate(tables):
        values = shared_values(outcomes, coding.design)
        if not np.isfinite(values).any():
            continue
        null = permute_means(values, permutations, np.random.default_rng([seed, index]))
        curves.append(_describe_curve(outcomes, values, null))
        tests.append(_test_curve(outcomes, values, null))
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
    present_rows = present.any(axis=1)
    sums = np.zeros((permutations, len(values)))
    for column, here in zip(values.T, present.T, strict=True):
        sums[:, here] += generator.permuted(np.tile(column[here], (permutations, 1)), axis=1)
    return sums[:, present_rows] / present.sum(axis=1)[present_rows]


def _describe_curve(outcomes: Outcomes, values: Floats, null: Floats) -> pd.DataFrame:
    count = np.isfinite(values).sum(axis=1)
    shown = np.flatnonzero(count)
    mean, count = np.nanmean(values[shown], axis=1), count[shown]
    order = np.argsort(mean, kind="stable")
    shown, mean, count = shown[order], mean[order], count[order]
    reach = _pooled_reach(values) / np.sqrt(count)
    band = np.full((2, len(shown)), np.nan)
    if np.isfinite(values).any(axis=0).sum() > 1:
        band = np.quantile(np.sort(null, axis=1), [0.025, 0.975], axis=0)
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
            "null_low": band[0],
            "null_high": band[1],
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


def _test_curve(outcomes: Outcomes, values: Floats, null: Floats) -> dict[str, Any]:
    measured = values[np.isfinite(values).any(axis=1)]
    observed = float(np.nanmean(measured, axis=1).std())
    p = np.nan
    if np.isfinite(values).any(axis=0).sum() > 1:
        # a permutation that is the observed table must count as one, whatever the order of its sums
        p = (1 + int((null.std(axis=1) >= observed * (1 - 1e-9)).sum())) / (1 + len(null))
    return {
        "metric": outcomes.metric,
        "train_fraction": outcomes.train_fraction,
        "statistic": STATISTIC,
        "observed": observed,
        "p": p,
        "permutations": len(null),
    }
