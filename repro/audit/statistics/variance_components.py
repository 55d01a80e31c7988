"""Estimators of variance components: a random intercept for each seed, mean squares, spreads of effects, intervals.

Two kinds of component meet here. What seeds do is random: its variance comes from a mixed model, by restricted maximum
likelihood (REML) where that converges away from the border, else by the method of moments. What options do is fixed:
its variance is that of their estimated effects, less what sampling adds to it.
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import optimize, special, stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from repro.audit.statistics.linear_model import Floats, fit_effects, stack_runs
from repro.audit.statistics.mean_squares import MeanSquare, find_pure_error

Method = Literal["REML", "moments"]

LARGEST = 100
"""Columns up to which REML is tried: its cost grows with their cube, and in a complete table the moments agree."""
MOST_RUNS = 2000
"""Runs up to which it is tried, for the same reason."""
NODES = 64
"""Of the quadrature over the noise: enough for three digits from one degree of freedom on."""


class Mixed(NamedTuple):
    """A fitted mixed model.

    Attributes:
        effects: (K,) fixed effects; NaN where the runs cannot tell one.
        errors: (K,) their standard errors.
        seed: variance of what all variants share at a seed.
        noise: variance of a run beyond that.
        method: how it was fitted.
    """

    effects: Floats
    errors: Floats
    seed: float
    noise: float
    method: Method


def fit_mixed(columns: Floats, values: Floats) -> Mixed:
    """Fits columns (V, K) to values (V, S), NaN where there is none, with a random intercept for each seed.

    Model: y_vs = mean + sum over k of x_vk * b_k + u_s + e_vs, with u_s of variance `seed` and e_vs of variance
    `noise`. In a complete table the effects equal those of seeds as fixed blocks; where seeds are missing in some
    variants, the seeds that only one of them has tell something too.

    Source: REML by Patterson & Thompson (1971), as `MixedLM` of statsmodels; moments: Searle, Casella & McCulloch,
    Variance Components (1992), chapter 5.

    Example:
        >>> fitted = fit_mixed(np.array([[0.0], [1.0]]), np.array([[1.0, 2.0], [4.0, 6.0]]))
        >>> fitted.effects.round(3).tolist(), round(float(fitted.noise), 3), fitted.method
        ([3.5], 0.25, 'REML')
    """
    present = np.isfinite(values).any(axis=0)
    values = values[:, present]
    return _fit_likelihood(columns, values) or fit_moments(columns, values)


def fit_moments(columns: Floats, values: Floats) -> Mixed:
    """Fits by the method of moments: noise is the pure error, what else varies within variants is the seeds'.

    seed = max(0, mean square within variants - noise), since that mean square has the expectation seed + noise.
    Unbiased for the variances, but for the one of the seeds being cut off at 0; NaN without replicates.
    """
    noise = find_pure_error(values)
    fit = fit_effects(columns, values)
    count = np.isfinite(values).sum(axis=1)
    replicated = values[count > 1]
    spread = np.nan
    if len(replicated):
        within = np.nansum((replicated - np.nanmean(replicated, axis=1, keepdims=True)) ** 2)
        spread = float(within) / float((count[count > 1] - 1).sum())
    errors = np.sqrt(noise.variance * np.maximum(np.diag(fit.unit), 0))
    if noise.df == 0:
        return Mixed(fit.estimates, errors, np.nan, spread, "moments")
    return Mixed(fit.estimates, errors, max(spread - noise.variance, 0.0), noise.variance, "moments")


def mean_squares(mixed: Mixed, values: Floats) -> list[MeanSquare]:
    """Splits the variance of a run between seeds into independent mean squares, weighted so that they add up to it.

    With V variants on each of S seeds: seed + noise / V on S - 1, and noise (1 - 1 / V) on (V - 1)(S - 1) degrees of
    freedom. The first is what seeds share, the second the noise within them, as in a complete table with as many
    variants per seed as there are on average; one alone where there is one variant. Empty without replicates.
    """
    present = np.isfinite(values)
    seeds = int(present.any(axis=0).sum())
    if seeds < 2 or np.isnan(mixed.noise):
        return []
    if np.isnan(mixed.seed):
        return [MeanSquare(mixed.noise, seeds - 1.0)]
    variants = float(present.sum()) / seeds
    shared = MeanSquare(mixed.seed + mixed.noise / variants, seeds - 1.0)
    within = MeanSquare(mixed.noise * (1 - 1 / variants), (variants - 1) * (seeds - 1))
    return [shared, within] if variants > 1 else [shared]


def _fit_likelihood(columns: Floats, values: Floats) -> Mixed | None:
    if columns.shape[1] > LARGEST or np.isfinite(values).sum() > MOST_RUNS or values.shape[1] < 2:
        return None
    stacked, found = stack_runs(columns, values)
    seeds, effects = stacked[:, : values.shape[1]].argmax(axis=1), stacked[:, values.shape[1] :]
    design = np.hstack([np.ones((len(found), 1)), effects])
    spread = found.std()
    unfit = not spread > 0 or len(found) <= design.shape[1] + 1
    if unfit or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = MixedLM((found - found.mean()) / spread, design, groups=seeds).fit(reml=True, method="lbfgs")
        except np.linalg.LinAlgError:
            return None
    at_border = [w for w in caught if issubclass(w.category, ConvergenceWarning) or "singular" in str(w.message)]
    for warning in caught:
        if warning not in at_border:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if at_border or not fitted.converged:
        return None
    errors = np.asarray(fitted.bse_fe, dtype=np.float64)[1:] * spread
    effects = np.asarray(fitted.fe_params, dtype=np.float64)[1:] * spread
    variances = float(np.asarray(fitted.cov_re)[0, 0]), float(fitted.scale)
    return Mixed(effects, errors, variances[0] * spread**2, variances[1] * spread**2, "REML")


class Share(NamedTuple):
    """One component: its variance and the 95 % interval of it, NaN where the runs cannot tell."""

    variance: float
    low: float
    high: float
    note: str


class Spread(NamedTuple):
    """What options add, before the sampling variance is taken off.

    Attributes:
        observed: variance of estimated effects over equally weighted options.
        bias: what noise of variance 1 adds to it on average.
        effects: their number.
    """

    observed: float
    bias: float
    effects: int


def spread_of_options(estimates: Floats, unit: Floats) -> Spread:
    """Finds the variance of effects (K,) with the covariance unit (K, K); the baseline's option has effect 0.

    With b the effects and C the centring of K + 1 equally weighted options: observed = b'Cb, bias = trace(C unit).

    Example:
        >>> spread_of_options(np.array([2.0]), np.array([[0.5]]))  # two options, 0 and 2: their variance is 1
        Spread(observed=1.0, bias=0.125, effects=1)
    """
    count = len(estimates)
    centring = (np.eye(count) - 1 / (count + 1)) / (count + 1)
    return Spread(float(estimates @ centring @ estimates), float(np.trace(centring @ unit)), count)


def share_of_spread(spread: Spread, noise: MeanSquare, note: str = "") -> Share:
    """Takes the sampling variance off a spread and finds the interval of what is left.

    variance = max(0, observed - bias * noise), the interval by `find_true_spread`.
    """
    sampling = spread.bias * noise.value
    if spread.effects == 0 or noise.df == 0 or not np.isfinite(spread.observed):
        return Share(np.nan, np.nan, np.nan, note)
    if sampling == 0:
        return Share(spread.observed, spread.observed, spread.observed, note)
    scale = sampling / spread.effects
    low, high = (find_true_spread(spread.observed / scale, spread.effects, noise.df, tail) for tail in (0.975, 0.025))
    return Share(max(spread.observed - sampling, 0.0), low * scale, high * scale, note)


@lru_cache(maxsize=1)
def find_nodes() -> tuple[Floats, Floats]:
    """Returns places in [-1, 1] and weights of the Gauss-Legendre rule."""
    place, weight = np.polynomial.legendre.leggauss(NODES)
    return place, weight


def find_true_spread(observed: float, effects: int, df: float, tail: float) -> float:
    """Returns the spread at which one as small as `observed` has the chance `tail`; 0 if there is none.

    Both in units of the estimated noise that an effect has. Given the true noise, the observed spread has a noncentral
    chi-square distribution; it is averaged over what the true noise may be. For one effect this is the t interval of
    its size; for several it has no exact counterpart.

    Source: fiducial average over the noise, ours; for one effect equal to the t distribution.

    Example:
        >>> low, high = (find_true_spread(36.0, effects=1, df=8, tail=tail) for tail in (0.975, 0.025))
        >>> round(low**0.5, 2), round(high**0.5, 2)  # t = 6 on 8 degrees of freedom: 6 -+ 2.31
        (3.69, 8.31)
    """
    # Gauss-Legendre over the probability of the noise: chi-square quantiles turn its nodes into ratios of variances.
    place, weight = find_nodes()
    precision = stats.chi2.ppf((place + 1) / 2, df) / df  # estimated variance of the noise by its true one

    def excess(spread: float) -> float:
        chance = special.chndtr(observed * precision, effects, spread * precision)
        return float(weight @ chance) / 2 - tail

    if excess(0.0) <= 0:
        return 0.0
    upper = observed + effects
    while excess(upper) > 0:
        upper *= 2
    return float(optimize.brentq(excess, 0.0, upper, rtol=1e-6))


def share_of_sum(parts: Sequence[MeanSquare], note: str) -> Share:
    """Adds independent mean squares m_i on d_i degrees of freedom, each already weighted, with the interval of the sum.

    low = sum - sqrt(sum (m_i (1 - d_i / q_i(.975)))^2),  high = sum + sqrt(sum (m_i (d_i / q_i(.025) - 1))^2), with q_i
    the quantiles of chi-square on d_i degrees of freedom; for one mean square the chi-square interval.

    Source: Graybill & Wang, Confidence intervals on nonnegative linear combinations of variances (1980).

    Example:
        >>> share = share_of_sum([MeanSquare(2.0, 7)], "")
        >>> round(share.low, 3), round(share.high, 3)  # 7 * 2 over the quantiles 16.013 and 1.690
        (0.874, 8.285)
    """
    total = sum(value for value, _ in parts)
    below = sum((value * (1 - df / float(stats.chi2.ppf(0.975, df)))) ** 2 for value, df in parts)
    above = sum((value * (df / float(stats.chi2.ppf(0.025, df)) - 1)) ** 2 for value, df in parts)
    return Share(total, max(total - below**0.5, 0.0), total + above**0.5, note)
