"""One value per run, from which every statistic of a study starts, and how far it moves by the seed alone.

The units of a run (test items, for instance) end here: they are nested in the run and no replicates, so that their
mean is its one value. A run that failed or diverged is an outcome: it takes a bad value, bounded by the noise of the
runs of its own variant (`stand_ins`). How often runs fail is an outcome of its own (`failure_rates`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.results import DIVERGED, FAILED, Results, run_states
from repro.audit.statistics.stand_ins import fill_failed
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan
from repro.errors import UserError

FULL, HALF = 1.0, 0.5
"""Shares of the training after which runs are measured."""


class Outcomes(NamedTuple):
    """One metric at one share of the training.

    Attributes:
        metric: its name.
        train_fraction: share of the training after which it was measured.
        variants: ids, the baseline first, as in the plan; the rows.
        seeds: (S,) int, ascending; the columns.
        values: (V, S) float64; NaN where a run is not planned, or was not run or not measured.
        failed: (V, S) bool; failed, diverged or without a finite value. Its value is a stand-in (`stand_ins`).
        runs: (V, S) text, id of each run; empty where none is planned.
        stand_in: how far below its expected value a failed run stands, unless its own variant has shown worse, in the
            metric's unit; NaN where no run failed, and where there are no replicates: then it is the worst value seen.
        paired: whether a column is one seed in every variant; otherwise each run has a seed of its own (`unpaired`).
    """

    metric: str
    train_fraction: float
    variants: list[str]
    seeds: NDArray[np.int64]
    values: NDArray[np.float64]
    failed: NDArray[np.bool_]
    runs: NDArray[Any]
    stand_in: float = np.nan
    paired: bool = True

    def missing(self) -> NDArray[np.bool_]:
        """Returns (V, S) bool: planned, yet neither measured nor failed."""
        return (self.runs != "") & ~np.isfinite(self.values) & ~self.failed


def tabulate_outcomes(plan: Plan, results: Results) -> list[Outcomes]:
    """Tabulates each declared metric at each share of the training that was measured, the full training first.

    Raises:
        UserError: a run was measured on another number of units than the others.
    """
    study = plan.declared
    states = run_states(plan, results)
    means = _average(results.rows[results.rows["metric"].isin(list(study.metrics))])
    found = {key: group.set_index("run")["value"] for key, group in means.groupby(["train_fraction", "metric"])}
    fractions = sorted({float(fraction) for fraction in means["train_fraction"].unique()} | {FULL}, reverse=True)
    nothing = pd.Series(dtype=np.float64)
    return [
        _tabulate(plan, states, found.get((fraction, metric), nothing), metric, fraction)
        for fraction in fractions
        for metric in study.metrics
    ]


def baseline_option(plan: Plan, detail: str) -> str:
    """Returns the baseline's option of a detail, as text."""
    return show_value(plan.levels[detail][0])


def option_text(plan: Plan, detail: str, value: Any) -> str:
    """Returns an option as text, spelt as in the plan: 1 is the option 1.0."""
    return next((show_value(known) for known in plan.levels[detail] if known == value), show_value(value))


def noise_floor(tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Computes the sd of the replicated baseline over seeds, with its chi-square interval.

    With s the sd of n seeds, (n - 1) s^2 / sigma^2 is chi-square with n - 1 degrees of freedom where runs vary
    normally, so that the 95 % interval of sigma goes from s sqrt((n - 1) / q(.975)) to s sqrt((n - 1) / q(.025)).

    Runs that failed are counted (`failed`) and are no part of the sd: their stand-in is made from it.

    Returns:
        Per metric and train fraction: sd, sd_low, sd_high (95 %; NaN below two seeds), n, mean, failed, stand_in (how
        far below its expected value a failed run of the study stands), runs.

    Source: Snedecor & Cochran, Statistical Methods (1989), on confidence limits of a variance.

    Example:
        >>> runs = np.array([["a-s0", "a-s1", "a-s2"]], dtype=object)
        >>> values, failed = np.array([[20.0, 21.0, 22.0]]), np.zeros((1, 3), dtype=bool)
        >>> table = Outcomes("accuracy", 1.0, ["a"], np.arange(3), values, failed, runs)
        >>> noise_floor([table])[["sd", "sd_low", "sd_high", "n"]].round(2).to_numpy().tolist()
        [[1.0, 0.52, 6.28, 3.0]]
    """
    return pd.DataFrame([_floor(table) for table in tables])


def sd_interval(sd: float, n: int) -> tuple[float, float]:
    """Returns the 95 % interval of the sd of n normal values, as in `noise_floor`.

    Example:
        >>> low, high = sd_interval(1.0, 3)
        >>> round(low, 2), round(high, 2)
        (0.52, 6.28)
    """
    # The sum of squares over the variance is chi-square with n - 1 degrees of freedom.
    low, high = sd * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
    return float(low), float(high)


def _floor(table: Outcomes) -> dict[str, object]:
    used = np.isfinite(table.values[0]) & ~table.failed[0]
    values = table.values[0][used]
    n = len(values)
    sd = float(values.std(ddof=1)) if n > 1 else np.nan
    low, high = sd_interval(sd, n) if n > 1 else (np.nan, np.nan)
    return {
        "metric": table.metric,
        "train_fraction": table.train_fraction,
        "sd": sd,
        "sd_low": low,
        "sd_high": high,
        "n": n,
        "mean": float(values.mean()) if n else np.nan,
        "failed": int(table.failed[0].sum()),
        "stand_in": table.stand_in,
        "runs": tuple(table.runs[0][used]),
    }


def _average(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns train_fraction, metric, run and the mean `value` over units; NaN if one of them has no finite value."""
    grouped = rows.groupby(["train_fraction", "metric", "run"], sort=False, observed=True)["value"]
    means = pd.DataFrame({"value": grouped.mean(), "finite": grouped.count(), "units": grouped.size()}).reset_index()
    usual = means.groupby(["train_fraction", "metric"], observed=True)["units"].transform("max")
    odd = means.assign(usual=usual)[means["units"] != usual]
    if len(odd):
        row = next(odd.itertuples())
        raise UserError(
            f"run {row.run}: {row.metric} was measured on {row.units} units, in other runs on {row.usual}\n"
            "  runs are comparable on the same units only: run this run again"
        )
    means.loc[(means["finite"] < means["units"]) | ~np.isfinite(means["value"]), "value"] = np.nan
    return means[["train_fraction", "metric", "run", "value"]]


def _tabulate(
    plan: Plan,
    states: pd.DataFrame,
    found: "pd.Series[float]",
    metric: str,
    train_fraction: float,
) -> Outcomes:
    variants = [variant.id for variant in plan.variants]
    row = {variant: index for index, variant in enumerate(variants)}
    seeds = np.array(sorted({run.seed for run in plan.runs}), dtype=np.int64)
    places = [row[run.variant] for run in plan.runs], np.searchsorted(seeds, [run.seed for run in plan.runs])
    values, failed = np.full((len(variants), len(seeds)), np.nan), np.zeros((len(variants), len(seeds)), dtype=bool)
    runs = np.full(values.shape, "", dtype=object)
    runs[places] = states.index
    broken = states["status"].isin([FAILED, DIVERGED]).to_numpy()
    measured = found.reindex(states.index).to_numpy(dtype=np.float64, copy=True)
    broken = broken | (np.isnan(measured) & states.index.isin(found.index))
    values[places], failed[places] = measured, broken
    found_runs = plan.declared.found
    outcomes = Outcomes(metric, train_fraction, variants, seeds, values, failed, runs)
    return stand_in_failed(plan, outcomes._replace(paired=found_runs is None or found_runs.paired))


def stand_in_failed(plan: Plan, outcomes: Outcomes) -> Outcomes:
    """Returns outcomes whose failed runs have stand-ins, made from the runs that there are."""
    if not outcomes.failed.any():
        return outcomes
    design = np.array([variant.role in ("baseline", "arm") for variant in plan.variants], dtype=bool)
    columns = (code_options(plan.levels, [variant.settings for variant in plan.variants])[1] + 1) / 2
    higher = plan.declaration["metrics"][outcomes.metric]["direction"] == "higher"
    values, stand_in = fill_failed(outcomes.values, outcomes.failed, columns, design, higher)
    return outcomes._replace(values=values, stand_in=stand_in)
