"""Interactions of two details: what one does to the effect of the other, as far as the design can tell.

In a small design one contrast is the sum of several pairs; it is one row here, and the pairs that it cannot tell apart
are named as its aliases, with their shares. Interactions of three details and more are taken to be nil.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from repro.audit.statistics.effects import describe_effects
from repro.audit.statistics.error_terms import choose_error_term, choose_interaction_term
from repro.audit.statistics.linear_model import (
    Coding,
    Floats,
    code_details,
    fit_design,
    fit_effects,
    shared_values,
    stack_runs,
)
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.plan import Plan

INTERACTION_COLUMNS = (
    *("first", "second", "first_option", "second_option", "metric", "train_fraction", "estimate", "se", "df"),
    *("low", "high", "p", "p_adjusted", "aliases", "shared", "runs"),
)
LARGEST_INFLATION = 10.0
"""Variance inflation up to which all pairs are fitted together; the usual bound of regression diagnostics."""
VISIBLE_SHARE = 0.05
"""Smallest share of another interaction that is named as an alias."""
NAMED_PARTIAL = 4
"""How many partial aliases are named; the others are counted."""


class Interaction(NamedTuple):
    """A row of `Analysis.interactions` as verdicts read it; what each number is stands there."""

    first: str
    second: str
    metric: str
    train_fraction: float
    estimate: float
    p_adjusted: float
    aliases: str
    shared: int


class Pairs(NamedTuple):
    """The products of two columns of different details that a design can see.

    Attributes:
        columns: (first, second) column of each product.
        products: (V, M) 0 or 1.
        together: whether the design can tell all of them apart; they are fitted in one model then.
        shares: (M, M) how much of interaction j enters the contrast of i, main effects aside; identity if together.
    """

    columns: list[tuple[int, int]]
    products: Floats
    together: bool
    shares: Floats


def interactions(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates every two-way interaction that the design can see, on spare x seed, strongest first.

    The estimate is a difference of differences, (y_11 - y_01) - (y_10 - y_00): the effect of the first detail's option
    when the second has its option, less that effect when the second has the baseline's. All pairs are fitted in one
    model where the design tells them apart; otherwise each contrast by itself beside the main effects, and what else
    it may be is named with its share. Pairs that are one and the same contrast are one row, named after the pair with
    the largest main effects (effect heredity, Hamada & Wu 1992: a convention, no finding). Pairs that are the same
    contrast as main effects are left out.

    Returns:
        `Analysis.interactions` and the options, se and df; p_adjusted by Benjamini and Hochberg per metric and train
        fraction.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 6 and 7.
    """
    coding = code_details(plan)
    pairs = find_pairs(coding)
    estimated = [_estimate(coding, pairs, outcomes) for outcomes in tables]
    filled = [table for table in estimated if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(INTERACTION_COLUMNS))


def interactions_by_detail(table: pd.DataFrame) -> dict[tuple[str, str, float], list[Interaction]]:
    """Returns the interactions that hold each detail, by detail, metric and share of the training."""
    groups: dict[tuple[str, str, float], list[Interaction]] = {}
    for values in table[list(Interaction._fields)].itertuples(index=False, name=None):
        row = Interaction(*values)
        for detail in (row.first, row.second):
            groups.setdefault((detail, row.metric, row.train_fraction), []).append(row)
    return groups


def _estimate(coding: Coding, pairs: Pairs, outcomes: Outcomes) -> pd.DataFrame:
    values = shared_values(outcomes, coding.points)
    weights = np.nan_to_num(np.abs(fit_design(coding, outcomes).estimates))
    estimates, unit = _solve(coding, pairs, values)
    square = choose_interaction_term(choose_error_term(coding, outcomes))
    numbers = describe_effects(estimates, unit, *np.broadcast_arrays(*square, estimates)[:2])
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
    # Each contrast by itself beside the main effects (Frisch and Waugh): products and outcomes less what these explain.
    rest = _residuals(base, np.hstack([products[:, values.shape[1] :], found[:, None]]))
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


def find_pairs(coding: Coding) -> Pairs:
    """Finds the products that are no mere main effects of the design, and how they are mixed with each other.

    With Z the products less their least-squares fit on the main effects, the contrast of product i has the expectation
    sum over j of (z_i'z_j / z_i'z_i) * interaction j: these are the shares, the rows of the alias matrix.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapter 6, on aliases; Wu & Hamada, Experiments
    (2009), on the alias matrix of designs that are not regular.
    """
    matrix = coding.matrix[coding.points]
    columns = [
        (i, j) for i, j in combinations(range(len(coding.options)), 2) if coding.options[i][0] != coding.options[j][0]
    ]
    products = np.array([matrix[:, i] * matrix[:, j] for i, j in columns]).reshape(len(columns), len(matrix)).T
    base = np.hstack([np.ones((len(matrix), 1)), matrix])
    rest = _residuals(base, products)
    gram = rest.T @ rest
    seen = np.diag(gram) > 1e-8 * len(matrix)
    columns = [pair for pair, visible in zip(columns, seen, strict=True) if visible]
    gram, norm = gram[np.ix_(seen, seen)], np.sqrt(np.diag(gram)[seen])
    correlation = gram / np.outer(norm, norm)
    # All in one model, if that costs no contrast more than a tenfold variance: the diagonal of the inverse correlation.
    together = bool(len(columns)) and float(np.linalg.eigvalsh(correlation)[0]) > 1e-8
    together = together and float(np.diag(np.linalg.inv(correlation)).max()) < LARGEST_INFLATION
    shares = np.eye(len(columns)) if together else gram / norm[:, None] ** 2
    everywhere = np.array([coding.matrix[:, i] * coding.matrix[:, j] for i, j in columns])
    return Pairs(columns, everywhere.reshape(len(columns), len(coding.matrix)).T, together, shares)


def group_pairs(pairs: Pairs) -> list[list[int]]:
    """Groups the pairs that are one and the same contrast."""
    same = (np.abs(pairs.shares) > 1 - 1e-6) & (np.abs(pairs.shares.T) > 1 - 1e-6)
    firsts = [int(np.flatnonzero(row)[0]) for row in same]
    return [[pair for pair, first in enumerate(firsts) if first == lead] for lead in sorted(set(firsts))]


def name_aliases(coding: Coding, pairs: Pairs, lead: int) -> str:
    """Names what else the contrast of a pair may be, with its share, the largest first; empty if nothing."""
    shares = pairs.shares[lead].copy()
    shares[lead] = 0
    order = [int(pair) for pair in np.argsort(-np.abs(shares), kind="stable") if abs(shares[pair]) > VISIBLE_SHARE]
    full = [pair for pair in order if abs(shares[pair]) > 1 - 1e-6]
    partial = [pair for pair in order if pair not in full]
    named = [f"{_name(coding, pairs, pair)} ({shares[pair]:+.2f})" for pair in full + partial[:NAMED_PARTIAL]]
    if len(partial) > NAMED_PARTIAL:
        named.append(f"{len(partial) - NAMED_PARTIAL} more of up to {abs(shares[partial[NAMED_PARTIAL]]):.2f}")
    return ", ".join(named)


def _name(coding: Coding, pairs: Pairs, pair: int) -> str:
    details = [detail for detail, _ in coding.options]
    named = []
    for column in pairs.columns[pair]:
        detail, option = coding.options[column]
        named.append(detail if details.count(detail) == 1 else f"{detail}={option}")
    return " x ".join(named)


def _residuals(base: Floats, targets: Floats) -> Floats:
    """Returns what least squares on the base (N, K) leaves of the targets (N, M)."""
    left, scale, _ = np.linalg.svd(base, full_matrices=False)
    left = left[:, scale > 1e-10 * scale.max(initial=0.0)]
    return targets - left @ (left.T @ targets)
