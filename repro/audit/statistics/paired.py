"""Two arms compared seed by seed: difference, t interval, effect sizes, and the exact sign-flip test.

Arms share split, masks and the seeds' random streams, so that they are compared over the seeds that both have; whether
pairing helped is measured (`correlation`), never assumed. The test assumes nothing of the differences but that they
are symmetric about zero where nothing is there; the seeds are its only units.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

BCA_FROM = 30
"""Seeds from which the bootstrap is shown: it covers .88 at 8, .90 at 10 and .92 at 20 where .95 is meant."""
BCA_DRAWS = 4_999
EXACT_UP_TO = 16
"""Seeds up to which all sign patterns are enumerated."""
DRAWS = 19_999
"""Random sign patterns beyond that."""
_AT_ONCE = 32
"""Contrasts in one product, which bounds the memory."""


def compare_pairs(option: Floats, baseline: Floats, higher_is_better: bool) -> dict[str, Floats]:
    """Compares K arms with a baseline over the seeds in which both are finite.

    With d_s = option - baseline at each of n shared seeds, and s its standard deviation:
        estimate = mean(d),  se = s / sqrt(n),  interval = estimate +- t(n - 1) se;
        hedges_g = J(nu) estimate / sqrt((s_option^2 + s_baseline^2) / 2),  nu = 2 (n - 1) / (1 + r^2),
            r the correlation of the arms: two correlated variances have nu degrees of freedom; NaN below three seeds;
        probability_of_improvement = P(option better) + P(equal) / 2 over all pairs of a seed of the option and a seed
            of the baseline: what a reader meets who trains each once with a seed of their own;
        superiority = the same over the shared seeds alone: what a reader meets who trains both with one seed.

    Args:
        option: (K, S) float64, a value for each arm and seed; NaN where there is none.
        baseline: (K, S) or (1, S) float64.
        higher_is_better: turns `probability_of_improvement` and `superiority` only; differences are option less
            baseline, in the metric's unit.

    Returns:
        Arrays (K,): seeds, estimate, sd (of the differences), se, df, low, high (t, 95 %), low90, high90, hedges_g,
        probability_of_improvement, superiority, bca_low, bca_high (NaN below `BCA_FROM` seeds), p (sign flip),
        correlation.

    Source: hedges_g is g_av of Cumming, Understanding the New Statistics (2012), chapter 11, with the degrees of
    freedom of Cousineau (2020); the probability is A of Vargha & Delaney (2000), named as by Agarwal et al. (2021);
    bca_*: Efron, Better bootstrap confidence intervals (1987).

    Example:
        >>> found = compare_pairs(np.array([[3.0, 5.0, 4.0]]), np.array([[1.0, 2.0, 3.0]]), higher_is_better=True)
        >>> {name: round(float(found[name][0]), 3) for name in ("estimate", "se", "low", "high", "p", "correlation")}
        {'estimate': 2.0, 'se': 0.577, 'low': -0.484, 'high': 4.484, 'p': 0.25, 'correlation': 0.5}
        >>> float(found["probability_of_improvement"][0].round(3))
        0.944
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
        "probability_of_improvement": _probability_of_improvement(first, second, higher_is_better),
        "superiority": _mean((np.sign(first - second) * (1 if higher_is_better else -1) + 1) / 2),
        "bca_low": bca_low,
        "bca_high": bca_high,
        "p": _sign_flips(first - second, seeds),
        "correlation": correlation,
    }


def small_sample_factor(df: Floats) -> Floats:
    """Returns J(m) = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)), NaN where m degrees of freedom are NaN.

    It takes the bias from an estimate that is divided by an sd of m degrees of freedom.

    Source: Hedges, Distribution theory for Glass's estimator of effect size (1981).

    Example:
        >>> small_sample_factor(np.array([2.0, 10.0, 100.0])).round(4).tolist()
        [0.5642, 0.9227, 0.9925]
    """
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


def _probability_of_improvement(option: Floats, baseline: Floats, higher_is_better: bool) -> Floats:
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


def sign_flip_p(differences: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Computes the two-sided p-value of the mean difference under all flips of the signs.

    p = (number of sign patterns e in {-1, 1}^n with |sum e_s d_s| >= |sum d_s|) / 2^n.

    Args:
        differences: (K, n) float64, K contrasts of n paired seeds, n at least 1.
        seed: of the random patterns that are drawn beyond `EXACT_UP_TO` seeds.

    Returns:
        (K,) float64 in (0, 1]. Where patterns are drawn, the observed one counts as one of them, so that no p is zero
        (Phipson & Smyth 2010).

    Source: Fisher, The Design of Experiments (1935), section 21.

    Example:
        >>> sign_flip_p(np.array([[1.0, 2.0, 3.0], [1.0, -2.0, 3.0]])).tolist()
        [0.25, 0.75]
    """
    seeds = differences.shape[1]
    exact = seeds <= EXACT_UP_TO
    patterns = sign_patterns(seeds) if exact else _drawn_patterns(seeds, seed)
    p = np.empty(len(differences))
    for start in range(0, len(differences), _AT_ONCE):
        some = differences[start : start + _AT_ONCE]
        # Sums that are equal but for rounding count as equal.
        bound = np.abs(some.sum(axis=1)) - 1e-12 * np.abs(some).sum(axis=1)
        as_far = (np.abs(patterns @ some.T) >= bound).sum(axis=0)
        p[start : start + _AT_ONCE] = as_far / len(patterns) if exact else (as_far + 1) / (DRAWS + 1)
    return p


def smallest_p(seeds: int) -> float:
    """Returns the smallest p that the test can give with so many seeds.

    Example:
        >>> [smallest_p(seeds) for seeds in (3, 5, 6)]
        [0.25, 0.0625, 0.03125]
    """
    return min(1.0, 2.0 / 2**seeds) if seeds <= EXACT_UP_TO else 1.0 / (DRAWS + 1)


@lru_cache(maxsize=EXACT_UP_TO)
def sign_patterns(seeds: int) -> NDArray[np.float64]:
    """Returns (2^(seeds - 1), seeds) float64 of -1 and 1; the first sign stays, as flipping all changes no |sum|."""
    bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds - 1)
    return np.column_stack([np.ones(len(bits)), 2.0 * (bits & 1) - 1.0])


@lru_cache(maxsize=8)
def _drawn_patterns(seeds: int, seed: int) -> NDArray[np.float64]:
    generator = np.random.default_rng([seed, seeds])
    return generator.integers(0, 2, size=(DRAWS, seeds)).astype(np.float64) * 2.0 - 1.0
