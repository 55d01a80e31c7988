"""Models of a stack: what it does to take parts out of the whole, alone and in the pairs that were found to interact.

A contrast of a design may be one of several pairs. Each way to read it is a model of its own, all fit the runs alike,
and only further mixtures tell them apart.
"""

from collections.abc import Sequence
from itertools import combinations, product
from math import comb
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.error_terms import choose_error_term, runs_all_combinations
from repro.audit.statistics.linear_model import Coding, Floats, fit_effects, shared_values
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import FULL, Outcomes
from repro.audit.statistics.pairs import find_pairs, group_pairs, name_pair

MOST_MODELS = 64
"""Ways to take contrasts of several pairs for one of them each."""
MOST_TRIED = 1024
"""Mixtures that are tried for the one that tells models apart."""


class Model(NamedTuple):
    """One way to explain the mixtures: coefficients of parts taken out, and of pairs of them.

    Attributes:
        columns: parts (by place) of each coefficient: one, or two of a pair.
        estimates: (K,) coefficients.
        covariance: (K, K) of them.
        df: degrees of freedom of the noise.
    """

    columns: list[tuple[int, ...]]
    estimates: Floats
    covariance: Floats
    df: float

    def predict(self, dropped: Sequence[int], level: float) -> tuple[float, float, float]:
        """Returns the difference of a smaller stack from the whole with its interval.

        With x = 1 for the coefficients whose parts are all taken out: x'b +- t(1 - level / 2) sqrt(x'Cx).
        """
        chosen = np.array([set(column) <= set(dropped) for column in self.columns], dtype=np.float64)
        estimate, se = (
            float(chosen @ self.estimates),
            float(np.sqrt(np.maximum(chosen @ self.covariance @ chosen, 0.0))),
        )
        half = float(stats.t.isf(level / 2, self.df)) * se if self.df > 0 else np.inf
        return estimate, estimate - half, estimate + half


def fit_models(
    interactions: pd.DataFrame, coding: Coding, outcomes: Outcomes
) -> tuple[list[Model], dict[str, list[str]], list[str]]:
    """Fits main effects and the interactions that were found, once for each way to read them.

    Args:
        interactions: as in `Analysis`.
        coding: of the design.
        outcomes: of the main metric.

    Returns:
        Models, for each part the contrasts that it may be in, and the contrasts in words.
    """
    rows = interactions
    pairs, groups = None, list[list[int]]()
    if len(rows):
        rows = rows[(rows["metric"] == outcomes.metric) & (rows["train_fraction"] == FULL)]
        rows = rows[rows["p_adjusted"] < LEVEL]
        pairs = find_pairs(coding)
        known = group_pairs(pairs)
        names = [detail for detail, _ in coding.options]
        at = {frozenset(columns): place for place, columns in enumerate(pairs.columns)}
        text = {name_pair(coding, pairs, place): place for place in range(len(pairs.columns))}
        for first, second, rivals in zip(rows["first"], rows["second"], rows["rivals"], strict=True):
            lead = at[frozenset((names.index(first), names.index(second)))]
            own = next(group for group in known if lead in group)
            groups.append(list(dict.fromkeys([lead, *own, *(text[r] for r in rivals.split(", ") if r in text)])))
    if pairs is None or np.prod([float(len(group)) for group in groups]) > MOST_MODELS:
        choices: list[tuple[int, ...]] = [tuple(group[0] for group in groups)]
    else:
        choices = list(product(*groups))
    models = [_fit(coding, outcomes, pairs, list(dict.fromkeys(choice))) for choice in choices]
    active: dict[str, list[str]] = {}
    named = []
    for group in groups:
        assert pairs is not None
        told = " or ".join(name_pair(coding, pairs, pair) for pair in group)
        named.append(told)
        for column in {column for pair in group for column in pairs.columns[pair]}:
            active.setdefault(coding.options[column][0], []).append(told)
    return models, active, named


def _fit(coding: Coding, outcomes: Outcomes, pairs: Any, chosen: Sequence[int]) -> Model:
    """Fits one model; its noise is the error term of a design whose lack of fit is what the model leaves."""
    products = pairs.products[:, list(chosen)] if chosen else np.zeros((len(coding.matrix), 0))
    matrix = np.hstack([coding.matrix, products])
    columns: list[tuple[int, ...]] = [(place,) for place in range(coding.matrix.shape[1])]
    columns += [tuple(pairs.columns[pair]) for pair in chosen]
    fit = fit_effects(matrix, shared_values(outcomes, coding.points), blocks=outcomes.paired)
    wide = coding if runs_all_combinations(coding) else coding._replace(matrix=matrix)
    term = choose_error_term(wide, outcomes)
    worst = int(np.argmax(np.nan_to_num(term.variance))) if len(term.variance) else 0
    return Model(columns, fit.estimates, fit.unit * float(term.variance[worst]), float(term.df[worst]))


def predict_all(models: Sequence[Model], dropped: Sequence[int], level: float) -> tuple[float, float, float]:
    """Returns the prediction of the model that strays farthest, with an interval that holds those of all."""
    found = [model.predict(dropped, level) for model in models]
    estimates = [row[0] for row in found]
    return estimates[int(np.argmax(np.abs(estimates)))], min(row[1] for row in found), max(row[2] for row in found)


def tell_models_apart(models: Sequence[Model], parts: int) -> list[tuple[int, ...]]:
    """Returns the parts to take out of the whole in the fewest mixtures, greedily, that tell all models apart.

    Two models are told apart where their predictions differ by half of what they differ by at most. Of mixtures that
    tell as many apart, the one nearest to the whole is taken.

    Example:
        >>> flat = np.zeros((3, 3))
        >>> one = Model([(0,), (1,), (0, 1)], np.array([1.0, 0.0, 1.0]), flat, 9.0)
        >>> other = Model([(0,), (1,)], np.array([1.5, 0.5]), flat[:2, :2], 9.0)
        >>> tell_models_apart([one, other], parts=2)
        [(0,)]
    """
    if len(models) < 2:
        return []
    most = next(count for count in range(parts, -1, -1) if sum(comb(parts, n) for n in range(count + 1)) <= MOST_TRIED)
    tried = [row for count in range(1, most + 1) for row in combinations(range(parts), count)]
    predicted = np.array([[model.predict(row, LEVEL)[0] for row in tried] for model in models])
    first, second = np.triu_indices(len(models), 1)
    apart = np.abs(predicted[first] - predicted[second])
    told = (apart >= apart.max(axis=1, keepdims=True, initial=0.0) / 2) & (apart > 0)
    found = []
    while told.any():
        best = int(np.argmax(told.sum(axis=0)))
        found.append(tried[best])
        told = told[~told[:, best]]
    return found
