"""Looks at a study that grows: p-values that hold whenever one looks, and the levels that pay for the looks.

Who adds seeds until a verdict is there tests again and again: with a look at each of 2 to 12 seeds a test at .05 finds
something in .22 of studies where nothing is. A study may therefore declare how many seeds it can grow to (`sequential:
{most_seeds: N}`). A test on n of them is then held against a level that grows with n,

    level of the look at n seeds = a n / N,

and what the looks at 2, 3, ..., N seeds spend together is the chance that a t statistic crosses any of these levels,

    L(a) = P(p_n <= a n / N for any n in 2..N),

under the null, with p_n the one-sided p-value of the t test of the first n differences. A p-value at n seeds is turned
into L(p_n N / n), which falls below .05 in at most .05 of studies however often and whenever somebody looks, whatever
was run next because of what was seen, and whether or not other options were dropped: the bound holds for all n at once,
and the seeds of one option are the same whether others are gone. Nothing is paid for looks that nobody made: there is
no way to know.

Why this and nothing else (chance to find three quarters of an SD, one-sided at .025, with up to 20 seeds, and the mean
number of seeds used): levels in proportion to n .80 (13.9); equal levels (Pocock 1977) .72 (14.1); levels in proportion
to n^3, the idea of O'Brien & Fleming (1979), .85 (14.6); an e-value with a normal mixture (Lai 1976), which needs no N,
.58 (15.8); Bonferroni over the 19 looks .57 (16.0); one test at 14 seeds .73 (15.6). Late levels find more at the end
and less at the beginning; `python -m benchmarks.sequential_looks` prints all of it.

A statistic with more degrees of freedom (a contrast, whose error is pooled over details) moves less from one look to
the next, and the sign flip can reach fewer levels: for both, L is on the safe side (measured there, too).

Source: Armitage, McPherson & Rowe, Repeated significance tests on accumulating data (1969); Jennison & Turnbull, Group
Sequential Methods with Applications to Clinical Trials (2000), chapter 4 on t statistics; Bartroff & Song, Sequential
tests of multiple hypotheses controlling type I and II familywise error rates (2014), on Holm's procedure over looks.
"""

from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from repro.audit.statistics.paired import Floats

FIRST = 2
"""Seeds of the first look: fewer have no spread."""
USUAL_MOST = 20
"""Seeds that a study which was extended without having declared a bound is taken to be able to grow to."""
_SMALLEST, _LARGEST = 1e-7, 0.5
_LEVELS, _ANGLES, _NODES = 24, 201, 24


def anytime_p(p: Floats, seeds: Floats, most: int, sides: int) -> Floats:
    """Turns p-values into such as hold at any look.

    Args:
        p: float64 of any shape, of tests on so many seeds; NaN stays NaN.
        seeds: of the same shape; a test on fewer than two seeds or on more than `most` has no anytime p (NaN).
        most: seeds that the study can grow to.
        sides: 2 where p is two-sided (each side is a test of its own at half the level), 1 where it is one-sided.

    Returns:
        min(1, sides * L(p N / (sides n))).

    Example:
        >>> anytime_p(np.array([0.001, 0.05]), np.array([5.0, 20.0]), most=20, sides=2).round(4).tolist()
        [0.0155, 0.1381]
    """
    p, seeds = np.asarray(p, dtype=np.float64), np.asarray(seeds, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        nominal = p * most / (sides * np.where((seeds >= FIRST) & (seeds <= most), seeds, np.nan))
    return np.asarray(np.minimum(sides * _spend(nominal, most), 1.0))


def level_at_look(alpha: float, seeds: int, most: int) -> float:
    """Returns the one-sided level at which a test on so many seeds has the anytime p `alpha`; 0 where none can.

    Example:
        >>> round(level_at_look(0.025, seeds=10, most=20), 5), round(level_at_look(0.025, seeds=20, most=20), 5)
        (0.00377, 0.00754)
    """
    if not FIRST <= seeds <= most:
        return 0.0
    return float(_invert(alpha, most) * seeds / most)


@lru_cache(maxsize=256)
def _invert(alpha: float, most: int) -> float:
    def excess(log: float) -> float:
        return float(_spend(np.exp(log), most)) - alpha

    return float(np.exp(optimize.brentq(excess, np.log(_SMALLEST), np.log(_LARGEST))))


def _spend(nominal: Floats | float, most: int) -> Floats:
    """Returns L at levels `nominal` by interpolation in logarithms; below the table in proportion, NaN stays NaN."""
    levels, spent = _tabulate(most)
    logs = np.log(np.maximum(nominal, 1e-300))
    found = np.exp(np.interp(logs, levels, spent))
    return np.asarray(np.where(logs < levels[0], np.exp(logs + spent[0] - levels[0]), found))


@lru_cache(maxsize=16)
def _tabulate(most: int) -> tuple[Floats, Floats]:
    levels = np.linspace(np.log(_SMALLEST), np.log(_LARGEST), _LEVELS)
    together = np.log(np.arange(FIRST, most + 1).sum() / most)  # no more than the sum of all levels
    spent = np.log([crossing_probability(float(level), most) for level in np.exp(levels)])
    return levels, np.minimum(spent, levels + together)


def crossing_probability(level: float, most: int) -> float:
    """Computes L: the chance that a one-sided t test of the first n differences has p <= level n / N for any n in 2..N.

    Let r_n be the length of the first n values and c_n = sum / (sqrt(n) r_n) the cosine of their angle with equal
    values, so that t_n = c_n sqrt(n - 1) / sqrt(1 - c_n^2). Under the null c_n is independent of r_n, and with
    x_(n+1) / r_n = tan(phi), whose density in phi is cos(phi)^(n-1) / B(1/2, n/2), independent of c_n,

        c_(n+1) = (sqrt(n) c_n cos(phi) + sin(phi)) / sqrt(n + 1) = a cos(phi - phi0):

    the cosines are a Markov chain, and the chance to cross later is found backwards from N by quadrature over phi,
    apart for the interval about phi0 that crosses at n + 1 and for what is left on its two sides.

    Source: the recursion of Armitage, McPherson & Rowe (1969); that it needs one dimension for t statistics follows
    from Basu (1955), On statistics independent of a complete sufficient statistic.

    Example:
        >>> round(crossing_probability(0.05, most=2), 4)  # one look: the level itself
        0.05
    """
    cosines = np.cos(np.linspace(0, np.pi, _ANGLES))
    later = np.zeros(_ANGLES)
    for seeds in range(most - 1, 0, -1):
        critical = float(stats.t.isf(min(level * (seeds + 1) / most, _LARGEST), seeds))
        later = _step_back(cosines, seeds, critical / np.sqrt(seeds + critical**2), later)
    return float(later[0] + later[-1]) / 2  # of one value the cosine is 1 or -1


def _step_back(cosines: Floats, seeds: int, bound: float, later: Floats) -> Floats:
    """Returns the chance to cross from n seeds on, by the cosine there, given that from n + 1 seeds on.

    Args:
        cosines: (angles,) c_n.
        seeds: n.
        bound: cosine from which the test on n + 1 seeds rejects.
        later: (angles,).
    """
    shift = np.sqrt(seeds) * cosines
    centre, size = np.arctan2(1.0, shift), np.hypot(1.0, shift) / np.sqrt(seeds + 1)
    reach = np.arccos(np.minimum(bound / size, 1.0))
    low, high = (np.clip(end, -np.pi / 2, np.pi / 2) for end in (centre - reach, centre + reach))
    end = np.full_like(shift, np.pi / 2)
    place, weight = np.polynomial.legendre.leggauss(_NODES)
    chance = np.zeros_like(shift)
    for first, last, crosses in ((-end, low, False), (low, high, True), (high, end, False)):
        half = (last - first) / 2
        phi = (first + half)[:, None] + half[:, None] * place
        density = np.cos(phi) ** (seeds - 1) / special.beta(0.5, seeds / 2)
        if not crosses:
            after = np.clip(size[:, None] * np.cos(phi - centre[:, None]), -1.0, 1.0)
            # in logarithms, as the chance grows by orders of magnitude towards the bound
            later_log = np.log(np.maximum(later, 1e-300))
            density = density * np.exp(np.interp(np.arccos(after), np.linspace(0, np.pi, len(later)), later_log))
        chance += half * (density @ weight)
    return chance
