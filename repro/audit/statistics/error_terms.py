"""The error term of a design's contrasts: the one place where it is chosen, before the runs and after them.

A contrast is an estimate; its error term says how far such an estimate strays when nothing is there. It is a variance
of one run, its degrees of freedom, and where they come from in words. Tests and intervals (`effects`, `interactions`,
`claims`), components of variance, power and the minimum detectable effect all read it here, so that what a plan
promises is what the analysis does.

The term in use is the pure error: what runs of one variant differ by, less the shift that a seed gives to all
variants. Neither interactions nor lack of fit enter it. It takes the noise to be the same in all variants, and the
effect of a detail to be the same at every seed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.audit.statistics.linear_model import ROUNDING, Coding, Floats, shared_values
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Plan

PURE_ERROR = "pure error"


class ErrorTerm(NamedTuple):
    """What the contrasts of a design are held against, as the runs give it.

    Attributes:
        variance: of one run; NaN without degrees of freedom.
        df: its degrees of freedom.
        total: sum of squares, variance * df.
        name: where it comes from, in words.
    """

    variance: float
    df: int
    total: float
    name: str = PURE_ERROR


class PlannedTerm(NamedTuple):
    """The error term that a plan will have: all that can be said of it before anything has run.

    Attributes:
        df: degrees of freedom if no run is missing.
        name: where it will come from, in words.
    """

    df: int
    name: str = PURE_ERROR


class MeanSquare(NamedTuple):
    """An estimated variance with its degrees of freedom."""

    value: float
    df: float


def choose_error_term(coding: Coding, outcomes: Outcomes) -> ErrorTerm:
    """Chooses the error term of the contrasts from the runs of the baseline and all arms."""
    return find_pure_error(shared_values(outcomes, coding.design))


def plan_error_term(plan: Plan) -> PlannedTerm:
    """Says which error term a factorial plan will have: that of `choose_error_term`, on the rows of the design.

    A baseline that is no row of the design adds seeds - 1 degrees of freedom, which are not counted on here.
    """
    return PlannedTerm((len(design_points(plan)) - 1) * (plan.declaration["seeds"] - 1))


def df_at_seeds(df: float, seeds: int, more: float) -> float:
    """Returns the degrees of freedom at more seeds per variant, given those now: they grow as seeds - 1.

    Example:
        >>> df_at_seeds(15, seeds=2, more=4)
        45.0
    """
    return df * (more - 1) / (seeds - 1)


def find_pure_error(values: Floats) -> ErrorTerm:
    """Estimates the noise of values (V, S), NaN where there is none, after a mean for each variant and each seed.

    In a complete table, with y_vs the value of variant v at seed s:
        total = sum over v, s of (y_vs - mean_v - mean_s + mean)^2,   df = (V - 1)(S - 1),   variance = total / df.
    Where values are missing it is the residual of the same model, variant + seed, by least squares.

    Source: Draper & Smith, Applied Regression Analysis (1998), on lack of fit and pure error; Box, Hunter & Hunter,
    Statistics for Experimenters (2005), chapter 4, on blocks.

    Example:
        >>> term = find_pure_error(np.array([[1.0, 2.0], [4.0, 6.0]]))  # the difference of differences is 1
        >>> term.df, round(term.variance, 9), term.name
        (1, 0.25, 'pure error')
    """
    variant, seed = np.nonzero(np.isfinite(values))
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    # Variants are swept out by centring (Frisch and Waugh), so that only the few columns of the seeds are solved for.
    centred = np.eye(values.shape[1])[seed] - (present / count)[variant]
    found = (values - np.nansum(values, axis=1, keepdims=True) / count)[variant, seed]
    solution, _, rank, _ = np.linalg.lstsq(centred, found, rcond=1e-10)
    df = len(found) - len(np.unique(variant)) - int(rank)
    total = float(((found - centred @ solution) ** 2).sum())
    # What is left of equal values is rounding, not noise.
    if total < len(found) * (ROUNDING * np.abs(values[variant, seed]).max(initial=0.0)) ** 2:
        total = 0.0
    return ErrorTerm(total / df if df else np.nan, df, total)


def satterthwaite_df(parts: Sequence[MeanSquare]) -> float:
    """Returns the degrees of freedom of a sum of independent mean squares m_i on d_i: (sum m_i)^2 / sum(m_i^2 / d_i).

    Source: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2
    (1946), 110-114.

    Example:
        >>> satterthwaite_df([MeanSquare(2.0, 4), MeanSquare(2.0, 4)])
        8.0
    """
    return sum(part.value for part in parts) ** 2 / sum(part.value**2 / part.df for part in parts)
