"""Two arms compared seed by seed: difference, t interval, effect sizes, and a test that bears unequal spread.

Arms share split, masks and the seeds' random streams, so that they are compared over the seeds that both have; whether
pairing helped is measured (`correlation`), never assumed. The seeds are the only units of the test.

**The test.** Its p is the larger of two. The exact sign flip assumes that differences are symmetric about zero where
nothing is there: they are if the two arms vary alike, whatever the shape of their noise. Where one arm varies more and
noise is skewed they are not: runs of the wider arm mostly fall on one side of their mean, and the flip takes this for
an effect. The second is a t test of the mean, corrected for that skewness (`skew_corrected_p`); it hardly moves where
the arms vary alike. Two arms of the same mean with exponential noise, one with four times the spread of the other: at 8
and 12 seeds the flip alone finds an effect in 8.5 and 8.3 %, the two together in 5.5 and 4.5 % (20,000 studies each);
at twice the spread, where it is hardest to see, in 6 %. Under normal noise this costs up to 5 points of power below 12
seeds and up to 3 from there on at equal spread, and up to 10 at four times the spread (`benchmarks/unequal_spread.py`).

What cannot be had: a test of a mean that holds its level for all noise has no power for any (Bahadur & Savage 1956).
Lognormal noise (sigma 1) of unequal spread is still taken for an effect in 5 to 9 % instead of 6 to 13 %: its mean lies
in a tail that few seeds do not see. An outcome of that kind belongs on a log scale. A pretest of equal spread that
would call in the correction only where it rejects does less (7.1 and 11 % where the two together have 5.5 and 8.9 %):
it misses the very samples in which the tail was not seen, and costs no less where spreads do differ.
Studentising the flip changes nothing in pairs, as flips leave the sum of squares alone.
"""

from collections.abc import Iterator
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
SKEW_FACTOR = 1.5
"""By which the skewness found is raised, as few seeds show too little of it: of exponential noise, 2, on average .9
with 6 seeds and 1.2 with 12. Chosen by simulation among 1, 1.5, 2 and 3: at four times the spread and 12 seeds, false
effects under lognormal noise .092, .077, .068, .055; power under normal noise .73, .70, .67, .61."""
_AT_ONCE = 32
"""Contrasts in one product, which bounds the memory."""
_DRAWN_AT_ONCE = 1_000
"""Random patterns in one product, for the same reason; even, as a generator halves its words."""


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
        probability_of_improvement, superiority, bca_low, bca_high (NaN below `BCA_FROM` seeds), p (the larger one of
        sign flip and skewness-corrected t), p_sign_flip, correlation.

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
    estimate, sd = row_means(first - second), _sd(first - second)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = sd / np.sqrt(seeds)
        scale = np.sqrt((_sd(first) ** 2 + _sd(second) ** 2) / 2)
        standardised = np.where(estimate == 0, 0.0, estimate / np.where(scale > 0, scale, np.nan))
    correlation = _correlation(first, second)
    df = np.where(seeds > 1, seeds - 1.0, np.nan)
    half95, half90 = stats.t.ppf(0.975, df) * se, stats.t.ppf(0.95, df) * se
    bca_low, bca_high = _bca_intervals(first - second, seeds)
    flipped = _sign_flips(first - second, seeds)
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
        "superiority": row_means((np.sign(first - second) * (1 if higher_is_better else -1) + 1) / 2),
        "bca_low": bca_low,
        "bca_high": bca_high,
        "p": np.fmax(flipped, skew_corrected_p(first, second)),
        "p_sign_flip": flipped,
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


def skew_corrected_p(option: Floats, baseline: Floats) -> Floats:
    """Computes the two-sided p of the mean difference by a t that is corrected for skewness from unequal spread.

    With t = sqrt(n) mean(d) / s of the differences and g the skewness of d under the null:
        H = t + g t^2 / (3 sqrt(n)) + g^2 t^3 / (27 n) + g / (6 sqrt(n)),   p = 2 P(T(n - 1) > |H|),
    Hall's cubic, which grows with t throughout. For g the two arms are taken to have noise of one shape, each with its
    own spread: with the residuals z of each arm in its own sd, (z_option, z_baseline) are as likely the other way
    round, so that

        g = factor * mean of (s_option z_1 - s_baseline z_0)^3 over both ways round / s^3,

    the small-sample factor n^2 / ((n - 1)(n - 2)) times `SKEW_FACTOR`. It is near zero where spreads are alike.

    Args:
        option: (K, S) float64, NaN where there is no pair.
        baseline: (K, S) float64, NaN in the same places.

    Returns:
        (K,) float64; NaN below three pairs. Without any spread it is 0, or 1 where there is no difference.

    Source: Johnson, Modified t tests and confidence intervals for asymmetrical populations (1978); Hall, On the removal
    of skewness by transformation (1992), for the cubic; skewness from exchanged residuals and its factor are ours.

    Example:
        >>> wide, narrow = np.array([[-1.0, -2.0, -3.0, -4.0, 0.0, -5.0]]), np.array([[0.0, 0.1, -0.1, 0.2, -0.2, 0.0]])
        >>> float(skew_corrected_p(wide, narrow)[0].round(3))  # hardly skewed: .025 by the t test
        0.027
    """
    n, difference = np.isfinite(option).sum(axis=1), option - baseline
    enough = np.where(n > 2, n, np.nan)
    first, second = option - row_means(option)[:, None], baseline - row_means(baseline)[:, None]
    wide, narrow, sd = _sd(option), _sd(baseline), _sd(difference)
    both = (wide > 0) & (narrow > 0)
    ratio = (np.where(both, wide, 1.0) / np.where(both, narrow, 1.0))[:, None]
    # the same residuals, exchanged between the arms and each brought to the spread of the other
    exchanged = np.where(both[:, None], ratio * second - first / ratio, first - second)
    cubes = row_means(((first - second) ** 3 + exchanged**3) / 2)
    mean = row_means(difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = SKEW_FACTOR * cubes / sd**3 * enough**2 / ((enough - 1) * (enough - 2)) / np.sqrt(enough)
        t = np.sqrt(enough) * mean / sd
        corrected = t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6
    p = 2 * stats.t.sf(np.abs(corrected), enough - 1)
    return np.where((n > 2) & (sd == 0), np.where(mean == 0, 1.0, 0.0), p)


def row_means(values: Floats) -> Floats:
    """Returns the means (K,) of the finite values of each row (K, S); NaN where there is none."""
    counts = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def _sd(values: Floats) -> Floats:
    counts = np.isfinite(values).sum(axis=1)
    squares = np.nansum((values - row_means(values)[:, None]) ** 2, axis=1)
    return np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), np.nan)


def _pooled_df(seeds: NDArray[np.int64], correlation: Floats) -> Floats:
    """Returns the degrees of freedom of two correlated variances; NaN below three seeds."""
    return np.where(seeds > 2, 2.0 * (seeds - 1) / (1 + np.nan_to_num(correlation) ** 2), np.nan)


def _probability_of_improvement(option: Floats, baseline: Floats, higher_is_better: bool) -> Floats:
    first, second = (option, baseline) if higher_is_better else (-option, -baseline)
    found = np.full(len(first), np.nan)
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        one, other = one[np.isfinite(one)], np.sort(other[np.isfinite(other)])
        if len(one) and len(other):
            # pairs that are won, and half of those that are equal: by ranks, as there are seeds^2 of them
            won = np.searchsorted(other, one, side="left").sum() + np.searchsorted(other, one, side="right").sum()
            found[row] = won / (2 * len(one) * len(other))
    return found


def _correlation(option: Floats, baseline: Floats) -> Floats:
    first, second = option - row_means(option)[:, None], baseline - row_means(baseline)[:, None]
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
    if seeds > EXACT_UP_TO:
        as_far = sum(_count_as_far(patterns, differences) for patterns in _draw_patterns(seeds, seed))
        return np.asarray((as_far + 1) / (DRAWS + 1))
    patterns, p = sign_patterns(seeds), np.empty(len(differences))
    for start in range(0, len(differences), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        p[some] = _count_as_far(patterns, differences[some]) / len(patterns)
    return p


def _count_as_far(patterns: Floats, differences: Floats) -> NDArray[np.int64]:
    """Returns (K,) how many patterns give a sum at least as large; sums equal but for rounding count as equal."""
    bound = np.abs(differences.sum(axis=1)) - 1e-12 * np.abs(differences).sum(axis=1)
    return np.asarray((np.abs(patterns @ differences.T) >= bound).sum(axis=0))


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


def _draw_patterns(seeds: int, seed: int) -> Iterator[Floats]:
    """Yields `DRAWS` random patterns in blocks, which are the same however large the blocks are."""
    generator = np.random.default_rng([seed, seeds])
    for start in range(0, DRAWS, _DRAWN_AT_ONCE):
        drawn = generator.integers(0, 2, size=(min(_DRAWN_AT_ONCE, DRAWS - start), seeds))
        yield drawn.astype(np.float64) * 2.0 - 1.0
