"""Effects of single options against the baseline, over the seeds that both arms have.

Tables of outcomes flow in; rows of `Analysis.effects` of kind "paired" flow out, p not yet adjusted. Arms share
split, masks and the seeds' random streams, so that they are compared seed by seed; whether that helped is measured
(`correlation`), never assumed. Knows nothing of factorial designs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.outcomes import Outcomes, baseline_option
from repro.audit.statistics.signflip import sign_flip_p
from repro.audit.study.declaration import Study
from repro.audit.study.plan import Plan

NEGATIVE, POSITIVE = "negative control", "positive control"
"""The details under which the control arms stand among the effects."""
BCA_FROM = 30
"""Seeds from which the bootstrap is shown: it covers .88 at 8, .90 at 10 and .92 at 20 where .95 is meant."""
BCA_DRAWS = 4_999

Floats = NDArray[np.float64]


class Arm(NamedTuple):
    """A variant that differs from the baseline by one option, or by the settings of a control."""

    detail: str
    option: str
    baseline: str
    variant: str


def single_arms(plan: Plan) -> Iterator[Arm]:
    """Yields the arms that are compared in pairs: the controls of any design, and all arms of `one_at_a_time`."""
    alone = plan.declared.design == "one_at_a_time"
    for variant in plan.variants:
        settings = ", ".join(f"{key}={show_value(value)}" for key, value in variant.settings.items())
        match variant.role:
            case "negative control" | "positive control":
                yield Arm(variant.role, settings, "baseline", variant.id)
            case "arm" if alone:
                varied = [key for key in variant.settings if key in plan.levels]
                if len(varied) == 1:
                    option = show_value(variant.settings[varied[0]])
                    yield Arm(varied[0], option, baseline_option(plan, varied[0]), variant.id)
            case "arm" | "baseline":
                pass


def paired_effects(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Compares every single arm with the baseline, per metric and share of the training.

    Returns:
        Rows of `Analysis.effects` but for `p_adjusted`; an arm without a seed in common has NaN.
    """
    study, arms = plan.declared, list(single_arms(plan))
    return pd.concat(
        [pd.DataFrame(), *(_table_effects(table, arms, study) for table in tables if arms)], ignore_index=True
    )


def _table_effects(table: Outcomes, arms: Sequence[Arm], study: Study) -> pd.DataFrame:
    rows = np.array([table.variants.index(arm.variant) for arm in arms])
    option, baseline = table.values[rows], table.values[[0]]
    higher = study.metrics[table.metric].direction == "higher"
    shared = np.isfinite(option) & np.isfinite(baseline)
    return pd.DataFrame(
        {
            "detail": [arm.detail for arm in arms],
            "option": [arm.option for arm in arms],
            "metric": table.metric,
            "train_fraction": table.train_fraction,
            "baseline": [arm.baseline for arm in arms],
            "kind": "paired",
            **compare_pairs(option, baseline, higher),
            "failed": (table.failed[rows] | table.failed[0]).sum(axis=1, where=table.runs[rows] != ""),
            "runs": [tuple(table.runs[row][use]) for row, use in zip(rows, shared, strict=True)],
            "baseline_runs": [tuple(table.runs[0][use]) for use in shared],
        }
    )


def compare_pairs(option: Floats, baseline: Floats, higher_is_better: bool) -> dict[str, Floats]:
    """Compares K arms with a baseline over the seeds in which both are finite.

    Args:
        option: (K, S) float64, a value for each arm and seed; NaN where there is none.
        baseline: (K, S) or (1, S) float64.
        higher_is_better: turns `superiority` only; differences are option less baseline, in the metric's unit.

    Returns:
        Arrays (K,): seeds, estimate, sd (of the differences), se, df, low, high (t, 95 %), low90, high90, hedges_g,
        superiority, bca_low, bca_high, p (sign flip), correlation.
        hedges_g is Hedges' g_av: the mean difference over the root mean square of the two arms' sd, times the exact
        factor against its bias; two correlated variances have 2 (n - 1) / (1 + r^2) degrees of freedom (Cumming 2012,
        chapter 11; Cousineau 2020); NaN below three seeds. superiority is Vargha and Delaney's A over all pairs of a
        seed of the option and a seed of the baseline, ties half: what a reader meets who trains each once with a seed
        of their own.
    """
    baseline = np.broadcast_to(baseline, option.shape)
    shared = np.isfinite(option) & np.isfinite(baseline)
    seeds = shared.sum(axis=1)
    first, second = np.where(shared, option, np.nan), np.where(shared, baseline, np.nan)
    estimate, sd = _mean(first - second), _sd(first - second)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = sd / np.sqrt(seeds)
        scale = np.sqrt((_sd(first) ** 2 + _sd(second) ** 2) / 2)
        standardised = np.where(estimate == 0, 0.0, estimate / np.where(scale > 0, scale, np.nan))
    correlation = _correlation(first, second)
    df = np.where(seeds > 1, seeds - 1.0, np.nan)
    half95, half90 = stats.t.ppf(0.975, df) * se, stats.t.ppf(0.95, df) * se
    bca_low, bca_high = _bca_intervals(first - second, seeds)
    return {
        "seeds": seeds,
        "estimate": estimate,
        "sd": sd,
        "se": se,
        "df": df,
        "low": estimate - half95,
        "high": estimate + half95,
        "low90": estimate - half90,
        "high90": estimate + half90,
        "hedges_g": standardised * small_sample_factor(_pooled_df(seeds, correlation)),
        "superiority": _superiority(first, second, higher_is_better),
        "bca_low": bca_low,
        "bca_high": bca_high,
        "p": _sign_flips(first - second, seeds),
        "correlation": correlation,
    }


def small_sample_factor(df: Floats) -> Floats:
    """Returns the factors that take the bias from estimates divided by their sd; NaN where df is NaN."""
    return np.asarray(np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2))


def _mean(values: Floats) -> Floats:
    counts = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def _sd(values: Floats) -> Floats:
    counts = np.isfinite(values).sum(axis=1)
    squares = np.nansum((values - _mean(values)[:, None]) ** 2, axis=1)
    return np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), np.nan)


def _pooled_df(seeds: NDArray[np.int64], correlation: Floats) -> Floats:
    """Returns the degrees of freedom of two correlated variances; NaN below three seeds."""
    return np.where(seeds > 2, 2.0 * (seeds - 1) / (1 + np.nan_to_num(correlation) ** 2), np.nan)


def _superiority(option: Floats, baseline: Floats, higher_is_better: bool) -> Floats:
    signs = np.sign(option[:, :, None] - baseline[:, None, :]) * (1 if higher_is_better else -1)
    return _mean(((signs + 1) / 2).reshape(len(option), -1))


def _correlation(option: Floats, baseline: Floats) -> Floats:
    first, second = option - _mean(option)[:, None], baseline - _mean(baseline)[:, None]
    size = np.sqrt(np.nansum(first**2, axis=1) * np.nansum(second**2, axis=1))
    known = (size > 0) & (np.isfinite(option).sum(axis=1) > 2)
    return np.where(known, np.nansum(first * second, axis=1) / np.where(known, size, 1.0), np.nan)


def _sign_flips(differences: Floats, seeds: NDArray[np.int64]) -> Floats:
    p = np.full(len(differences), np.nan)
    for count in np.unique(seeds[seeds > 0]):
        rows = np.flatnonzero(seeds == count)
        some = differences[rows]
        p[rows] = sign_flip_p(some[np.isfinite(some)].reshape(len(rows), count))
    return p


def _bca_intervals(differences: Floats, seeds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    low, high = np.full(len(seeds), np.nan), np.full(len(seeds), np.nan)
    for row in np.flatnonzero(seeds >= BCA_FROM):
        pairs = differences[row][np.isfinite(differences[row])]
        if np.ptp(pairs) > 0:
            # The mean of paired differences: resampling them is resampling the pairs.
            found = stats.bootstrap(
                (pairs,), np.mean, n_resamples=BCA_DRAWS, method="BCa", rng=np.random.default_rng(0)
            )
            low[row], high[row] = found.confidence_interval
    return low, high
