"""What kept changes are worth afterwards: how many noise alone would keep, and which are better than their predecessor.

A loop that keeps whatever is better than its best keeps noise: of k ideas that do nothing, tried once each, the i-th is
better than all before it, the baseline among them, with probability 1 / (i + 1), so that 1/2 + ... + 1/(k + 1) are kept
(14 ideas: 2.3).

A kept change of n runs and its predecessor of m, since that was kept if there are any, are held apart by Welch's t on
min(n, m) - 1 df, which holds whatever the two scatter (Mickey & Brown 1966), where both have two runs; else by t with
the standard deviation pooled within ideas, which takes all to scatter alike. p is times the number of ideas
(Bonferroni). Both take numbers of runs as chosen beforehand; that a predecessor was chosen by its runs makes what
follows look worse.

Source: Renyi, Theorie des elements saillants d'une suite d'observations (1962), on records and their independence;
Mickey & Brown, Bounds on the distribution functions of the Behrens-Fisher statistic (1966).
"""

import math
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

LEVEL: Final = 0.05
_DRAWS: Final = 20_000


class Kept(NamedTuple):
    """A change that the log kept, against what was kept before it."""

    idea: str
    against: str
    runs: int
    against_runs: int
    gain: float
    """In units of the metric, positive where it is better."""
    p: float
    """One-sided, times the number of ideas (Bonferroni); NaN without replicates, and at most one."""
    most_sd: float
    """Standard deviation of a run below which it would stand."""

    @property
    def stands(self) -> bool | None:
        """Whether it is better than what noise does to the best of so many ideas; None: not known."""
        return None if math.isnan(self.p) else self.p <= LEVEL


def expect_kept(counts: list[int], kept: int) -> tuple[float, float]:
    """Returns how many keeps noise makes, and the chance of at least so many; counts: runs, the baseline's first."""
    if len(set(counts)) == 1:
        chances = 1 / np.arange(2, len(counts) + 1)
        distribution = np.ones(1)
        for chance in chances:
            distribution = np.convolve(distribution, [1 - chance, chance])
        return float(chances.sum()), float(distribution[kept:].sum())
    means = np.random.default_rng(0).standard_normal((_DRAWS, len(counts))) / np.sqrt(counts)
    records = (np.diff(np.maximum.accumulate(means, axis=1), axis=1) > 0).sum(axis=1)
    return float(records.mean()), float((records >= kept).mean())


def compare_kept(
    name: str, one: list[float], before: str, other: list[float], sign: int, sd: float, df: int, ideas: int
) -> Kept:
    """Holds a kept change against its predecessor.

    Args:
        name: of the change.
        one: its runs.
        before: name of the predecessor.
        other: its runs.
        sign: -1 where lower is better, else 1.
        sd: of a run, pooled within ideas; NaN: not known.
        df: of sd.
        ideas: tried.
    """
    gain = sign * float(np.mean(one) - np.mean(other))
    reach = math.sqrt(1 / len(one) + 1 / len(other))
    if min(len(one), len(other)) > 1:
        error = math.hypot(np.std(one, ddof=1) / math.sqrt(len(one)), np.std(other, ddof=1) / math.sqrt(len(other)))
        df = min(len(one), len(other)) - 1
    else:
        error = sd * reach
    p = min(1.0, ideas * float(stats.t.sf(gain / error, df))) if error > 0 else math.nan
    return Kept(name, before, len(one), len(other), gain, p, gain / (float(stats.norm.isf(LEVEL / ideas)) * reach))
