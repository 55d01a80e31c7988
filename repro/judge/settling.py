"""What it would take: the noise under which differences would count where nothing was repeated, and the runs to make.

Without replicates there is no noise to hold a difference against, and no verdict. What can be said is how small the
noise would have to be, and how few runs would find out.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.minimum_detectable_effect import t_shift
from repro.audit.statistics.multiplicity import LEVEL

FEWEST = 3
"""Runs of each of two arms from which a batch is proposed: four degrees of freedom."""


class Question(NamedTuple):
    """An open comparison, and what it takes to settle it.

    Attributes:
        detail: that is compared.
        option: against the baseline's.
        estimate: of the difference, now.
        seeds: that it rests on, now.
        further: replicates of each side; None: no number up to `bound` gives 80 %.
        bound: replicates up to which looks are paid for.
        differs: chance that it is found to differ then, if the difference is what was estimated.
        equivalent: chance that it is found inside the margin, likewise; 0 where no margin was declared.
    """

    detail: str
    option: str
    estimate: float
    seeds: int
    further: int | None
    bound: int
    differs: float = 0.0
    equivalent: float = 0.0

    @property
    def chance(self) -> float:
        """Of a verdict: the larger of the two, as a difference below the margin could be both."""
        return max(self.differs, self.equivalent)


class NextRun(NamedTuple):
    """A run to make.

    Attributes:
        options: of each column of details.
        seed: value of the replicate.
    """

    options: Mapping[str, str]
    seed: str


class Step(NamedTuple):
    """Questions that are settled by the same runs.

    Attributes:
        questions: one, or those of a design.
        runs: that are not made by the steps before.
        chosen: whether the budget reaches to it.
    """

    questions: tuple[Question, ...]
    runs: tuple[NextRun, ...]
    chosen: bool


class NextBatch(NamedTuple):
    """The runs to make next.

    Attributes:
        steps: by expected verdicts a run, those within the budget first.
        hopeless: open comparisons that no number of replicates up to their bounds is expected to settle.
        budget: in runs; None: none was set.
        seed: setting that holds the replicate.
        said: what is to be known of it.
    """

    steps: tuple[Step, ...]
    hopeless: tuple[Question, ...]
    budget: int | None
    seed: str
    said: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[NextRun, ...]:
        """Runs within the budget."""
        return tuple(run for step in self.steps if step.chosen for run in step.runs)

    @property
    def expected(self) -> float:
        """Verdicts that these runs are expected to give."""
        return sum(question.chance for step in self.steps if step.chosen for question in step.questions)


def bear_noise(difference: float, comparisons: int) -> float:
    """Returns the largest noise SD at which a difference of two single runs would count among so many comparisons.

    |d| > z(1 - alpha / 2) sigma sqrt(2), alpha = .05 / comparisons: with sigma known, which it is not.

    Example:
        >>> round(bear_noise(1.0, 1), 3)
        0.361
    """
    return abs(difference) / (float(stats.norm.isf(LEVEL / 2 / max(comparisons, 1))) * float(np.sqrt(2)))


def bear_repeated_noise(difference: float, runs: int) -> float:
    """Returns the largest noise SD at which so many runs of two arms each find a difference.

    d = shift sqrt(2 / n) sigma at 80 % power by a t test.

    Example:
        >>> round(bear_repeated_noise(1.0, 5), 2)
        0.49
    """
    return abs(difference) / (t_shift(2 * runs - 2, LEVEL) * float(np.sqrt(2 / runs)))


def tell_unrepeated(values: NDArray[np.float64], names: list[str], margin: float | None, higher: bool) -> list[str]:
    """Says what is known of variants of one run each.

    Args:
        values: (V,) the baseline's first.
        names: of the variants.
        margin: declared, or None.
        higher: whether higher is better.

    Returns:
        Sentences.
    """
    order = np.argsort(-values if higher else values, kind="stable")
    best = int(order[0]) if order[0] != 0 else int(order[1])
    difference = float(values[best] - values[0])
    wanted = max(abs(difference), margin or 0.0)
    if not wanted:
        return ["the variants do not differ at all: nothing says how far they would by chance"]
    bearable = bear_noise(difference, len(values) - 1)
    few, more = bear_repeated_noise(wanted, FEWEST), bear_repeated_noise(wanted, 5)
    ends = f"from {values.min():.6g} to {values.max():.6g} over {len(values)} variants of one run each"
    return [
        f"the curve goes {ends}: noise is in it, and how much is not known",
        f"{_shorten(names[best])} against the baseline, {_shorten(names[0])}: {difference:+.4g} in one run each; it "
        f"would count only if the noise SD of a run were below {bearable:.2g} (best of {len(values) - 1} comparisons)",
        f"smallest batch: {FEWEST} runs of these two, {2 * FEWEST - 2} more, would find {wanted:.3g} with 80 % power "
        f"if the noise SD is up to {few:.2g}; 5 runs of each, 8 more, if it is up to {more:.2g}",
    ]


def list_next(verdicts: pd.DataFrame, word: str) -> list[str]:
    """Says for each open verdict what would settle it, the cheapest first."""
    waiting = verdicts[verdicts["further_seeds"].notna()].sort_values("further_seeds", kind="stable")
    return [
        f"{row['detail']}: {int(row['further_seeds'])} further {word}{'s' * (int(row['further_seeds']) != 1)}"
        for _, row in waiting.iterrows()
    ]


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
