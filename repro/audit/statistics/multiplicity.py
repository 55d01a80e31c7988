"""Multiple testing: p-values adjusted for how many tests were made, and what an adjusted p can reach at all.

A family is all option contrasts of the study in one metric at one share of the training. The study's error rate is that
of its main outcome at the full training; what is said of other outcomes and of half the training is secondary, each a
family of its own, and nothing corrects over them. The two control arms are a family of their own, so that checking the
audit costs its findings nothing.
"""

from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.audit.statistics.effects import NEGATIVE, POSITIVE
from repro.audit.statistics.paired import smallest_p
from repro.audit.study.declaration import Correction, Study

LEVEL = 0.05
"""Of every test; adjusted p-values are held against it."""


def correction_of(study: Study) -> Correction:
    """Returns the correction that a study declares, else Holm to confirm and Benjamini-Hochberg to screen."""
    if study.correction is not None:
        return study.correction
    match study.design:
        case "one_at_a_time" | "full_factorial" | "stack":
            return "Holm"
        case "plackett_burman" | "fractional_factorial" | "d_optimal" | "random":
            return "Benjamini-Hochberg"
        case _:
            assert_never(study.design)


def adjust_p(p: NDArray[np.float64], correction: Correction) -> NDArray[np.float64]:
    """Adjusts a family; a test that could not be made (NaN) stays NaN and counts as one of the family all the same.

    With p_(1) <= ... <= p_(K):
        Holm: adjusted p_(i) = max over j <= i of min(1, (K + 1 - j) p_(j)), which bounds the chance of any false find;
        Benjamini-Hochberg: adjusted p_(i) = min over j >= i of min(1, K p_(j) / j), which bounds their expected share.

    Args:
        p: (K,) float64 in [0, 1] or NaN.
        correction: how.

    Source: Holm, A simple sequentially rejective multiple test procedure (1979); Benjamini & Hochberg, Controlling
    the false discovery rate (1995).

    Example:
        >>> p = np.array([0.01, 0.04, 0.03])
        >>> adjust_p(p, "Holm").round(3).tolist(), adjust_p(p, "Benjamini-Hochberg").round(3).tolist()
        ([0.03, 0.06, 0.06], [0.03, 0.04, 0.04])
    """
    # multipletests of statsmodels gives the same, but collects garbage at each call: 0.07 s a family.
    made, tests = np.isfinite(p), len(p)
    order = np.argsort(np.where(made, p, 1.0))
    steps, ranks = np.where(made, p, 1.0)[order], np.arange(1, tests + 1)
    match correction:
        case "Holm":
            steps = np.maximum.accumulate(steps * (tests + 1 - ranks))
        case "Benjamini-Hochberg":
            steps = np.minimum.accumulate((steps * tests / ranks)[::-1])[::-1]
        case _:
            assert_never(correction)
    adjusted = np.empty(tests)
    adjusted[order] = np.minimum(steps, 1.0)
    return np.where(made, adjusted, np.nan)


def adjust_effects(effects: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Adjusts both questions that are asked of effects: do they differ from nil, and do they lie inside the margin?

    Differences are adjusted over all option contrasts of a family, equivalence over its details: a detail is equivalent
    if every option is, so that its p is the largest of theirs (an intersection-union test, Berger 1982). Without it, a
    false `equivalent` is found somewhere in .29 to .51 of studies whose effects lie on the margin.

    Args:
        effects: with p and p_equivalent.
        study: with the correction.

    Returns:
        The effects with p_adjusted, `family` (how many contrasts p was adjusted for), p_equivalent_adjusted (of the
        detail, the same in all of its rows) and `details` (how many details that was adjusted for).
    """
    control = effects["detail"].isin([NEGATIVE, POSITIVE])
    adjusted, equivalent = np.full(len(effects), np.nan), np.full(len(effects), np.nan)
    contrasts, details = (np.zeros(len(effects), dtype=np.int64) for _ in range(2))
    differs, inside = (effects[name].to_numpy(dtype=np.float64) for name in ("p", "p_equivalent"))
    groups = effects.assign(control=control).groupby(["control", "metric", "train_fraction"], sort=False).indices
    for key, family in groups.items():
        is_control = bool(key[0])  # type: ignore[index]
        correction = "Holm" if is_control else correction_of(study)
        adjusted[family], contrasts[family] = adjust_p(differs[family], correction), len(family)
        codes, names = pd.factorize(effects["detail"].iloc[family])
        largest = np.full(len(names), -np.inf)
        with np.errstate(invalid="ignore"):  # an option without a p leaves the detail without one
            np.maximum.at(largest, codes, inside[family])
        equivalent[family], details[family] = adjust_p(largest, correction)[codes], len(names)
    return effects.assign(p_adjusted=adjusted, family=contrasts, p_equivalent_adjusted=equivalent, details=details)


def smallest_adjusted_p(seeds: int, family: int) -> float:
    """Returns the smallest p that a sign flip can give after Holm: the first step multiplies by the family's size.

    Example:
        >>> smallest_adjusted_p(seeds=8, family=12)
        0.09375
    """
    return min(1.0, smallest_p(seeds) * family)
