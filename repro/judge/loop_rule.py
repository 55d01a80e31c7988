"""The rule by which a loop of changes keeps, discards or repeats one: error control over hundreds of looks.

A loop tries one idea after another on the best state so far, its champion, and a kept idea becomes the champion. What
must not happen is that a loop keeps anything that is no better: in at most `alpha` of whole loops. An idea passes two
stages, and what one stage has looked at never counts in the next.

1. **Screening**, as cheap as it can be. With n runs of the idea and m of the champion since it is the champion, the log
   likelihood ratio of a gain of g = 1 standard deviation s of a run against none,

       lr = g (gain / s - g / 2) / (1 / n + 1 / m),

   discards the idea at or below -0.7, lets it pass at or above 1.5 (after ten runs: above 0), and asks for one more run
   in between. No error is spent here, whatever s is taken to be.
2. **Confirmation**, on new runs of both, in pairs d_1, d_2, ... by their order. With mean and standard deviation of n
   differences

       t_n = sqrt(n) mean(d) / max(sd(d), s),    with sqrt(5) s for s where runs have a tail of worse ones,

   and its p on n - 1 df as it holds at any look of up to 50 pairs (`audit.statistics.sequential`), the idea is kept as
   soon as p is at most its stake. It is discarded when the likelihood ratio falls to -1.5, or at 50 pairs.

The stake is paid when a confirmation begins: a fixed share (.08) of what is left of alpha. So bad ideas, which hardly
ever get there, cost nothing, and what they leave serves those after them; a stake comes back if its idea is kept.

Why the error of a loop is held. Let w be what is left, and M = w until a false keep, 1 from then on. Pairs are runs
that nobody had seen when the stake q was set, so that, whatever was before, an idea that is no better is kept with
chance at most q, and M moves from w to 1 with that chance, else to w - q: E M <= q + (1 - q)(w - q) <= w. An idea that
is better makes no false keep; M stays (its stake comes back) or falls. So M is a supermartingale from alpha on, and a
false keep has chance alpha at most, in loops of any length. Neither the screening, nor giving up an idea, nor the
choice of the next one by all that was seen enters.

What is assumed of pairs: that they are independent, and that d is near normal, of any spread: neither has the idea to
scatter as the champion does nor s to be right, as t_n carries its own spread and s can only make it smaller. If the
idea does nothing at all, d is symmetric, whatever the noise: for mixtures of normals, t distributions among them, t_n
is then on the safe side (Benjamini 1983). Only where runs have a long tail of worse ones, and the idea scatters more,
are a few pairs without such a run both better and alike; there s is sqrt(5) times itself, the spread of differences if
ideas scatter twice as much, and a decision says that no more than this is held. All of it is measured by
`python -m benchmarks loops`.

Source: Tian & Ramdas, Online control of the familywise error rate (2021): discarding, and the online fallback, in which
a rejection gives its level back; Foster & Stine, Alpha-investing (2008), on wealth; Wald, Sequential Analysis (1947),
on screening; Armitage, McPherson & Rowe (1969) on looks; Benjamini, Is the t test really conservative when the parent
distribution is long-tailed? (1983). That pairs are new runs is our inference from what online rules need, p-values that
are valid given the past, which runs of a champion that many ideas share are not.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.sequential import anytime_p

Floats = NDArray[np.float64]

ALPHA: Final = 0.05
"""Chance that a whole loop keeps anything that is no better."""
STAKE_SHARE: Final = 0.08
"""Of what is left of alpha, for each confirmation: of 200 ideas that do nothing some 14 reach it."""
SOUGHT: Final = 1.0
"""g: the gain, in standard deviations of a run, that is worth looking for."""
CHAMPION_RUNS: Final = 8
"""Runs of a champion, since it is the champion, before an idea is held against it."""
MOST_SCREENED: Final = 10
"""Runs of an idea in screening at most."""
DROPPED, PASSED, HOPELESS = -0.7, 1.5, -1.5
"""Log likelihood ratios: in screening, to discard and to pass; in confirmation, to discard."""
SKEWED: Final = -2.0
"""Skewness over its standard error sqrt(6 / n), at or below which runs have a tail of worse ones."""
BOUND: Final = 2.0
"""Times that ideas are taken to scatter as much as the champion at most, where runs are skewed."""
MOST_PAIRS: Final = 50
"""Pairs of a confirmation at most."""


def evidence_ratio(
    gain: Floats | float, runs: Floats | float, other_runs: Floats | float, sd: Floats | float
) -> Floats:
    """Returns the log likelihood ratio of a gain of `SOUGHT` standard deviations against none.

    Args:
        gain: of one mean over the other, positive where the idea is better; all arguments of one shape, or numbers.
        runs: of the idea.
        other_runs: of the champion.
        sd: of a run, positive.

    Example:
        >>> float(evidence_ratio(1.0, 2, 8, 1.0))
        0.8
    """
    information = 1 / (1 / np.asarray(runs) + 1 / np.asarray(other_runs))
    return np.asarray(SOUGHT * (gain / np.asarray(sd) - SOUGHT / 2) * information)


def confirmed_p(mean: Floats | float, sd: Floats | float, pairs: int, least_sd: Floats | float) -> Floats:
    """Computes the one-sided p of differences, valid at any look of up to `MOST_PAIRS`.

    Args:
        mean: of the differences idea less champion, positive where the idea is better.
        sd: of the differences.
        pairs: n; one pair has no spread, and p = 1.
        least_sd: a spread that is not undercut, so that a few values that happen to be alike tell nothing.

    Example:
        >>> confirmed_p(2.0, 1.4, 10, 1.0).round(5).item(), confirmed_p(2.0, 0.0, 10, 1.0).round(5).item()
        (0.01493, 0.00183)
    """
    spread = np.maximum(sd, least_sd)
    if pairs < 2:
        return np.ones_like(spread)
    p = np.asarray(stats.t.sf(np.sqrt(pairs) * np.asarray(mean) / spread, pairs - 1))
    return anytime_p(p, np.full_like(p, pairs), MOST_PAIRS, sides=1)


def least_spread(sd: Floats | float, skewness: Floats | float, runs: Floats | float) -> Floats:
    """Returns the spread of differences that is not undercut: s, and where runs are skewed sqrt(1 + 2^2) s.

    Args:
        sd: of a champion's run, s.
        skewness: of the runs of champions about their means, negative where the tail is of worse runs.
        runs: of which it was found.

    Example:
        >>> least_spread(1.0, -1.0, 10.0).item(), least_spread(1.0, -2.0, 10.0).round(3).item()
        (1.0, 2.236)
    """
    skewed = np.asarray(skewness) * np.sqrt(np.asarray(runs) / 6) <= SKEWED
    return np.asarray(np.where(skewed, np.sqrt(1 + BOUND**2), 1.0) * sd)
