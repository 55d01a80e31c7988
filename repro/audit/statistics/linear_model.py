"""The linear model of a design: options as columns, seeds as blocks, fitted by least squares.

An option is coded 1 and the baseline's 0, so that a coefficient is the outcome with the option less that with the
baseline's, averaged over the other details as the rows of the design combine them. What an estimate is held against
is chosen in `error_terms`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Plan

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Counts = np.ndarray[Any, np.dtype[np.int64]]

DESIGN_ROLES = ("baseline", "arm")
"""Roles of the variants that say something on the details; the controls check the audit itself."""
ROUNDING = 1e-10
"""Share of the largest value below which a difference is taken for a rounding error."""
SQUARED_ROUNDING = 1e-9
"""The same of products of columns: two that differ in one of a million runs are still told apart."""
ROWS_AT_ONCE = 4096
"""Of a product of columns, which bounds its memory."""


class Coding(NamedTuple):
    """The variants of a plan as rows of a linear model.

    Attributes:
        options: (detail, option as text) of each column: every option but the baseline's.
        matrix: (V, K) 0 or 1, rows as in the plan.
        design: (V,) bool: baseline and arms, not the controls.
        points: (V,) bool: rows of the design, to which effects are fitted. The baseline need not be one.
    """

    options: list[tuple[str, str]]
    matrix: Floats
    design: Flags
    points: Flags


class Fit(NamedTuple):
    """Least squares of outcomes on seeds and columns.

    Attributes:
        estimates: (K,) coefficient of each column; NaN where the runs cannot tell it from others.
        unit: (K, K) covariance of the estimates when the noise has variance 1.
        residual: sum of squares that the model leaves.
        rank: of the columns, beside the means of the seeds.
    """

    estimates: Floats
    unit: Floats
    residual: float
    rank: int


def code_details(plan: Plan) -> Coding:
    """Codes the variants of a plan."""
    texts = {detail: [show_value(option) for option in known] for detail, known in plan.levels.items()}
    options = [(detail, option) for detail, known in texts.items() for option in known[1:]]
    taken = _number_options([variant.settings for variant in plan.variants], texts)
    matrix = np.zeros((len(taken), len(options)))
    place = 0
    for column, known in enumerate(texts.values()):
        for option in range(1, len(known)):
            matrix[:, place] = taken[:, column] == option
            place += 1
    design = np.array([variant.role in DESIGN_ROLES for variant in plan.variants], dtype=bool)
    rows = {row.tobytes() for row in _number_options(design_points(plan), texts)}
    return Coding(options, matrix, design, design & np.array([row.tobytes() in rows for row in taken], dtype=bool))


def _number_options(settings: Sequence[Mapping[str, Any]], texts: Mapping[str, list[str]]) -> Counts:
    """Returns (rows, details) the number of each row's option: 0 the baseline's, -1 one that is not in the study."""
    column = {detail: place for place, detail in enumerate(texts)}
    number = {detail: {text: place for place, text in enumerate(known)} for detail, known in texts.items()}
    taken = np.zeros((len(settings), len(texts)), dtype=np.int64)
    for row, departures in enumerate(settings):
        for detail, value in departures.items():
            if detail in column:
                text = value if isinstance(value, str) else show_value(value)
                taken[row, column[detail]] = number[detail].get(text, -1)
    return taken


def shared_values(outcomes: Outcomes, chosen: Flags) -> Floats:
    """Returns (V, S) values of the chosen variants, NaN for the rest and for seeds that only one of them has.

    A seed that only the baseline has is its own block and says nothing on the noise within blocks; it serves the noise
    floor and the variance between seeds. Where each run has a seed of its own there are no blocks, and all stay.
    """
    values = np.where(chosen[:, None], outcomes.values, np.nan)
    if not outcomes.paired:
        return values
    values[:, np.isfinite(values).sum(axis=0) < 2] = np.nan
    return values


def fit_design(coding: Coding, outcomes: Outcomes) -> Fit:
    """Fits every option to the points of the design."""
    return fit_effects(coding.matrix, shared_values(outcomes, coding.points), blocks=outcomes.paired)


def fit_effects(columns: Floats, values: Floats, blocks: bool = True) -> Fit:
    """Fits columns (V, K) to values (V, S), NaN where there is none, with a mean for each seed, or one without blocks.

    Model: y_vs = mean_s + sum over k of x_vk * b_k + noise, by least squares. With M the centring of the runs within
    their seeds, b = (X'MX)^+ X'My, and (X'MX)^+ is the covariance of the estimates when the noise has variance 1.
    Columns of 0 and 1 make X'MX exact but for one division, so that the normal equations lose nothing to a
    decomposition of all runs, at a cost that grows with the table and not with its square.

    Source: Searle, Linear Models (1971), chapter 5, on estimable functions in models not of full rank; Frisch & Waugh,
    Partial time regressions (1933), for the elimination of the seeds.

    Example:
        >>> columns = np.array([[0.0], [1.0]])
        >>> fit = fit_effects(columns, np.array([[1.0, 2.0], [4.0, 6.0]]))
        >>> fit.estimates.round(9).tolist(), fit.unit.round(9).tolist(), round(fit.residual, 9), fit.rank
        ([3.5], [[1.0]], 0.25, 1)
    """
    if not blocks:
        columns, values = join_seeds(columns, values)
    present = np.isfinite(values)
    apart = centre_runs(values)
    unit, estimable, rank = invert_gram(*gram_within_seeds(columns, present))
    coefficients = unit @ (columns.T @ apart.sum(axis=1))
    fitted = np.where(present, (columns @ coefficients)[:, None], np.nan)
    residual = apart - centre_runs(fitted)
    noise = ROUNDING * np.abs(values[present]).max(initial=0.0)
    estimates = np.where(np.abs(coefficients) < noise, 0.0, coefficients)
    return Fit(np.where(estimable, estimates, np.nan), unit, float((residual**2).sum()), rank)


def take_off_base(base: Floats, columns: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Takes the base (V, K) and one mean for each seed off columns (V, M) and values (V, S), NaN where there is none.

    Returns:
        Rows (m, M) and (m, 1), m at most M, whose products are those of what is left of the runs: the sums of squares
        and products of least squares, without the runs. What no column explains of the values is not in them.

    Source: Frisch & Waugh, Partial time regressions (1933).

    Example:
        >>> base, column = np.array([[0.0], [1], [0], [1]]), np.array([[0.0], [0], [0], [1]])
        >>> rows, targets = take_off_base(base, column, np.array([[1.0], [2], [3], [7]]))
        >>> (rows.T @ rows).round(9).tolist(), (rows.T @ targets).round(9).tolist()
        ([[0.5]], [[2.5]])
    """
    present, split = np.isfinite(values), base.shape[1]
    together = np.hstack([base, columns])
    gram, raw = gram_within_seeds(together, present)
    target = together.T @ centre_runs(values).sum(axis=1)
    inverse, _, _ = invert_gram(gram[:split, :split], raw[:split])
    explained = gram[split:, :split] @ inverse
    target = target[split:] - explained @ target[:split]
    size, axes = np.linalg.eigh(gram[split:, split:] - explained @ gram[:split, split:])
    kept = size > ROUNDING * max(float(raw.max(initial=0.0)), 1.0)
    size, axes = np.sqrt(size[kept]), axes[:, kept]
    return size[:, None] * axes.T, ((axes.T @ target) / size)[:, None]


def centre_runs(values: Floats) -> Floats:
    """Returns values (V, S) less the mean of their seed; 0 where there is none.

    Example:
        >>> centre_runs(np.array([[1.0, 5.0], [3.0, np.nan]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    return np.where(present, filled - filled.sum(axis=0) / np.maximum(present.sum(axis=0), 1), 0.0)


def gram_within_seeds(columns: Floats, present: Flags) -> tuple[Floats, Floats]:
    """Returns X'MX (K, K) of columns (V, K) over the runs (V, S), M the centring within seeds, and diag(X'X) (K,)."""
    counts, sums = present.sum(axis=1).astype(np.float64), present.T.astype(np.float64) @ columns
    raw = np.zeros((columns.shape[1], columns.shape[1]))
    for start in range(0, len(columns), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        raw += (columns[some] * counts[some, None]).T @ columns[some]
    return raw - sums.T @ (sums / np.maximum(present.sum(axis=0), 1)[:, None]), np.diag(raw)


def invert_gram(gram: Floats, raw: Floats) -> tuple[Floats, Flags, int]:
    """Inverts the products (K, K) of columns, as far as the columns can be told apart.

    Args:
        gram: the products.
        raw: (K,) the squares before centring, against which what is left of a column is nothing.

    Returns:
        A generalised inverse (K, K), which of the coefficients are estimable (K,), and the rank. A coefficient is
        estimable if its axis lies in the row space, that is, if its projection there has length 1.

    Example:
        >>> inverse, estimable, rank = invert_gram(np.array([[2.0, 2, 0], [2, 2, 0], [0, 0, 4]]), np.full(3, 4.0))
        >>> estimable.tolist(), rank, round(float(inverse[2, 2]), 9)
        ([False, False, True], 2, 0.25)
    """
    varies = np.diag(gram) > SQUARED_ROUNDING * raw
    scale = np.where(varies, np.sqrt(np.maximum(np.diag(gram), 0.0)), np.inf)
    # Columns of unit length: whether they can be told apart does not depend on how many runs have an option.
    size, axes = np.linalg.eigh(gram / np.outer(scale, scale))
    kept = size > SQUARED_ROUNDING
    size, axes = size[kept], axes[:, kept]
    shortened = axes / scale[:, None]
    return (shortened / size) @ shortened.T, varies & ((axes**2).sum(axis=1) > 1 - 1e-8), int(kept.sum())


def join_seeds(columns: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Returns the runs that have a value as rows of one seed: columns (N, K) and values (N, 1).

    Example:
        >>> rows, found = join_seeds(np.array([[0.0], [1.0]]), np.array([[1.0, np.nan], [3.0, 4.0]]))
        >>> rows.ravel().tolist(), found.ravel().tolist()
        ([0.0, 1.0, 1.0], [1.0, 3.0, 4.0])
    """
    variant, seed = np.nonzero(np.isfinite(values))
    return columns[variant], values[variant, seed][:, None]


def stack_runs(columns: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Returns the runs that have a value: (N, S + K) seeds as 0 or 1, then the columns; and (N,) values."""
    variant, seed = np.nonzero(np.isfinite(values))
    return np.hstack([np.eye(values.shape[1])[seed], columns[variant]]), values[variant, seed]


def find_basis(columns: Floats) -> Floats:
    """Returns an orthonormal basis (V, R) of columns (V, C) less their means."""
    left, scale, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, scale > 1e-9 * scale.max(initial=1.0)])
