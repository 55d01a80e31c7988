"""The linear model of a design: options as columns, seeds as blocks, noise from replicates.

Outcomes of variants by seeds flow in; estimates, their covariance and the pure error flow out. An option is coded 1,
the baseline's 0, so that a coefficient is the option less the baseline's, averaged over the other details. Knows
nothing of tests and of what is made of an estimate.
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
"""Roles of the variants that say something on the details; negative control and positive control are controls of the
audit itself."""
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


class PureError(NamedTuple):
    """Noise between runs that differ in nothing but the seed.

    Attributes:
        variance: NaN if df is 0.
        df: degrees of freedom, after one mean per variant and one per seed.
        total: sum of squares.
    """

    variance: float
    df: int
    total: float


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
    floor and the variance between seeds.
    """
    values = np.where(chosen[:, None], outcomes.values, np.nan)
    values[:, np.isfinite(values).sum(axis=0) < 2] = np.nan
    return values


def fit_design(coding: Coding, outcomes: Outcomes) -> tuple[Fit, PureError]:
    """Fits every option to the points of the design; the noise is that of the baseline and all arms."""
    fit = fit_effects(coding.matrix, shared_values(outcomes, coding.points))
    return fit, find_pure_error(shared_values(outcomes, coding.design))


def fit_effects(columns: Floats, values: Floats) -> Fit:
    """Fits columns (V, K) to values (V, S), NaN where there is none, with one mean for each seed."""
    design, found = stack_runs(columns, values)
    left, scale, right = np.linalg.svd(design, full_matrices=False)
    kept = scale > ROUNDING * scale.max(initial=0.0)
    left, scale, right = left[:, kept], scale[kept], right[kept]
    coefficients = right.T @ ((left.T @ found) / scale)
    unit = (right.T / scale**2) @ right
    estimable = (right**2).sum(axis=0) > 1 - 1e-8
    fitted = design @ coefficients
    effects = slice(values.shape[1], None)
    estimates = np.where(estimable, coefficients, np.nan)[effects]
    noise = ROUNDING * np.abs(found).max(initial=0.0)
    return Fit(
        np.where(np.abs(estimates) < noise, 0.0, estimates),
        unit[effects, effects],
        float(((found - fitted) ** 2).sum()),
    )


def stack_runs(columns: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Returns the runs that have a value: (N, S + K) seeds as 0 or 1, then the columns; and (N,) values."""
    variant, seed = np.nonzero(np.isfinite(values))
    return np.hstack([np.eye(values.shape[1])[seed], columns[variant]]), values[variant, seed]


def find_pure_error(values: Floats) -> PureError:
    """Estimates the noise of values (V, S), NaN where there is none, after the means of variants and of seeds."""
    variant, seed = np.nonzero(np.isfinite(values))
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    centred = np.eye(values.shape[1])[seed] - (present / count)[variant]
    found = (values - np.nansum(values, axis=1, keepdims=True) / count)[variant, seed]
    solution, _, rank, _ = np.linalg.lstsq(centred, found, rcond=1e-10)
    df = len(found) - len(np.unique(variant)) - int(rank)
    total = float(((found - centred @ solution) ** 2).sum())
    if total < len(found) * (ROUNDING * np.abs(values[variant, seed]).max(initial=0.0)) ** 2:
        total = 0.0
    return PureError(total / df if df else np.nan, df, total)
