"""How many seeds it takes: power of the very test that a study uses.

The test of pairs is simulated where the discreteness of the sign flip tells; beyond, its power is the t test's to
within the error of such a simulation. A contrast's power is the t test's on its error term. Noise is taken as normal.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import optimize, stats

from repro.audit.statistics.error_terms import df_at_seeds
from repro.audit.statistics.paired import Floats, sign_patterns, skew_corrected_p

Level = Callable[[int], float]
"""The level of a test by the number of seeds, which grows with them where looks are paid for."""
POWER = 0.8
"""The chance of finding the effect that a number of seeds is to give."""
SEEDS_CAP = 200
"""Seeds beyond which no number is named."""

_SIMULATED_UP_TO = 14
_SIMULATIONS = 500
_LARGEST_SHIFT = 8.0


def t_power(shift: float, seeds: int, alpha: float, df: float | None = None) -> float:
    """Computes the power of the two-sided t test.

    power = P(|T| > t(1 - alpha / 2; df)) for T of the noncentral t distribution about shift * sqrt(seeds).

    Args:
        shift: true mean in units of the sd of one difference.
        seeds: number of differences, at least 2.
        alpha: level.
        df: degrees of freedom of the sd; seeds - 1 unless given.

    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter 2; noncentral t by scipy.

    Example:
        >>> round(t_power(0.5, seeds=34, alpha=0.05), 3)  # the textbook's 34 for a medium effect
        0.808
    """
    df = seeds - 1.0 if df is None else df
    critical, centre = stats.t.ppf(1 - alpha / 2, df), abs(shift) * np.sqrt(seeds)
    # scipy gives NaN for a non-centrality so large that the tails are 1 and 0.
    upper, lower = stats.nct.sf(critical, df, centre), stats.nct.cdf(-critical, df, centre)
    return float(np.nan_to_num(upper, nan=1.0) + np.nan_to_num(lower, nan=0.0))


def paired_power(shift: float, seeds: int, alpha: float, simulations: int = _SIMULATIONS) -> float:
    """Simulates the power of the test of pairs, sign flip and skewness-corrected t together, under normal noise.

    The arms vary alike and their seeds are uncorrelated; the draws are the same for every shift and level.
    """
    sums, signs, option, baseline = _simulate_flips(seeds, simulations)
    totals = (option - baseline).sum(axis=1) + shift * seeds
    flipped = (np.abs(sums + shift * signs[:, None]) >= np.abs(totals) - 1e-9).mean(axis=0)
    return float((np.fmax(flipped, skew_corrected_p(option + shift, baseline)) < alpha).mean())


@lru_cache(maxsize=512)
def smallest_shift(seeds: int, alpha: float) -> float:
    """Returns the mean difference that the test of pairs finds with probability `POWER`, in sd of the differences.

    Infinite where no p can pass; beyond the seeds that are simulated it is the t test's.

    Example:
        >>> smallest_shift(5, 0.05)  # the smallest p of five seeds is .0625
        inf
    """
    if seeds < 2:
        return np.inf
    power = paired_power if seeds <= _SIMULATED_UP_TO else t_power
    if power(_LARGEST_SHIFT, seeds, alpha) < POWER:
        return np.inf
    return float(optimize.bisect(lambda shift: power(shift, seeds, alpha) - POWER, 0.0, _LARGEST_SHIFT, xtol=0.01))


def seeds_for_sign_flip(shift: float, level: Level, more_than: int, most: int = SEEDS_CAP) -> int | None:
    """Returns the fewest seeds, more than so many, that find the shift with probability `POWER`.

    Args:
        shift: mean difference in units of the sd of the differences; may be infinite.
        level: of the single test, after its correction, by the number of seeds.
        more_than: seeds that there are already.
        most: seeds beyond which no number is named.

    Returns:
        None: more than `most`.
    """
    shift = min(abs(shift), _LARGEST_SHIFT)
    for seeds in range(more_than + 1, min(_SIMULATED_UP_TO, most) + 1):
        if smallest_shift(seeds, level(seeds)) <= shift:
            return seeds
    return find_fewest(lambda seeds: t_power(shift, seeds, level(seeds)), max(more_than, _SIMULATED_UP_TO), most)


def seeds_for_contrast(
    effect: float, se: float, df: float, seeds: int, level: Level, most: int = SEEDS_CAP, fixed: float = 0.0
) -> int | None:
    """Returns the fewest seeds per variant that find a contrast's effect, if each adds what those so far have added.

    Args:
        effect: in the metric's unit.
        se: standard error of the contrast, now.
        df: degrees of freedom of its error term, now.
        seeds: per variant, now; at least 2.
        level: of the single test, after its correction, by the number of seeds.
        most: seeds beyond which no number is named.
        fixed: share of se^2 that further seeds leave as it is (lack of fit); degrees of freedom then stay as well.

    Returns:
        None: more than `most`, or no number of them.

    Example:
        >>> seeds_for_contrast(effect=0.5, se=1 / 5**0.5, df=4, seeds=5, level=lambda seeds: 0.05)
        34
    """
    shift = effect / se if se > 0 else np.inf

    def power(more: int) -> float:
        squared = (1 - fixed) * seeds / more + fixed
        return t_power(shift / np.sqrt(squared), 1, level(more), df if fixed else df_at_seeds(df, seeds, more))

    return find_fewest(power, seeds, most)


def equivalence_power(margin: float, df: float, level: float = 0.05, effect: float = 0.0) -> float:
    """Returns the chance that an effect, nil unless given, is called equivalent: both one-sided tests reject.

    With z standard normal and q independent of it, chi-square on df degrees of freedom over df:
    P(|z + effect| < w), w = margin - t(1 - level; df) sqrt(q), is E[max(0, Phi(w - effect) - Phi(-w - effect))], by
    Gauss and Legendre over q.

    Args:
        margin: in standard errors of the effect.
        df: degrees of freedom of the error term.
        level: of each one-sided test, after its correction.
        effect: true one, in standard errors.

    Source: Schuirmann (1987) for the test; the expectation is elementary.

    Example:
        >>> round(equivalence_power(3.0, 15), 2), equivalence_power(1.5, 1e6)
        (0.78, 0.0)
    """
    if df < 1 or np.isnan(margin):
        return np.nan if np.isnan(margin) else 0.0
    place, weight = np.polynomial.legendre.leggauss(64)
    error = np.sqrt(stats.chi2.ppf((place + 1) / 2, df) / df)
    width = margin - stats.t.isf(level, df) * error
    inside = stats.norm.cdf(width - effect) - stats.norm.cdf(-width - effect)
    return float(weight @ np.maximum(inside, 0)) / 2


def find_fewest(power: Callable[[int], float], more_than: int, most: int) -> int | None:
    """Returns the fewest replicates, more than so many, with power `POWER`; None: more than `most`."""
    if more_than >= most or power(most) < POWER:
        return None
    low, high = more_than, most  # bisection: power grows with the replicates
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


@lru_cache(maxsize=2)
def _simulate_flips(seeds: int, simulations: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns sums of differences under all patterns of signs (patterns, N), sums of the signs, and arms (N, S)."""
    generator = np.random.default_rng([seeds, simulations])
    option, baseline = generator.standard_normal((2, simulations, seeds)) / np.sqrt(2)
    patterns = sign_patterns(seeds)
    return patterns @ (option - baseline).T, patterns.sum(axis=1), option, baseline
