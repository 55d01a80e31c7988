"""Scores of two options on several tasks (data sets, environments), and the unit in which tasks can be averaged.

A mean over tasks is taken of differences as they are, or in a unit of each task's own; which of these a claim declares
as its `scale`. With d_t the difference of the two options on task t:

    none            d_t: the metric's unit, which all tasks must share
    per_task_sd     J d_t / s_t, s_t the SD over seeds within both options of task t, J its small-sample factor
    baseline_ratio  d_t / |mean of the other option on task t|, for metrics with a true zero

A mean over tasks of unlike units is refused. Units are unlike where the claim says so, or, where it does not name
them, if half of the tasks or fewer carry `CARRIED` of the sum of the tasks' levels. Levels that are lognormal over
tasks do so from an SD of their logarithm of 1.28, that is, if 95 % of them span a factor of 150. In public tables the
larger half of the tasks carries .47 to .67 where units are alike (accuracies and error rates on 7 data sets, returns
in 5 environments of MuJoCo), .97 to .99 in raw scores of 60 Atari games, .9999 where errors of regression are averaged
with accuracies (`tests/data/tasks`).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, assert_never

import numpy as np
import pandas as pd

from repro.audit.statistics.linear_model import Floats
from repro.audit.statistics.paired import small_sample_factor
from repro.audit.study.declaration import Scale
from repro.errors import UserError

CARRIED = 0.9
"""Share of the sum of all levels that half of the tasks carry only where units are unlike."""
FEWEST_SEEDS = 3
"""Of each option, for the SD of a task to be its unit: with two, a difference over it has no variance."""
SCALE_UNITS: Mapping[Scale, str] = {
    "per_task_sd": "SD over seeds",
    "baseline_ratio": "of the other option's value",
}


class TaskScores(NamedTuple):
    """The runs of two options on the same tasks.

    Attributes:
        tasks: names, in the order of the columns.
        better: (S, T) float64, those of the option that is claimed to be better, NaN where there is none.
        than: (S, T) float64, those of the other.
        shared: whether one run was measured on all tasks, so that a row is a run, or at least a seed, of both options;
            otherwise each value is a run of its own, and rows mean nothing.
    """

    tasks: list[str]
    better: Floats
    than: Floats
    shared: bool


def read_scores(table: pd.DataFrame, better: str, than: str, shared: bool = False) -> TaskScores:
    """Reads a tidy table with the columns task, option, seed, value; tasks that lack one of the options are left out.

    Args:
        table: one row per run and task.
        better: the option that is claimed to be better.
        than: the other one.
        shared: as in `TaskScores`.

    Raises:
        UserError: an option was measured twice on a task with one seed.
    """
    table = table[table["option"].isin([better, than])]
    twice = table[table.duplicated(["task", "option", "seed"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"task {row['task']}: {row['option']} has two values for seed {row['seed']}\n"
            "  a seed of an option is measured once on each task: give runs that differ another option or seed"
        )
    wide = table.pivot(index="seed", columns=["option", "task"], values="value")
    known = [set(wide[option].columns) if option in wide else set() for option in (better, than)]
    tasks = [task for task in dict.fromkeys(table["task"]) if all(task in names for names in known)]
    first, second = (
        np.array([wide[option, task] for task in tasks], dtype=np.float64).reshape(len(tasks), len(wide)).T
        for option in (better, than)
    )
    return TaskScores(tasks, first, second, shared)


def refuse_mean(scores: TaskScores, levels: Floats, scale: Scale, units: Mapping[str, str]) -> str:
    """Returns in a sentence why there is no mean over the tasks; empty if there is one.

    Args:
        scores: of both options.
        levels: (T,) absolute mean of each task.
        scale: as declared.
        units: as declared, by task.
    """
    if len(scores.tasks) < 2:
        return f"{len(scores.tasks)} task has both options: it says nothing of others"
    if scale == "none":
        return refuse_units(scores.tasks, levels, units)
    if scale == "baseline_ratio":
        poor = ~(np.abs(average_runs(scores.than)) > 0)
        why = "the other option's mean is zero"
    else:
        fewest = np.minimum(*(np.isfinite(side).sum(axis=0) for side in scores[1:3]))
        poor = (fewest < FEWEST_SEEDS) | ~(_seed_sd(scores) > 0)
        why = f"an SD over seeds takes {FEWEST_SEEDS} of each option, and seeds that differ"
    named = [task for task, is_poor in zip(scores.tasks, poor, strict=True) if is_poor]
    return f"{scale} cannot be had on {_list_some(named)}: {why}" if named else ""


def refuse_units(tasks: Sequence[str], levels: Floats, units: Mapping[str, str]) -> str:
    """Returns in a sentence why values of the tasks are no mean in one unit; empty if they are.

    Args:
        tasks: names.
        levels: (T,) their absolute means, or shares of the sum of these.
        units: as declared, by task.

    Example:
        >>> refuse_units(["adult", "churn", "house"], np.array([0.85, 0.86, 32_000.0]), {})
        '100 % of it lies in 1 of 3 tasks (house), as happens where units are unlike; declare a scale (per_task_sd or \
baseline_ratio), or the units of all tasks if they are alike'
    """
    remedy = "declare a scale (per_task_sd or baseline_ratio)"
    named = {task: units[task] for task in tasks if task in units}
    unlike = list(dict.fromkeys(named.values()))
    if len(unlike) > 1:
        return f"the tasks' units are unlike ({_list_some(unlike)}), and a mean over them has none; {remedy}"
    if len(named) == len(tasks):
        return ""
    order = np.argsort(-levels)
    carried = np.cumsum(levels[order]) / levels.sum() if levels.sum() else np.zeros(len(tasks))
    few = int(np.searchsorted(carried, CARRIED)) + 1
    if not levels.sum() or few > len(tasks) / 2:
        return ""
    carriers = _list_some([tasks[place] for place in order[:few]])
    return (
        f"{100 * carried[few - 1]:.0f} % of it lies in {few} of {len(tasks)} tasks ({carriers}), as happens where "
        f"units are unlike; {remedy}, or the units of all tasks if they are alike"
    )


def find_factors(scores: TaskScores, scale: Scale) -> Floats:
    """Returns what the differences of each task (T,) are multiplied by."""
    match scale:
        case "none":
            return np.ones(len(scores.tasks))
        case "baseline_ratio":
            return np.asarray(1 / np.abs(average_runs(scores.than)))
        case "per_task_sd":
            return np.asarray(small_sample_factor(_pooled(scores)[1]) / _seed_sd(scores))
        case _:
            assert_never(scale)


def _pooled(scores: TaskScores) -> tuple[Floats, Floats]:
    """Returns the variance over seeds within both options of each task, and its degrees of freedom."""
    sides = scores.better, scores.than
    df = [np.isfinite(side).sum(axis=0) - 1.0 for side in sides]
    squares = [np.nansum((side - average_runs(side)) ** 2, axis=0) for side in sides]
    return (squares[0] + squares[1]) / np.maximum(df[0] + df[1], 1), df[0] + df[1]


def _seed_sd(scores: TaskScores) -> Floats:
    return np.asarray(np.sqrt(_pooled(scores)[0]))


def average_runs(values: Floats) -> Floats:
    """Returns the mean of the runs of each task, (T,), of values (S, T); NaN where there is none."""
    counts = np.isfinite(values).sum(axis=0)
    return np.where(counts > 0, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)


def runs_variance(values: Floats) -> Floats:
    """Returns the variance of the runs of each task, (T,), NaN below two."""
    counts = np.isfinite(values).sum(axis=0)
    squares = np.nansum((values - average_runs(values)) ** 2, axis=0)
    return np.where(counts > 1, squares / np.maximum(counts - 1, 1), np.nan)


def _list_some(names: Sequence[str], shown: int = 3) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
