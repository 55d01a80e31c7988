"""The rule by which a loop of changes keeps, discards or repeats one: error control over hundreds of looks.

A loop tries one idea after another on the best state so far, its champion, and a kept idea becomes the champion. What
must not happen is that a loop keeps anything that is no better: in at most `alpha` of whole loops. Each idea gets a
level of its own, whatever became of those before it (alpha spending),

    level_i = 0.9 alpha / H for the first H ideas (the horizon), and 0.1 alpha H / (i (i - 1)) for any idea after them,

which add up to alpha. Within an idea the runs come one by one. With n runs of the idea and m fresh runs of the champion

    t_n = gain_n / sqrt(max(s, s_n)^2 / n + s^2 / m),    gain_n = the idea's mean - the champion's, positive: better,

where s and its df come from fresh runs of all champions so far (the number of an idea's runs depends on their values,
so that their spread is biased), and s_n, the spread of the idea's own runs, counts where it is the larger: a change may
do nothing but make a training less stable. An idea is kept at the first n from 4 to N at which t_n has a one-sided
p <= a (n / N)^2, where a is such that a normal random walk crosses any of these levels with probability level_i. It is
discarded when it has become hopeless, that is when the log likelihood ratio between a gain of g standard deviations and
none falls to -b,

    g (gain_n / s - g / 2) / (1/n + 1/m) <= -b,

or at N runs. Discarding spends nothing: the level holds without it, and who gives up an idea earlier breaks nothing.

Why the level of a whole loop holds although champions are chosen by their values: only fresh runs of a champion count,
those after it was kept, else its mean would be too good (regression to the mean) and hide what follows. That it is
still there makes its fresh runs better than average, if anything, and a false keep needs them to be worse: for
independent runs the two are negatively associated. That t_n shares s and the champion's mean over n makes its looks
more alike than those of a random walk, which is on the safe side. Measured by `python -m benchmarks.loops`.

Assumed: runs are independent and near normal, and an idea's runs scatter little more than the champion's: the same
benchmark has the error where nothing gains and every idea scatters 1.25 and 1.5 times as much.

Source: Foster & Stine, Alpha-investing (2008) and Tian & Ramdas, Online control of the familywise error rate (2021), of
which this is the case without re-investment (what few true gains give back is not worth a level that depends on them);
Jennison & Turnbull, Group Sequential Methods (2000), on spending within a test and futility that does not bind; Wald,
Sequential Analysis (1947), on the likelihood ratio; Esary, Proschan & Walkup (1967), on association.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]

MOST_RUNS = 30
"""Runs of an idea at most (N)."""
FIRST_KEEP = 4
"""Runs from which an idea can be kept: fewer tell too little of what its own runs scatter."""
CHAMPION_RUNS, CHAMPION_RATIO = 10, 3
"""Fresh runs of the champion before an idea is compared with it, at least, and for each run of the idea."""
HOPELESS = 0.5
"""b: the log likelihood ratio at which an idea is given up."""
TAIL = 0.1
"""Share of alpha that is kept for ideas after the horizon."""
_LATE = 2
_NODES, _REACH = 240, 7.0


def level_of_idea(number: int, alpha: float = 0.05, horizon: int = 200) -> float:
    """Returns the level of the idea with this number, from 1.

    Example:
        >>> round(level_of_idea(1), 6), round(level_of_idea(200), 6), round(level_of_idea(201), 7)
        (0.000225, 0.000225, 2.49e-05)
    """
    if number <= horizon:
        return (1 - TAIL) * alpha / horizon
    return TAIL * alpha * horizon / (number * (number - 1))


def champion_runs_for(runs: int) -> int:
    """Returns how many fresh runs of the champion an idea with so many runs is compared with, at least.

    Example:
        >>> champion_runs_for(1), champion_runs_for(8)
        (10, 24)
    """
    return max(CHAMPION_RUNS, CHAMPION_RATIO * runs)


@lru_cache(maxsize=256)
def levels_of_looks(level: float, most: int = MOST_RUNS) -> tuple[float, ...]:
    """Returns the one-sided level of the look at 0, 1, 2, ..., N runs that together spend the level of an idea.

    Args:
        level: of the idea, at most 0.5.
        most: N.

    Returns:
        N + 1 levels, a (n / N)^2 from the fourth run on, 0 before.

    Example:
        >>> [round(1e6 * each, 1) for each in levels_of_looks(0.000225)[1::7]]
        [0.0, 5.2, 18.2, 39.2, 68.2]
    """
    looks = np.arange(most + 1)
    shares = np.where(looks >= FIRST_KEEP, (looks / most) ** _LATE, 0.0)

    def excess(log: float) -> float:
        return float(np.log(crossing_probability(np.exp(log) * shares[1:]) / level))

    # no less than if the looks shared nothing, no more than if the last were all
    last = optimize.brentq(excess, np.log(level / shares.sum()) - 0.1, np.log(level) + 1e-6, xtol=1e-6)
    return tuple((np.exp(last) * shares).tolist())


def crossing_probability(levels: Floats) -> float:
    """Computes the chance that the mean of the first n standard normal values is significant at any n.

    Args:
        levels: (N,) one-sided level of the look at n = 1, ..., N; 0: no look.

    Source: Armitage, McPherson & Rowe (1969): the density of the sum, without what has crossed, from look to look.

    Example:
        >>> round(crossing_probability(np.array([0.05])), 6), round(crossing_probability(np.array([0.0, 0.05])), 6)
        (0.05, 0.05)
    """
    bounds = stats.norm.isf(levels) * np.sqrt(np.arange(1, len(levels) + 1))
    place, weight = np.polynomial.legendre.leggauss(_NODES)
    sums, masses, crossed = np.zeros(1), np.ones(1), 0.0
    for look, bound in enumerate(bounds, start=1):
        crossed += float(masses @ stats.norm.sf(bound - sums))
        low, high = -_REACH * np.sqrt(look), min(bound, _REACH * np.sqrt(look))
        new = low + (high - low) * (place + 1) / 2
        density = np.exp(-((new[:, None] - sums) ** 2) / 2) @ masses / np.sqrt(2 * np.pi)
        sums, masses = new, density * weight * (high - low) / 2
    return crossed


def gain_p(
    gain: Floats | float,
    runs: Floats | float,
    champion_runs: Floats | float,
    sd: Floats | float,
    df: Floats | float,
    own_sd: Floats | float = 0.0,
) -> Floats:
    """Computes the one-sided p of a gain at this look; all arguments of one shape, or numbers.

    Args:
        gain: of the idea's mean over the champion's, positive where it is better.
        runs: n.
        champion_runs: m, fresh.
        sd: s, positive.
        df: of s.
        own_sd: of the idea's runs, s_n; 0 of a single run.

    Example:
        >>> round(float(gain_p(2.0, 4, 12, 1.0, 11)), 5)
        0.00265
    """
    variance = np.maximum(sd, own_sd) ** 2 / np.asarray(runs) + np.asarray(sd) ** 2 / np.asarray(champion_runs)
    return np.asarray(stats.t.sf(gain / np.sqrt(variance), df))


def is_hopeless(
    gain: Floats | float,
    runs: Floats | float,
    champion_runs: Floats | float,
    sd: Floats | float,
    sought: float = 1.0,
) -> NDArray[np.bool_]:
    """Tells which ideas are given up at this look; arguments as of `gain_p`, `sought` is g.

    Example:
        >>> bool(is_hopeless(-0.2, 1, 10, 1.0)), bool(is_hopeless(0.2, 1, 10, 1.0))
        (True, False)
    """
    information = 1 / (1 / np.asarray(runs) + 1 / np.asarray(champion_runs))
    return np.asarray(sought * (gain / sd - sought / 2) * information <= -HOPELESS)
