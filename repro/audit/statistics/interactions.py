"""Interactions of pairs of details: what one does to the effect of the other, as far as the design can tell.

Plan and tables of outcomes flow in, `Analysis.interactions` flows out. In a small design one contrast is the sum of
several pairs; it is one row here, and the pairs that it cannot tell apart are named. Interactions of three details and
more are taken to be nil.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from repro.audit.statistics.contrasts import describe_effects
from repro.audit.statistics.linear import (
    Coding,
    Floats,
    code_details,
    fit_design,
    fit_effects,
    shared_values,
    stack_runs,
)
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.pairs import Pairs, find_pairs, group_pairs, name_aliases, residuals
from repro.audit.study.plan import Plan

INTERACTION_COLUMNS = (
    *("first", "second", "first_option", "second_option", "metric", "train_fraction", "estimate", "se", "df"),
    *("low", "high", "p", "p_adjusted", "aliases", "shared", "runs"),
)


def interactions(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates every two-way interaction that the design can see, on pure error, strongest first.

    The estimate is a difference of differences: the effect of the first detail's option when the second has its
    option, less that effect when the second has the baseline's. All pairs are fitted in one model where the design
    tells them apart; otherwise each contrast by itself beside the main effects, and what else it may be is named with
    its share. Pairs that are one and the same contrast are one row, named after the pair with the largest main effects
    (effect heredity: a convention, no finding). Pairs that are the same contrast as main effects are left out.

    Returns:
        `Analysis.interactions` and the options, se and df; p_adjusted by Benjamini and Hochberg per metric and
        train_fraction.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 6 and 7.
    """
    coding = code_details(plan)
    pairs = find_pairs(coding)
    estimated = [_estimate(coding, pairs, outcomes) for outcomes in tables]
    filled = [table for table in estimated if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(INTERACTION_COLUMNS))


def _estimate(coding: Coding, pairs: Pairs, outcomes: Outcomes) -> pd.DataFrame:
    values = shared_values(outcomes, coding.points)
    fit, noise = fit_design(coding, outcomes)
    weights = np.nan_to_num(np.abs(fit.estimates))
    estimates, unit = _solve(coding, pairs, values)
    numbers = describe_effects(estimates, unit, noise)
    runs = tuple(outcomes.runs[np.isfinite(values)].tolist())
    records = []
    for group in group_pairs(pairs):
        lead = max(group, key=lambda pair: float(weights[list(pairs.columns[pair])].sum()))
        (first, first_option), (second, second_option) = (coding.options[column] for column in pairs.columns[lead])
        records.append(
            {
                "first": first,
                "second": second,
                "first_option": first_option,
                "second_option": second_option,
                "metric": outcomes.metric,
                "train_fraction": outcomes.train_fraction,
                **{name: numbers[name][lead] for name in ("estimate", "se", "df", "low", "high", "p")},
                "aliases": name_aliases(coding, pairs, lead),
                "shared": len(group) - 1,
                "runs": runs,
            }
        )
    return _adjust(pd.DataFrame(records, columns=list(INTERACTION_COLUMNS)))


def _solve(coding: Coding, pairs: Pairs, values: Floats) -> tuple[Floats, Floats]:
    """Returns the estimate of each product and its variance when the noise has variance 1, NaN if out of reach."""
    if pairs.together:
        fit = fit_effects(np.hstack([coding.matrix, pairs.products]), values)
        effects = slice(coding.matrix.shape[1], None)
        return fit.estimates[effects], np.diag(fit.unit)[effects]
    base, found = stack_runs(coding.matrix, values)
    products, _ = stack_runs(pairs.products, values)
    rest = residuals(base, np.hstack([products[:, values.shape[1] :], found[:, None]]))
    left, target = rest[:, :-1], rest[:, -1]
    norm = (left**2).sum(axis=0)
    norm[norm < 1e-8 * len(found)] = np.nan
    return left.T @ target / norm, 1 / norm


def _adjust(table: pd.DataFrame) -> pd.DataFrame:
    tested = table["p"].notna()
    table["p_adjusted"] = np.nan
    if tested.any():
        table.loc[tested, "p_adjusted"] = multipletests(table.loc[tested, "p"], method="fdr_bh")[1]
    return table.sort_values("estimate", key=np.abs, ascending=False, kind="stable").sort_values("p", kind="stable")
