"""Designs over a feasible set: the rows of a list of candidates that tell most (D-optimal), or a seeded draw of them.

A constraint of the ledger can forbid a combination that a balanced design needs; these designs do without it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.audit.study.designs import Levels, code_options

MAX_CANDIDATES = 2048
"""Beyond so many combinations, as many are drawn."""

_STARTS = 8
_RIDGE = 1e-6


def list_candidates(
    levels: Levels,
    is_feasible: Callable[[Mapping[str, Any]], bool],
    enough: int = MAX_CANDIDATES,
    start: int = 0,
) -> list[dict[str, Any]]:
    """Returns feasible combinations beside the baseline, in random but reproducible order, without repetition.

    All of them where there are few; else draws, until there are enough. To ask for more keeps those that come first.

    Args:
        levels: the options.
        is_feasible: says of settings whether they can be had.
        enough: how many are asked for at most.
        start: of the generator.
    """
    rng = np.random.default_rng(start)
    counts = [len(options) for options in levels.values()]
    if prod(counts) <= MAX_CANDIDATES:
        order = list(product(*map(range, counts)))
        rows = (order[place] for place in rng.permutation(len(order)))
    else:
        rows = (tuple(int(rng.integers(count)) for count in counts) for _ in range(20 * enough))
    found: dict[tuple[int, ...], dict[str, Any]] = {}
    for row in rows:
        settings = {key: levels[key][place] for key, place in zip(levels, row, strict=True) if place}
        if settings and row not in found and is_feasible(settings):
            found[row] = settings
        if len(found) == enough:
            break
    return list(found.values())


def d_optimal(
    levels: Levels, candidates: Sequence[Mapping[str, Any]], count: int, start: int = 0
) -> list[dict[str, Any]]:
    """Returns the candidates that, with the baseline, give the main effects the smallest joint variance.

    They make det(X'X) largest, X with a column of ones and one of -1 and 1 for each option. That pair of rows is
    exchanged which gains most, until none gains, from several seeded starts.

    Source: Fedorov, Theory of Optimal Experiments (1972), the exchange algorithm.
    Departs: no row is taken twice, since seeds are the replicates; the baseline is always among the rows.

    Args:
        levels: the options.
        candidates: feasible settings, the baseline not among them.
        count: how many to choose.
        start: of the generator that draws the first rows of each start.

    Example:
        >>> rows = [{"a": 1}, {"b": 1}, {"a": 1, "b": 1}]
        >>> d_optimal({"a": [0, 1], "b": [0, 1]}, rows, count=3) == rows  # all there are
        True
    """
    columns = code_options(levels, [{}, *candidates])[1]
    model = np.hstack([np.ones((len(columns), 1)), columns])
    rng = np.random.default_rng(start)
    starts = [rng.choice(len(candidates), count, replace=False) + 1 for _ in range(_STARTS)]
    best = max((_exchange(model, rows) for rows in starts), key=lambda rows: (_volume(model, rows), rows))
    return [dict(candidates[row - 1]) for row in best if row]


def _exchange(model: NDArray[np.float64], start: NDArray[np.int64]) -> tuple[int, ...]:
    """Returns the sorted rows of a local optimum; row 0 stays."""
    chosen = np.zeros(len(model), dtype=bool)
    chosen[[0, *start]] = True
    while True:
        inside, outside = np.flatnonzero(chosen)[1:], np.flatnonzero(~chosen)
        if not outside.size:
            break
        rows = model[chosen]
        dispersion = np.linalg.inv(rows.T @ rows + _RIDGE * np.eye(model.shape[1]))
        leaving, entering = model[inside] @ dispersion, model[outside] @ dispersion
        lost, won = (leaving * model[inside]).sum(1), (entering * model[outside]).sum(1)
        # relative gain of the determinant, by the matrix determinant lemma for two rows at once
        gain = won - lost[:, None] - lost[:, None] * won + (leaving @ model[outside].T) ** 2
        out, into = np.unravel_index(int(np.argmax(gain)), gain.shape)
        if gain[out, into] < 1e-9:
            break
        chosen[[inside[out], outside[into]]] = False, True
    return tuple(int(row) for row in np.flatnonzero(chosen))


def _volume(model: NDArray[np.float64], rows: tuple[int, ...]) -> float:
    chosen = model[list(rows)]
    return round(float(np.linalg.slogdet(chosen.T @ chosen + _RIDGE * np.eye(model.shape[1]))[1]), 9)
