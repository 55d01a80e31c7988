"""Folds of a cross-validation as replicates: they share their training data, so that their spread tells too little.

The variance of a mean over k folds is not s^2 / k, but nearer (1/k + 1/(k - 1)) s^2 where test sets do not overlap: two
folds correlate by about the share of the test set, 1/k. So the deviations of folds from their variant's mean are
stretched by c, c^2 = 1 + k / (k - 1), before anything is computed from them; means stay, and every interval and test is
the corrected resampled one.

Source: Nadeau & Bengio, Inference for the Generalization Error, Machine Learning 52 (2003), section 3; Bouckaert &
Frank, Evaluating the Replicability of Significance Tests, PAKDD 2004.
"""

import math

import pandas as pd

from repro.judge.column_names import FOLD


def are_folds(seed: str) -> bool:
    """Tells whether a column of replicates counts folds.

    Example:
        >>> are_folds("fold"), are_folds("cv_fold"), are_folds("folder"), are_folds("seed")
        (True, True, False, False)
    """
    return bool(FOLD.search(seed))


def stretch_factor(folds: int) -> float:
    """Returns c, by which deviations of k folds from their mean are stretched.

    Args:
        folds: k, at least 2.

    Example:
        >>> round(stretch_factor(10), 3)
        1.453
    """
    return math.sqrt(1 + folds / (folds - 1))


def stretch(frame: pd.DataFrame, outcomes: list[str], seed: str) -> tuple[pd.DataFrame, list[str]]:
    """Stretches the deviations of folds, and says so; another replicate is left as it is.

    Args:
        frame: `variant`, `replicate` and outcomes, a row a run or a unit of one.
        outcomes: columns.
        seed: name of the column of replicates.
    """
    folds = frame["replicate"].nunique()
    if not are_folds(seed) or folds < 2:
        return frame, []
    factor = stretch_factor(folds)
    changed = {}
    for name in outcomes:
        of_fold = frame.groupby(["variant", "replicate"])[name].transform("mean")
        of_variant = frame.assign(_mean=of_fold).drop_duplicates(["variant", "replicate"]).groupby("variant")["_mean"]
        changed[name] = frame[name] + (factor - 1) * (of_fold - frame["variant"].map(of_variant.mean()))
    return frame.assign(**changed), [
        f"{folds} folds share training data and are no runs of their own: their spread is widened by a factor of "
        f"{factor:.2f} before intervals and tests (Nadeau & Bengio 2003); new seeds, with other splits, would tell more"
    ]
