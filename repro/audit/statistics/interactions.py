"""Interactions of two details: what one does to the effect of the other, as far as the design can tell.

In a small design one contrast is the sum of several pairs; it is one row here, and the pairs that it cannot tell apart
are named as its aliases, with their shares. Where pairs share contrasts in part (Plackett-Burman designs of 12 or 24
rows, designs that chose their rows) a single active pair shows in most of the others, so that a pair is named only
after selection: of the models with as many pairs as a forward selection takes in, the one that explains most is the
finding, and a pair is named if no model without it explains nearly as much. Otherwise the pairs of those models are
its rivals, and no one of them is named. Interactions of three details and more are taken to be nil, except where pairs
share contrasts: there what the selected pairs leave is error, too.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from repro.audit.statistics.effects import describe_effects
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import (
    Coding,
    Fit,
    Floats,
    code_details,
    fit_design,
    fit_effects,
    join_seeds,
    shared_values,
    take_off_base,
)
from repro.audit.statistics.mean_squares import MeanSquare
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.pairs import Pairs, find_pairs, group_pairs, name_aliases, name_pair, take_off
from repro.audit.study.plan import Plan

INTERACTION_COLUMNS = (
    *("first", "second", "first_option", "second_option", "metric", "train_fraction", "estimate", "se", "df"),
    *("low", "high", "p", "p_adjusted", "aliases", "rivals", "shared", "runs"),
)
MOST_SELECTED = 6
"""Pairs that are selected at most."""
MOST_MODELS = 10_000
"""Models that are compared at most; beyond that those of the contrasts that explain most by themselves."""


class Interaction(NamedTuple):
    """A row of `Analysis.interactions` as verdicts read it; what each number is stands there."""

    first: str
    second: str
    metric: str
    train_fraction: float
    estimate: float
    p_adjusted: float
    rivals: str
    shared: int


class Contrasts(NamedTuple):
    """What main effects and seeds leave of the products and of the outcomes.

    Attributes:
        products: (n, M).
        outcomes: (n, S) by seed in a complete table, n its design points; else (n, 1), rows with the runs' products.
        weight: values that one of `outcomes` is the mean of: S or 1.
        lack: sum of squares that main effects leave of the means of the variants.
        lack_df: its degrees of freedom.
    """

    products: Floats
    outcomes: Floats
    weight: int
    lack: float
    lack_df: int


class Estimates(NamedTuple):
    """Estimates (M,) of products with what they are held against; NaN where a product cannot be told."""

    estimate: Floats
    unit: Floats
    variance: Floats
    df: Floats


def interactions(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates every two-way interaction that the design can see, strongest first.

    The estimate is a difference of differences, (y_11 - y_01) - (y_10 - y_00): the effect of the first detail's option
    when the second has its option, less that effect when the second has the baseline's. All pairs are fitted in one
    model where the design tells them apart (adjusted by Benjamini and Hochberg). Otherwise a forward selection: each
    row is beside the main effects and the selected pairs (but itself), and its p is multiplied by the number of
    contrasts. Pairs that are one and the same contrast are one row, named after the pair with the largest main effects
    (effect heredity: a convention, no finding). Pairs that are the same contrast as main effects are left out.

    The error is spare x seed, what seeds do to contrasts of their kind, and no less than the pair's own x seed in a
    complete table. Where pairs share contrasts in part it is no less than what the model leaves of the variants' means.

    Returns:
        `Analysis.interactions` and the options, se and df.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 6 and 7; Hamada & Wu, Analysis of
    designed experiments with complex aliasing (1992), for the selection. The rule of rivals is ours.
    """
    coding = code_details(plan)
    pairs = find_pairs(coding)
    groups = group_pairs(pairs)
    estimated = [_tabulate(coding, pairs, groups, outcomes) for outcomes in tables] if groups else []
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


def _tabulate(coding: Coding, pairs: Pairs, groups: list[list[int]], outcomes: Outcomes) -> pd.DataFrame:
    values = shared_values(outcomes, coding.points)
    weights = np.nan_to_num(np.abs(fit_design(coding, outcomes).estimates))
    leads = [max(group, key=lambda pair: float(weights[list(pairs.columns[pair])].sum())) for group in groups]
    term = choose_error_term(coding, outcomes)
    left = _leave(coding, pairs, values, term.lack.square, outcomes.paired)
    if pairs.together:
        fit = fit_effects(np.hstack([coding.matrix, pairs.products]), values, blocks=outcomes.paired)
        found, rivals = _fit_together(fit, left, term.split.spare), dict[int, list[int]]()
    else:
        found, rivals = select_pairs(pairs, left, leads, term.split.spare)
    numbers = describe_effects(*found)
    runs = tuple(outcomes.runs[np.isfinite(values)].tolist())
    records = []
    for group, lead in zip(groups, leads, strict=True):
        (first, first_option), (second, second_option) = (coding.options[column] for column in pairs.columns[lead])
        others = [pair for rival in rivals.get(lead, []) for pair in groups[leads.index(rival)]]
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
                "rivals": ", ".join(name_pair(coding, pairs, pair) for pair in [*set(group) - {lead}, *others]),
                "shared": len(group) - 1 + len(others),
                "runs": runs,
            }
        )
    return _adjust(
        pd.DataFrame(records, columns=list(INTERACTION_COLUMNS)), "fdr_bh" if pairs.together else "bonferroni"
    )


def _adjust(table: pd.DataFrame, method: str) -> pd.DataFrame:
    tested = table["p"].notna()
    table["p_adjusted"] = np.nan
    if tested.any():
        table.loc[tested, "p_adjusted"] = multipletests(table.loc[tested, "p"], method=method)[1]
    return table.sort_values("estimate", key=np.abs, ascending=False, kind="stable").sort_values("p", kind="stable")


def _leave(coding: Coding, pairs: Pairs, values: Floats, lack: MeanSquare, blocks: bool) -> Contrasts:
    """Takes main effects and seeds off the products and the outcomes."""
    shown = np.isfinite(values).any(axis=1)
    seen = values[np.ix_(shown, np.isfinite(values).any(axis=0))]
    total = float(lack.value * lack.df) if lack.df else 0.0
    if blocks and seen.size and np.isfinite(seen).all():
        base = np.hstack([np.ones((int(shown.sum()), 1)), coding.matrix[shown]])
        rest = take_off(base, np.hstack([pairs.products[shown], seen]))
        split = pairs.products.shape[1]
        return Contrasts(rest[:, :split], rest[:, split:], seen.shape[1], total, int(lack.df))
    matrix, products = coding.matrix, pairs.products
    if not blocks:
        together, values = join_seeds(np.hstack([matrix, products]), values)
        matrix, products = together[:, : matrix.shape[1]], together[:, matrix.shape[1] :]
    return Contrasts(*take_off_base(matrix, products, values), 1, total, int(lack.df))


def _fit_together(fit: Fit, left: Contrasts, spare: MeanSquare) -> Estimates:
    """Reads the estimates of the products, the last columns of a fit that has main effects as well."""
    effects = slice(len(fit.estimates) - left.products.shape[1], None)
    estimate, unit = fit.estimates[effects], np.diag(fit.unit)[effects]
    inverse = np.linalg.pinv(left.products)
    # what seeds do to each estimate, as a variance of a run
    own = _vary(inverse @ left.outcomes) / np.maximum(unit * left.weight, 1e-300)
    return Estimates(estimate, unit, *_choose_errors(spare, own))


def select_pairs(
    pairs: Pairs, left: Contrasts, leads: Sequence[int], spare: MeanSquare
) -> tuple[Estimates, dict[int, list[int]]]:
    """Selects the pairs that are at work, and judges every contrast given those selected.

    With z the products less main effects and selected pairs, y the outcomes likewise, and w values behind each of y:
        estimate_j = z_j'y / z_j'z_j,   gain_j = w (z_j'y)^2 / z_j'z_j,   t_j^2 = gain_j / error_j,
        error_j = the larger of spare x seed and own x seed.
    How many: step by step the contrast with the smallest p is taken in, while p times the number of contrasts is below
    .05. Which: of all models of that size the one that explains most. A pair of it is named if no model without it
    explains nearly as much, to within q F(.95; q, df) error for q pairs; the pairs of such models are its rivals.
    Where pairs share contrasts in part no error is less than what the model leaves of the means of the variants,
    (lack - gains) / (lack_df - q).

    Args:
        pairs: of the design.
        left: what main effects and seeds leave.
        leads: one pair of each group.
        spare: mean square of spare x seed.

    Returns:
        Estimates of all pairs, and the rivals of those selected.
    """
    names = np.array(leads)
    partly = bool(((np.abs(pairs.shares) > 1e-6) & (np.abs(pairs.shares) < 1 - 1e-6)).any())
    alone = left._replace(products=left.products[:, names])
    count = _count_active(alone, spare, left.lack_df // 2 if partly else len(names))
    models, gains = _fit_models(alone, count)
    best = models[int(gains.argmax())]
    short = gains.max() - count * float(stats.f.ppf(1 - LEVEL, count, spare.df)) * spare.value if count else 0.0
    near = models[gains >= short] if count else models[:0]
    rivals = {}
    for member in best:
        others = near[~(near == member).any(axis=1)]
        rivals[leads[member]] = [leads[k] for k in np.setdiff1d(others, best)]
    rest = (max(left.lack - gains.max(), 0.0), left.lack_df - count) if partly else None
    found = _judge_given(alone, best, spare, rest)
    everywhere = [np.full(len(pairs.columns), np.nan) for _ in found]
    for place, column in zip(everywhere, found, strict=True):
        place[names] = column
    return Estimates(*everywhere), rivals


def _count_active(left: Contrasts, spare: MeanSquare, most: int) -> int:
    """Returns how many contrasts a forward selection takes in."""
    products, outcomes, taken = left.products, left.outcomes, 0
    first = (products**2).sum(axis=0)
    while spare.df and taken < min(products.shape[1], MOST_SELECTED, most):
        found = _judge_alone(products, outcomes, left.weight, spare)
        p = np.where((products**2).sum(axis=0) < 1e-6 * first, 1.0, describe_effects(*found)["p"])
        if np.nanmin(p) * len(p) >= LEVEL:
            break
        best = int(np.nanargmin(p))
        products, outcomes, taken = *_deflate(products[:, [best]], products, outcomes), taken + 1
    return taken


def _fit_models(left: Contrasts, count: int) -> tuple[NDArray[np.int64], Floats]:
    """Returns models of so many contrasts (models, count), and the sum of squares that each explains.

    All of them up to `MOST_MODELS`; else those of the contrasts that explain most by themselves.
    """
    gram, target = left.products.T @ left.products, left.products.T @ left.outcomes.mean(axis=1)
    size = np.diag(gram)
    order = np.argsort(-(target**2) / np.where(size > 0, size, np.inf), kind="stable")
    kept = len(order)
    while comb(kept, count) > MOST_MODELS:
        kept -= 1
    models = np.array(list(combinations(np.sort(order[:kept]), count)), dtype=np.int64)
    models = models.reshape(comb(kept, count), count)
    blocks, sides = gram[models[:, :, None], models[:, None, :]], target[models]
    scale = np.sqrt(size[models])
    told = np.linalg.eigvalsh(blocks / (scale[:, :, None] * scale[:, None, :]))[:, :1].min(axis=1, initial=1.0) > 1e-6
    gains = np.full(len(models), -np.inf)
    solved = np.linalg.solve(blocks[told], sides[told][:, :, None])[:, :, 0]
    gains[told] = left.weight * (solved * sides[told]).sum(axis=1)
    return models, gains


def _judge_given(
    left: Contrasts, best: NDArray[np.int64], spare: MeanSquare, rest: tuple[float, int] | None
) -> Estimates:
    """Judges the contrasts of a model given each other, and all others given the model.

    Args:
        left: what main effects and seeds leave.
        best: the contrasts of the model.
        spare: mean square of spare x seed.
        rest: what the model leaves of the means, and its degrees of freedom; None where no error carries it.
    """
    model = left.products[:, best]
    products, outcomes = _deflate(model, left.products, left.outcomes)
    found = _judge_alone(products, outcomes, left.weight, spare)
    found.estimate[(products**2).sum(axis=0) < 1e-6 * (left.products**2).sum(axis=0)] = np.nan
    if len(best):
        by_seed, unit = np.linalg.pinv(model) @ left.outcomes, np.diag(np.linalg.inv(model.T @ model))
        errors = _choose_errors(spare, _vary(by_seed) / unit)
        for column, numbers in zip(found, (by_seed.mean(axis=1), unit / left.weight, *errors), strict=True):
            column[best] = numbers
    if rest is not None and rest[1] > 0:
        lack = rest[0] / rest[1]
        larger = lack > found.variance
        return found._replace(variance=np.where(larger, lack, found.variance), df=np.where(larger, rest[1], found.df))
    return found


def _deflate(model: Floats, products: Floats, outcomes: Floats) -> tuple[Floats, Floats]:
    """Takes a model off products and outcomes."""
    axes, _ = np.linalg.qr(model)
    return products - axes @ (axes.T @ products), outcomes - axes @ (axes.T @ outcomes)


def _judge_alone(products: Floats, outcomes: Floats, weight: int, spare: MeanSquare) -> Estimates:
    """Estimates each product by itself."""
    norm = (products**2).sum(axis=0)
    norm = np.where(norm > 1e-9 * len(products), norm, np.nan)
    by_seed = products.T @ outcomes / norm[:, None]
    return Estimates(by_seed.mean(axis=1), 1 / (weight * norm), *_choose_errors(spare, _vary(by_seed) * norm))


def _choose_errors(spare: MeanSquare, own: Floats) -> tuple[Floats, Floats]:
    """Returns the larger of spare x seed and own x seed (NaN: not known), on the degrees of freedom of the first."""
    return np.fmax(spare.value, own) if spare.df else own * np.nan, np.full(len(own), float(spare.df))


def _vary(by_seed: Floats) -> Floats:
    """Returns the variance over seeds of estimates (M, S); NaN with one column."""
    return by_seed.var(axis=1, ddof=1) if by_seed.shape[1] > 1 else np.full(len(by_seed), np.nan)
