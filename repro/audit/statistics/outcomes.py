"""One value per cell: what every statistic of a study starts from.

Plan and `Results` flow in; tables of variants by seeds flow out. Images end here: they are nested in a cell, so that
their mean is its one value. A cell that failed or diverged is an outcome: it takes the worst value of that metric
that the baseline and the arms show at that share of the training; a failed control takes the worst of all cells. (The
planted arm is bad on purpose: as a stand-in for one failed cell its value would drown every other difference.) Knows
nothing of tests.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.results import DIVERGED, FAILED, MISSING, Results
from repro.audit.study.declaration import Direction
from repro.audit.study.plan import Plan
from repro.errors import UserError

FULL, HALF = 1.0, 0.5
"""Shares of the training after which cells are measured."""


class Outcomes(NamedTuple):
    """One metric at one share of the training.

    Attributes:
        metric: its name.
        budget: share of the training.
        variants: ids, the baseline first, as in the plan; the rows.
        seeds: (S,) int, ascending; the columns.
        values: (V, S) float64; NaN where a cell is not planned, or was not run or not measured.
        failed: (V, S) bool; failed, diverged or without a finite value. Its value is the worst one seen.
        cells: (V, S) text, id of each cell; empty where none is planned.
    """

    metric: str
    budget: float
    variants: list[str]
    seeds: NDArray[np.int64]
    values: NDArray[np.float64]
    failed: NDArray[np.bool_]
    cells: NDArray[Any]

    def missing(self) -> NDArray[np.bool_]:
        """Returns (V, S) bool: planned, yet neither measured nor failed."""
        return (self.cells != "") & ~np.isfinite(self.values) & ~self.failed


def cell_states(plan: Plan, results: Results) -> pd.DataFrame:
    """Returns every planned cell, indexed by id, with the columns of `Results.cells`; unknown ones are missing."""
    planned = pd.DataFrame(
        {"variant": [cell.variant for cell in plan.cells], "seed": [cell.seed for cell in plan.cells]},
        index=pd.Index([cell.id for cell in plan.cells], name="cell"),
    )
    states = planned.join(results.cells.drop(columns=["variant", "seed"]), how="left")
    states["status"] = states["status"].fillna(MISSING)
    for text in ("reason", "link", "path"):
        states[text] = states[text].fillna("")
    return states


def tabulate_outcomes(plan: Plan, results: Results) -> list[Outcomes]:
    """Tabulates each declared metric at each share of the training that was measured, the full training first.

    Raises:
        UserError: a cell was measured on another number of images than the others.
    """
    study = plan.declared
    states = cell_states(plan, results)
    means = _average(results.rows[results.rows["metric"].isin(list(study.metrics))])
    found = {key: group.set_index("cell")["value"] for key, group in means.groupby(["budget", "metric"])}
    budgets = sorted({float(budget) for budget in means["budget"].unique()} | {FULL}, reverse=True)
    nothing = pd.Series(dtype=np.float64)
    return [
        _tabulate(plan, states, found.get((budget, metric), nothing), metric, budget, declared.direction)
        for budget in budgets
        for metric, declared in study.metrics.items()
    ]


def baseline_option(plan: Plan, detail: str) -> str:
    """Returns the baseline's option of a detail, as text."""
    return show_value(plan.levels[detail][0])


def option_text(plan: Plan, detail: str, value: Any) -> str:
    """Returns an option as text, spelt as in the plan: 1 is the option 1.0."""
    return next((show_value(known) for known in plan.levels[detail] if known == value), show_value(value))


def _average(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns budget, metric, cell and the mean `value` over images: NaN if one of them has no finite value."""
    grouped = rows.groupby(["budget", "metric", "cell"], sort=False, observed=True)["value"]
    means = pd.DataFrame({"value": grouped.mean(), "finite": grouped.count(), "images": grouped.size()}).reset_index()
    usual = means.groupby(["budget", "metric"], observed=True)["images"].transform("max")
    odd = means.assign(usual=usual)[means["images"] != usual]
    if len(odd):
        row = next(odd.itertuples())
        raise UserError(
            f"cell {row.cell}: {row.metric} was measured on {row.images} images, in other cells on {row.usual}\n"
            "  cells are comparable on the same images only: run this cell again"
        )
    means.loc[(means["finite"] < means["images"]) | ~np.isfinite(means["value"]), "value"] = np.nan
    return means[["budget", "metric", "cell", "value"]]


def _tabulate(
    plan: Plan, states: pd.DataFrame, found: "pd.Series[float]", metric: str, budget: float, direction: Direction
) -> Outcomes:
    variants = [variant.id for variant in plan.variants]
    row = {variant: index for index, variant in enumerate(variants)}
    seeds = np.array(sorted({cell.seed for cell in plan.cells}), dtype=np.int64)
    places = [row[cell.variant] for cell in plan.cells], np.searchsorted(seeds, [cell.seed for cell in plan.cells])
    values, failed = np.full((len(variants), len(seeds)), np.nan), np.zeros((len(variants), len(seeds)), dtype=bool)
    cells = np.full(values.shape, "", dtype=object)
    cells[places] = states.index
    broken = states["status"].isin([FAILED, DIVERGED]).to_numpy()
    measured = found.reindex(states.index).to_numpy(dtype=np.float64, copy=True)
    broken = broken | (np.isnan(measured) & states.index.isin(found.index))
    control = np.array([plan.variants[place].role in ("placebo", "planted") for place in places[0]], dtype=bool)
    seen = np.isfinite(measured) & ~broken
    for stood_in, known in ((broken & ~control, seen & ~control), (broken & control, seen)):
        if known.any():
            measured[stood_in] = measured[known].min() if direction == "higher" else measured[known].max()
    values[places] = measured
    failed[places] = broken
    return Outcomes(metric, budget, variants, seeds, values, failed, cells)
