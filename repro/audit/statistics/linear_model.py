"""The linear model of a design: options as columns, seeds as blocks, fitted by least squares.

An option is coded 1 and the baseline's 0, so that a coefficient is the outcome with the option less that with the
baseline's, averaged over the other details as the rows of the design combine them. What an estimate is held against
is chosen in `error_terms`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Plan

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

DESIGN_ROLES = ("baseline", "arm")
"""Roles of the variants that say something on the details; the controls check the audit itself."""
ROUNDING = 1e-10
"""Share of the largest value below which a difference is taken for a rounding error."""


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
    """

    estimates: Floats
    unit: Floats
    residual: float


def code_details(plan: Plan) -> Coding:
    """Codes the variants of a plan."""
    options = [(detail, show_value(option)) for detail, known in plan.levels.items() for option in known[1:]]
    taken = [_name_options(plan, variant.settings) for variant in plan.variants]
    matrix = np.array([[(detail, option) in row for detail, option in options] for row in taken], dtype=np.float64)
    matrix = matrix.reshape(len(plan.variants), len(options))
    design = np.array([variant.role in DESIGN_ROLES for variant in plan.variants], dtype=bool)
    rows = {_name_options(plan, settings) for settings in design_points(plan)}
    return Coding(options, matrix, design, design & np.array([row in rows for row in taken], dtype=bool))


def _name_options(plan: Plan, settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((detail, show_value(settings.get(detail, known[0]))) for detail, known in plan.levels.items())


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

    Model: y_vs = mean_s + sum over k of x_vk * b_k + noise, by least squares; the covariance of the estimates is the
    block of (X'X)^+ that belongs to the columns, times the variance of the error term.

    Source: Searle, Linear Models (1971), chapter 5, on estimable functions in models not of full rank.

    Example:
        >>> columns = np.array([[0.0], [1.0]])
        >>> fit = fit_effects(columns, np.array([[1.0, 2.0], [4.0, 6.0]]))
        >>> fit.estimates.round(9).tolist(), fit.unit.round(9).tolist(), round(fit.residual, 9)
        ([3.5], [[1.0]], 0.25)
    """
    design, found = stack_runs(columns, values, blocks)
    left, scale, right = np.linalg.svd(design, full_matrices=False)
    kept = scale > ROUNDING * scale.max(initial=0.0)
    left, scale, right = left[:, kept], scale[kept], right[kept]
    coefficients = right.T @ ((left.T @ found) / scale)
    unit = (right.T / scale**2) @ right
    # A coefficient is estimable if its axis lies in the row space, that is, if its projection there has length 1.
    estimable = (right**2).sum(axis=0) > 1 - 1e-8
    fitted = design @ coefficients
    effects = slice(design.shape[1] - columns.shape[1], None)
    estimates = np.where(estimable, coefficients, np.nan)[effects]
    noise = ROUNDING * np.abs(found).max(initial=0.0)
    return Fit(
        np.where(np.abs(estimates) < noise, 0.0, estimates),
        unit[effects, effects],
        float(((found - fitted) ** 2).sum()),
    )


def stack_runs(columns: Floats, values: Floats, blocks: bool = True) -> tuple[Floats, Floats]:
    """Returns the runs that have a value: (N, S + K) seeds as 0 or 1, then the columns; and (N,) values.

    Without blocks a single column of ones stands for the seeds: (N, 1 + K).
    """
    variant, seed = np.nonzero(np.isfinite(values))
    means = np.eye(values.shape[1])[seed] if blocks else np.ones((len(seed), 1))
    return np.hstack([means, columns[variant]]), values[variant, seed]
