"""Units as a random factor: whether an effect would be found on other units of the same kind, not on these alone.

Effects and their errors speak of other seeds on the very same units (test items, questions, episodes). But the units
are a sample as well. If a detail does more on one unit than on another, another sample would give another effect, and
no seed tells how far: that takes detail x unit. An effect is computed here once for each unit; how these differ, less
what seeds make them differ by, is its second error.

With se^2 the squared error over seeds, d_u the effect on unit u of U, v^2 their variance, and e^2 the part of v^2 that
seeds make up within the units:

    total^2 = se^2 + v^2 / U - e^2 / U,    never less than either of the first two,

on Satterthwaite's degrees of freedom. Run and unit are crossed: e^2 / U, the noise of a run on a unit, is in both of
the first two and is taken off once. Units of one group (items cut from one source) are no independent sample: where
rows have a column `group`, v^2 / U is that of the groups' weighted means.

Source: Clark, The language-as-fixed-effect fallacy (1973), for the argument and the quasi F with these three mean
squares; Westfall, Kenny & Judd, Statistical power and optimal design in experiments in which samples of participants
respond to samples of stimuli (2014), for crossed factors; Miller, Adding error bars to evals (2024), for test items
and their clusters; Satterthwaite (1946) for the degrees of freedom.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.effects import contrast_effects, describe_effects, paired_effects, single_arms
from repro.audit.statistics.incomplete_tables import explain_by_seed, fit_by_seed
from repro.audit.statistics.interactions import Interaction
from repro.audit.statistics.linear_model import (
    Coding,
    Flags,
    Floats,
    code_details,
    gram_within_seeds,
    invert_gram,
    shared_values,
)
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.mean_squares import MeanSquare, satterthwaite_df
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.plan import Plan

GROUP = "group"
"""Optional column of `Results.rows`: which source a unit was cut from."""
UNIT_COLUMNS = (
    *("detail", "option", "metric", "train_fraction", "units", "groups", "estimate", "sd", "unit_p", "se", "df"),
    *("low", "high", "low90", "high90", "p", "p_adjusted", "verdict", "refused", "runs"),
)
FEWEST = 2


class UnitEffects(NamedTuple):
    """Effects by unit, of one metric at one share of the training.

    Attributes:
        effects: (K, U) float64, of each option on each unit.
        noise: (K,) variance of such an effect by what seeds do within a unit; NaN where there is one seed.
        noise_df: (K,) its degrees of freedom, over all units.
    """

    effects: Floats
    noise: Floats
    noise_df: Floats


class UnitValues(NamedTuple):
    """The rows of one metric at one share of the training.

    Attributes:
        values: (V, S, U) float64; a run that failed has its stand-in on every unit.
        groups: (U,) int, the group of each unit; units without one are groups of their own.
    """

    values: Floats
    groups: NDArray[np.intp]


class UnitRows(NamedTuple):
    """All rows by unit as arrays, so that one table of outcomes after the other can be read from them.

    Attributes:
        run: (R,) int, the run of each row.
        places: that number by the run's id.
        unit: (R,) its unit.
        value: (R,) float64.
        group: (R,) the group of its unit; None where the rows have none.
        indices: the rows of each metric and share of the training.
    """

    run: NDArray[np.intp]
    places: Mapping[str, int]
    unit: NDArray[np.object_]
    value: Floats
    group: NDArray[np.object_] | None
    indices: Mapping[Any, NDArray[np.intp]]


def generalise_effects(plan: Plan, results: Results, tables: Sequence[Outcomes], effects: pd.DataFrame) -> pd.DataFrame:
    """Holds every effect of a detail against seeds and units together, and judges it as the study does.

    Args:
        plan: with margins and correction.
        results: for the rows by unit.
        tables: of the same results.
        effects: as in `Analysis`: the errors over seeds are taken from them.

    Returns:
        `Analysis.units`: per detail, option, metric and train fraction: units, groups (that count as independent),
        estimate, sd (of the effect over units or groups, without noise), unit_p (F test that it is the same on all of
        them), se, df, low, high (95 %), low90, high90, p (t test), p_adjusted, verdict (on the detail, for other
        units of the kind; interactions are not asked), refused (why there is none: fewer than two units).
    """
    known = effects[effects["detail"].isin(list(plan.levels))]
    if known.empty:
        return pd.DataFrame(columns=list(UNIT_COLUMNS))
    coding, rows = code_details(plan), index_units(results, tables)

    def estimate(given: Sequence[Outcomes]) -> pd.DataFrame:
        """Returns the effects of these tables, which are those of all seeds or of the first few, by both errors."""
        held = known if given is tables else _estimate(plan, given)
        return pd.concat(
            [_generalise(plan, coding, held, table, read_units(rows, table)) for table in given], ignore_index=True
        )

    found = judge_effects(plan, tables, estimate)
    verdicts = judge_details(plan, tables, found, pd.DataFrame(columns=list(Interaction._fields)))
    keys = ["detail", "metric", "train_fraction"]
    found = found.merge(verdicts[[*keys, "verdict"]], on=keys, how="left")
    found.loc[found["refused"] != "", "verdict"] = ""
    return found[list(UNIT_COLUMNS)]


def index_units(results: Results, tables: Sequence[Outcomes]) -> UnitRows:
    """Returns the rows of the metrics of some tables, with the places where each table finds its own."""
    rows = results.rows
    rows = rows[rows["metric"].isin([table.metric for table in tables])]
    run, names = pd.factorize(rows["run"])
    indices = rows.groupby(["metric", "train_fraction"], sort=False, observed=True).indices
    return UnitRows(
        run,
        {name: place for place, name in enumerate(names)},
        rows["unit"].to_numpy(),
        rows["value"].to_numpy(dtype=np.float64),
        rows[GROUP].to_numpy() if GROUP in rows else None,
        {key: np.asarray(own, dtype=np.intp) for key, own in indices.items()},
    )


def read_units(rows: UnitRows, table: Outcomes) -> UnitValues:
    """Returns the values by unit of a table; it has no units where its metric has no rows."""
    own = rows.indices.get((table.metric, table.train_fraction), np.empty(0, dtype=np.intp))
    code, known = pd.factorize(rows.unit[own])
    missing = len(rows.places)
    wide = np.full((missing + 1, len(known)), np.nan)  # the last row is that of a run without rows
    wide[rows.run[own], code] = rows.value[own]
    place = np.array([rows.places.get(name, missing) for name in table.runs.ravel()]).reshape(table.runs.shape)
    values = np.where(table.failed[:, :, None], table.values[:, :, None], wide[place])
    values[~np.isfinite(table.values)] = np.nan
    return UnitValues(values, _group_units(code, known, None if rows.group is None else rows.group[own]))


def _group_units(
    code: NDArray[np.intp], known: NDArray[np.object_], group: NDArray[np.object_] | None
) -> NDArray[np.intp]:
    if group is None or not len(known):
        return np.arange(len(known))
    named = pd.Series(group).groupby(code).first().reindex(range(len(known)))
    alone = [("unit", name) if pd.isna(each) else ("group", each) for name, each in zip(known, named, strict=True)]
    return np.asarray(pd.factorize(pd.Series(alone))[0])


def find_unit_effects(plan: Plan, coding: Coding, table: Outcomes, values: Floats) -> UnitEffects:
    """Computes each effect of the study once for each unit, in the order of the study's table of effects."""
    if plan.declared.design == "one_at_a_time":
        rows = [table.variants.index(arm.variant) for arm in single_arms(plan) if arm.detail in plan.levels]
        return pair_units(values[rows], values[0])
    chosen = np.isfinite(shared_values(table, coding.points))
    return contrast_units(coding.matrix, np.where(chosen[:, :, None], values, np.nan))


def pair_units(option: Floats, baseline: Floats) -> UnitEffects:
    """Compares K arms (K, S, U) with the baseline (S, U), NaN where there is no run, over the seeds that both have.

    Example:
        >>> found = pair_units(np.array([[[3.0, 5.0], [5.0, 7.0]]]), np.array([[1.0, 1.0], [1.0, 1.0]]))
        >>> found.effects.tolist(), found.noise.tolist(), found.noise_df.tolist()
        ([[3.0, 5.0]], [0.0], [1.0])
    """
    difference = option - baseline
    shared = np.isfinite(difference).all(axis=2, keepdims=True) if difference.size else np.zeros(0, dtype=bool)
    if not difference.size:
        nothing = np.full(len(option), np.nan)
        return UnitEffects(np.full((len(option), option.shape[2]), np.nan), nothing, 0 * nothing)
    seeds = shared.sum(axis=(1, 2)).astype(np.float64)
    counted = np.where(seeds > 0, seeds, np.nan)
    difference = np.where(shared, difference, 0.0)
    effects = difference.sum(axis=1) / counted[:, None]
    rest = difference - effects[:, None, :]
    rest = np.where(shared, rest - rest.mean(axis=2, keepdims=True), 0.0)
    df = np.maximum(seeds - 1, 0) * (difference.shape[2] - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = (rest**2).sum(axis=(1, 2)) / df / counted
    return UnitEffects(effects, noise, df)


def contrast_units(columns: Floats, values: Floats) -> UnitEffects:
    """Fits columns (V, K) to values (V, S, U), NaN where there is no run, with one mean for each seed, unit by unit.

    An effect is a weighted sum of runs with the same weights on every unit. The noise is what variant and seed leave
    of a run's values less their mean over units: that of contrasts of all kinds, on (V - 1)(S - 1)(U - 1) degrees of
    freedom in a complete table.

    Example:
        >>> columns = np.array([[0.0], [1.0]])
        >>> values = np.array([[[1.0, 2.0], [1.0, 2.0]], [[2.0, 5.0], [2.0, 5.0]]])
        >>> found = contrast_units(columns, values)
        >>> found.effects.round(9).tolist(), found.noise.round(9).tolist(), found.noise_df.tolist()
        ([[1.0, 3.0]], [0.0], [1.0])
    """
    present: Flags = np.asarray(np.isfinite(values).all(axis=2) & (values.shape[2] > 0))
    count, units = columns.shape[1], values.shape[2]
    if not present.any():
        nothing = np.full(count, np.nan)
        return UnitEffects(np.full((count, units), np.nan), nothing, np.zeros(count))
    found = np.where(present[:, :, None], values, 0.0)
    unit, _, _ = invert_gram(*gram_within_seeds(columns, present))
    apart = found - (found.sum(axis=0) / np.maximum(present.sum(axis=0), 1)[:, None]) * present[:, :, None]
    effects = unit @ (columns.T @ apart.sum(axis=1))
    # Noise: each run less its mean over units, less its variant, less what seeds explain of the rest.
    found = found - found.mean(axis=2, keepdims=True)
    found -= (found.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None])[:, None, :] * present[:, :, None]
    fit = fit_by_seed(np.empty((len(columns), 0)), np.where(present, 0.0, np.nan))
    df, square = fit.df * (units - 1), np.nan
    if df:
        square = max(float((found**2).sum()) - explain_by_seed(fit, found), 0.0) / df
    return UnitEffects(effects, np.diag(unit) * square, np.full(count, float(df)))


def add_unit_error(error: MeanSquare, units: MeanSquare, noise: MeanSquare) -> MeanSquare:
    """Returns the squared error of an effect over seeds and units, with its degrees of freedom.

    Args:
        error: squared standard error over seeds.
        units: squared standard error over units: variance of the effects on them over their number.
        noise: what both hold, once too often.

    Example:
        >>> found = add_unit_error(MeanSquare(2.0, 15), MeanSquare(3.0, 9), MeanSquare(1.0, 135))
        >>> round(found.value, 2), round(found.df, 1)
        (4.0, 12.6)
        >>> add_unit_error(MeanSquare(2.0, 15), MeanSquare(0.1, 9), MeanSquare(0.4, 135))
        MeanSquare(value=2.0, df=15)
    """
    taken = noise.value if noise.df else 0.0
    total = error.value + units.value - taken
    larger = max(error, units, key=lambda part: part.value)
    if not total > larger.value:
        return larger
    parts = [error, units, *([MeanSquare(-taken, noise.df)] if noise.df else [])]
    return MeanSquare(total, satterthwaite_df(parts))


def _estimate(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    effects = (paired_effects if plan.declared.design == "one_at_a_time" else contrast_effects)(plan, tables)
    return effects[effects["detail"].isin(list(plan.levels))]


def _generalise(plan: Plan, coding: Coding, effects: pd.DataFrame, table: Outcomes, block: UnitValues) -> pd.DataFrame:
    """Returns the effects of one table of outcomes, with the errors of seeds and units in place of those of seeds."""
    effects = effects[(effects["metric"] == table.metric) & (effects["train_fraction"] == table.train_fraction)]
    found = find_unit_effects(plan, coding, table, block.values)
    units, groups = len(block.groups), len(np.unique(block.groups))
    said = f"it takes {FEWEST} units: the metric has {_count(units, groups)}" if groups < FEWEST else ""
    squares = spread_over_groups(found.effects, block.groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = found.noise / max(units, 1)
        f = squares / noise
    unit_p = np.where(found.noise_df > 0, stats.f.sf(f, max(groups - 1, 1), np.maximum(found.noise_df, 1)), np.nan)
    spread = np.sqrt(np.maximum(squares - np.nan_to_num(noise), 0) * groups)
    totals = list(_add_errors(effects, squares, groups - 1, noise, found.noise_df))
    variance, df = np.array(totals, dtype=np.float64).reshape(len(effects), 2).T
    numbers = describe_effects(effects["estimate"].to_numpy(dtype=np.float64), np.ones(len(effects)), variance, df)
    about = {"units": units, "groups": groups, "sd": spread, "unit_p": unit_p, "refused": said}
    return effects.assign(**numbers, **about)


def _add_errors(
    effects: pd.DataFrame, squares: Floats, units_df: int, noise: Floats, noise_df: Floats
) -> Iterator[MeanSquare]:
    rows = zip(effects["se"], effects["df"], squares, noise, noise_df, strict=True)
    for se, df, square, taken, taken_df in rows:
        if np.isfinite(se) and np.isfinite(square):
            yield add_unit_error(MeanSquare(se**2, df), MeanSquare(square, units_df), MeanSquare(taken, taken_df))
        else:
            yield MeanSquare(np.nan, np.nan)


def spread_over_groups(effects: Floats, groups: NDArray[np.intp]) -> Floats:
    """Returns the squared standard error (K,) of the mean over units of effects (K, U), by independent groups of them.

    With G groups, w_g the share of the units in group g and d_g its mean: G / (G - 1) sum of (w_g (d_g - d))^2; where
    each unit is a group, the variance over units by their number. NaN with fewer than two groups.

    Source: Miller (2024), section on clustered standard errors; the factor for few groups is that of equal groups.

    Example:
        >>> effects = np.array([[1.0, 1.0, 3.0, 3.0]])
        >>> spread_over_groups(effects, np.arange(4)).round(3).tolist()
        [0.333]
        >>> spread_over_groups(effects, np.array([0, 0, 1, 1])).tolist()
        [1.0]
    """
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < FEWEST:
        return np.full(len(effects), np.nan)
    member = (place[:, None] == np.arange(len(names))) / len(groups)
    apart = (effects - effects.mean(axis=1, keepdims=True)) @ member
    return np.asarray(len(names) / (len(names) - 1) * (apart**2).sum(axis=1))


def _count(units: int, groups: int) -> str:
    return f"{units}" if units < FEWEST else f"{units} of {groups} group"
