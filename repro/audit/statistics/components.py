"""Components of variance: what effects add, less what sampling adds to them, with its interval.

Estimates and pure error flow in, shares flow out. Knows nothing of studies.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from repro.audit.statistics.linear import Floats, PureError

NODES = 64
"""Of the quadrature over the noise: enough for three digits from one degree of freedom on."""


class Share(NamedTuple):
    """One source: its variance and the 95 % interval of it, NaN where the runs cannot tell."""

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
    """Finds the variance of effects (K,) with the covariance unit (K, K); the baseline's option has effect 0."""
    count = len(estimates)
    centring = (np.eye(count) - 1 / (count + 1)) / (count + 1)
    return Spread(float(estimates @ centring @ estimates), float(np.trace(centring @ unit)), count)


def share_of_spread(spread: Spread, noise: PureError, note: str = "") -> Share:
    """Takes the sampling variance off a spread and finds the interval of what is left."""
    sampling = spread.bias * noise.variance
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


def find_true_spread(observed: float, effects: int, df: int, tail: float) -> float:
    """Returns the spread at which one as small as `observed` has the chance `tail`; 0 if there is none.

    Both in units of the estimated noise that an effect has. Given the true noise, the observed spread has a noncentral
    chi-square distribution; it is averaged over what the true noise may be. For one effect this is the t interval of
    its size; for several it has no exact counterpart.

    Source: fiducial average over the noise, ours; for one effect equal to the t distribution.
    """
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


def share_of_sum(parts: Sequence[tuple[float, float]], note: str) -> Share:
    """Adds independent mean squares (value, degrees of freedom), each already weighted, with the interval of the sum.

    Source: Graybill & Wang (1980), the modified large-sample interval; for one mean square the chi-square interval.
    """
    total = sum(value for value, _ in parts)
    below = sum((value * (1 - df / float(stats.chi2.ppf(0.975, df)))) ** 2 for value, df in parts)
    above = sum((value * (df / float(stats.chi2.ppf(0.025, df)) - 1)) ** 2 for value, df in parts)
    return Share(total, max(total - below**0.5, 0.0), total + above**0.5, note)
