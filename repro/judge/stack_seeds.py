"""How many seeds the mixtures of a stack take: as many as find equivalence where there is nothing to find."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.power import POWER
from repro.judge.noise import pool_within

USUAL_SEEDS = 3
FEWEST_SEEDS, MOST_SEEDS = 2, 50


def bear_sd(margin: float, pairs: float, df: float, tests: int = 1) -> float:
    """Returns the noise SD of a run up to which equivalence of two alike means of n runs each is found.

    margin = (t(1 - alpha) + t((1 + power) / 2)) sd sqrt(2 / n), alpha = .05 / tests, both sides of the margin at once.

    Source: Julious, Sample sizes for clinical trials with normal data (2004), on equivalence of like means.

    Example:
        >>> round(bear_sd(1.0, 10, 18), 3)
        0.73
    """
    t = float(stats.t.isf(LEVEL / tests, df) + stats.t.ppf((1 + POWER) / 2, df))
    return margin / (t * float(np.sqrt(2 / pairs)))


def pool_sd(table: pd.DataFrame, keys: Sequence[str], outcome: str) -> float:
    """Pools the SD of runs within mixtures; NaN without repeats."""
    values = pd.to_numeric(table[outcome], errors="coerce") if outcome in table else pd.Series(dtype=np.float64)
    finite = values[np.isfinite(values)]
    return pool_within(finite.groupby([table.loc[finite.index, key] for key in keys])).sd


def count_seeds(sd: float, margin: float, rows: int, differences: int) -> tuple[int, str]:
    """Returns the seeds of a screening's mixtures that find every part equivalent, and why so many.

    Args:
        sd: noise of a run; NaN: not known.
        margin: of equivalence.
        rows: mixtures.
        differences: parts.
    """

    def bears(seeds: int) -> float:
        return bear_sd(margin, rows * seeds / 2, differences * (seeds - 1), differences)

    if not np.isfinite(sd):
        return USUAL_SEEDS, (
            "the usual number, as the noise is not known: they find "
            f"equivalence within {margin:g} with {POWER:.0%} power "
            f"up to a noise SD of {bears(USUAL_SEEDS):.3g}, if interactions are nil"
        )
    seeds = next((n for n in range(FEWEST_SEEDS, MOST_SEEDS + 1) if bears(n) >= sd), MOST_SEEDS)
    if bears(seeds) < sd:
        return seeds, f"no more are planned, though a noise SD of {sd:.3g} asks for them (they bear {bears(seeds):.3g})"
    return (
        seeds,
        f"find equivalence within {margin:g} with {POWER:.0%} power at the table's noise SD of {sd:.3g}, "
        "if interactions are nil",
    )


def count_comparison_seeds(sd: float, margin: float, tests: int = 1) -> tuple[int, str]:
    """Returns the seeds that find two alike mixtures equivalent at a noise SD of a run, and why so many."""

    def bears(seeds: int) -> float:
        return bear_sd(margin, seeds, seeds - 1, tests)

    seeds = next((n for n in range(USUAL_SEEDS, MOST_SEEDS + 1) if bears(n) >= sd), MOST_SEEDS)
    enough = bears(seeds)
    if enough < sd:
        return seeds, (
            f"no more are planned; they find equivalence up to a noise SD of {enough:.3g}, and {sd:.3g} was found"
        )
    return seeds, f"find equivalence with {POWER:.0%} power up to a noise SD of {enough:.3g} (found: {sd:.3g})"
