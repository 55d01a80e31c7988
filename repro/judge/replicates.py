"""What is repeated in runs that were found: tasks, seeds that variants share, or runs.

The replicate is the seed, by its value and never by its row, or, where each run has a seed of its own, the run. Where
runs are spread over tasks, the task is: one value for each variant and task, so that an effect is held against how it
changes from task to task.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.audit.statistics.task_scores import refuse_units
from repro.errors import UserError
from repro.judge.column_names import SEED, SHARED
from repro.judge.columns import Column, of_role
from repro.judge.declaration import Declaration
from repro.judge.folds import stretch
from repro.judge.variants import Variants

MOST_TASKS = 200
"""Values of a column that is left out up to which it may be one of tasks."""
FEWEST_SHARED = 2
"""Seeds that half of the variants share with the baseline where seeds pair."""


class Replicates(NamedTuple):
    """Runs with the replicate that each belongs to.

    Attributes:
        frame: variant (number), replicate (number), failed, row, one column for each outcome, and `unit` if there is.
        paired: whether a replicate is the same in every variant.
        word: what it is.
        names: of replicates, by number, where they are paired.
        said: sentences on how they were found.
        scale: unit of differences where they were standardised.
    """

    frame: pd.DataFrame
    paired: bool
    word: str
    names: list[str]
    said: list[str]
    scale: str = ""


def find_replicates(
    table: pd.DataFrame, columns: list[Column], declared: Declaration, variants: Variants
) -> Replicates:
    """Finds what is repeated: tasks, seeds that variants share, or runs.

    Raises:
        UserError: tasks have no mean, or there are too many replicates.
    """
    outcomes, units = of_role(columns, "outcome"), of_role(columns, "unit")
    frame = table[outcomes].assign(variant=variants.place, failed=table["failed"], row=table.index + 1)
    if units:
        frame["unit"] = table[units[0]]
        _check_units(frame, table, columns, units[0])
    tasks, seeds = of_role(columns, "task"), of_role(columns, "seed")
    if tasks and table[tasks[0]].nunique() > 1:
        return _average_tasks(frame.assign(task=table[tasks[0]]), outcomes, declared, tasks[0])
    if not seeds:
        return _number_runs(frame, ["no column of seeds: rows of the same options count as repeats of one run"])
    seed = seeds[0]
    frame = frame.assign(seed=table[seed].map(str))
    if not is_shared(seed, declared):
        why = f"{seed} counts runs and is no seed that variants share: they are compared unpaired (paired: true pairs)"
        numbered = _number_runs(frame, [why], seed, nested=_has_nested(frame, table, columns, seed))
        return _stretch_folds(numbered, outcomes, seed)
    if frame.duplicated(["variant", "seed", *(["unit"] if units else [])]).any():
        _refuse_hidden_tasks(table, frame, columns, outcomes[0])
    return _stretch_folds(_pair_seeds(frame, seed), outcomes, seed)


def _stretch_folds(found: Replicates, outcomes: list[str], seed: str) -> Replicates:
    frame, said = stretch(found.frame, outcomes, seed)
    return found._replace(frame=frame, said=[*found.said, *said])


def _check_units(frame: pd.DataFrame, table: pd.DataFrame, columns: list[Column], unit: str) -> None:
    """Refuses units that runs do not share: a mean over other ones is another outcome.

    Raises:
        UserError: a run has others than the run with most.
    """
    by = [frame["variant"], *(table[name] for name in of_role(columns, "seed", "task"))]
    counts = frame["unit"].groupby(by).nunique()
    if counts.nunique() > 1:
        raise UserError(
            f"runs have {counts.min()} to {counts.max()} values of {unit}: they are comparable on the same units only\n"
            f"  if runs need share no {unit}, put it under left_out in judge.yaml: the mean of a run is taken then"
        )


def _refuse_hidden_tasks(table: pd.DataFrame, frame: pd.DataFrame, columns: list[Column], outcome: str) -> None:
    """Refuses to average runs of one seed over a column of which one value rules the mean, as tasks of unlike units do.

    Raises:
        UserError: there is such a column.
    """
    for name in of_role(columns, "left out"):
        names = table[name].astype(str)
        if pd.api.types.is_numeric_dtype(table[name]) or not 2 <= names.nunique() <= MOST_TASKS:
            continue
        if not (names.groupby([frame["variant"], frame["seed"]]).nunique() > 1).any():
            continue
        levels = frame[~frame["failed"]].groupby(names)[outcome].mean().abs()
        told = refuse_units([str(level) for level in levels.index], levels.to_numpy(dtype=np.float64), {})
        if told:
            raise UserError(
                f"no mean of {outcome} over {name}, which is no detail: {told.split(';')[0]}\n"
                f"  --task {name}, and a scale in judge.yaml"
            )


def is_shared(seed: str, declared: Declaration) -> bool:
    """Says whether a seed is the same thing in every variant: as declared, or by its name, or as it was asked for."""
    return declared.paired if declared.paired is not None else bool(SHARED.search(seed)) or declared.seed == seed


def _pair_seeds(frame: pd.DataFrame, seed: str) -> Replicates:
    sets = frame.groupby("variant")["seed"].agg(set)
    common = [len(own & sets[0]) for number, own in sets.items() if number != 0]
    if np.median(common) < FEWEST_SHARED:
        why = f"{seed}: variants share {int(np.median(common))} seeds with the baseline: runs are compared unpaired"
        return _number_runs(frame, [why], seed, nested=True)
    names = sorted(set(frame["seed"]), key=lambda text: (not text.isdigit(), int(text) if text.isdigit() else 0, text))
    frame = frame.assign(replicate=frame["seed"].map({name: number for number, name in enumerate(names)}))
    said = [
        f"runs are paired by the value of {seed}: {len(names)} seeds, {min(common)} to {max(common)} of them shared"
    ]
    keys = ["variant", "replicate", *(["unit"] if "unit" in frame else [])]
    frame, more = _average_same(frame, keys, seed)
    return Replicates(frame, True, "seed", names, [*said, *more])


def _number_runs(frame: pd.DataFrame, said: list[str], seed: str = "", nested: bool = False) -> Replicates:
    """Numbers the runs of each variant; rows of one seed are one run where they are units, or nested in it."""
    if "unit" not in frame:
        if nested:
            frame, more = _average_same(frame, ["variant", "seed"], seed)
            said = [*said, *more]
        return Replicates(frame.assign(replicate=frame.groupby("variant").cumcount()), False, "run", [], said)
    if not seed:
        if frame.duplicated(["variant", "unit"]).any():
            raise UserError("units of several runs, and no column says which run\n  name it with --seed")
        return Replicates(frame.assign(replicate=0), False, "run", [], said)
    runs = frame.groupby("variant")["seed"].transform(lambda names: pd.factorize(names)[0])
    return Replicates(frame.assign(replicate=runs), False, "run", [], said)


def _average_same(frame: pd.DataFrame, keys: list[str], seed: str) -> tuple[pd.DataFrame, list[str]]:
    """Makes one run of rows of the same options and seed, as they are no replicates."""
    same = frame.duplicated(keys, keep=False)
    if not same.any():
        return frame, []
    cells = int(frame[same].groupby(keys).ngroups)
    how: dict[str, Any] = {
        name: "max" if name == "failed" else "first" if name == "row" else "mean"
        for name in frame.columns
        if name not in keys and (name in ("failed", "row") or pd.api.types.is_float_dtype(frame[name]))
    }
    return frame.groupby(keys, sort=False, as_index=False).agg(how), [
        f"{int(same.sum())} rows share options and {seed} with others ({cells} cells): their mean is one run; if a "
        "column tells them apart, make it a detail or a task"
    ]


def _has_nested(frame: pd.DataFrame, table: pd.DataFrame, columns: list[Column], seed: str) -> bool:
    """Says whether rows of one seed are told apart by another number of runs, which is then nested in it."""
    inner = [name for name in of_role(columns, "left out") if name != seed and SEED.search(name)]
    keys = [frame["variant"], frame["seed"]]
    return any(not pd.concat([*keys, table[name]], axis=1).duplicated().any() for name in inner)


def _average_tasks(frame: pd.DataFrame, outcomes: list[str], declared: Declaration, task: str) -> Replicates:
    """Makes one value of each variant on each task, in a unit that tasks share."""
    ok = frame[~frame["failed"]]
    said, unit = [], ""
    tasks = list(dict.fromkeys(frame["task"]))
    means = ok.groupby(["variant", "task"], sort=False)[outcomes].mean()
    for name in outcomes:
        if declared.scale == "none":
            levels = means[name].groupby("task").mean().abs().reindex(tasks)
            if refused := refuse_units(tasks, levels.to_numpy(dtype=np.float64), {}):
                said_scale = (
                    "set `scale: per_task_sd` or `scale: baseline_ratio` in judge.yaml, with a margin in that unit"
                )
                raise UserError(f"no mean of {name} over {task}: {refused.split(';')[0]}\n  {said_scale}")
            continue
        factors, unit = _find_scale(ok, means, name, declared.scale)
        lost = [str(name) for name in factors.index[~np.isfinite(factors)]]
        if lost:
            said.append(f"{task}: {', '.join(lost[:4])} ({len(lost)}) left out: {declared.scale} cannot be had there")
        means[name] = means[name] / factors.reindex(means.index.get_level_values("task")).to_numpy()
    means = means.replace([np.inf, -np.inf], np.nan).dropna()
    count = ok.groupby(["variant", "task"]).size()
    number = {name: place for place, name in enumerate(tasks)}
    found = means.reset_index()
    found = found.assign(replicate=found["task"].map(number), failed=False, row=0)
    said.insert(
        0,
        f"the {task} is the replicate: {len(tasks)} of them, a mean of {count.min()} to {count.max()} runs for each "
        f"variant and {task}; an effect is held against how it changes from one {task} to the next",
    )
    if failed := int(frame["failed"].sum()):
        said.append(f"{failed} runs without a value are no part of these means: what holds, holds for runs that end")
    return Replicates(found, True, "task", [str(name) for name in tasks], said, unit)


def _find_scale(ok: pd.DataFrame, means: pd.DataFrame, name: str, scale: str) -> tuple["pd.Series[float]", str]:
    """Returns what values of each task are divided by: SD over runs within variants, or the baseline's level."""
    if scale == "baseline_ratio":
        base = means[name].xs(0, level="variant").abs()
        return base.where(base > 0), "of the baseline's value"
    groups = ok.groupby(["variant", "task"])[name]
    parts = pd.DataFrame({"square": groups.var(ddof=1) * (groups.size() - 1), "df": groups.size() - 1}).dropna()
    sums = parts.groupby("task").sum()
    sd = (sums["square"] / sums["df"]) ** 0.5
    return sd.where(sd > 0), "SD over runs"
