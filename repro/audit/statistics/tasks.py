"""Two options over tasks (data sets, environments) of which those at hand are a sample.

A claim that is meant to hold on more than the tasks at hand takes the task for a random factor: what counts is how the
difference of the two options varies from task to task, not how many runs there were. Tasks have equal weights, and a
common unit (`task_scores`) or no mean.

Source: Clark, The language-as-fixed-effect fallacy (1973), and Judd, Westfall & Kenny, Treating stimuli as a random
factor in social psychology (2012), on the task as a random factor and both errors at once; Dietterich (1998) and
Demsar, Statistical comparisons of classifiers over multiple data sets (2006), on data sets as the sample.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.aggregate_scores import aggregate_scores, improvement_by_task
from repro.audit.statistics.error_terms import combine_errors
from repro.audit.statistics.linear_model import Floats
from repro.audit.statistics.mean_squares import MeanSquare
from repro.audit.statistics.multiplicity import adjust_p
from repro.audit.statistics.task_scores import TaskScores, average_runs, find_factors, refuse_mean, runs_variance
from repro.audit.study.declaration import Scale

ALL_TASKS = "all tasks"
TASK_COLUMNS = (
    *("task", "task_unit", "seeds", "better", "than", "estimate", "se", "df", "low", "high", "low90", "high90", "p"),
    *("p_adjusted", "probability_of_improvement", "probability_low", "probability_high", "level_share"),
    *("tasks", "within_sd", "between_sd", "heterogeneity_f", "heterogeneity_p", "bootstrap_low", "bootstrap_high"),
    *("iqm", "iqm_low", "iqm_high", "refused"),
)


class OverTasks(NamedTuple):
    """A difference over tasks with what it is held against; NaN where it cannot be had."""

    estimate: float
    se: float
    df: float


def compare_over_tasks(
    scores: TaskScores, higher_is_better: bool, scale: Scale = "none", units: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Compares two options on each task and over all of them.

    Per task the difference of the means with Welch's interval, or that of pairs where runs are shared. Over tasks:

    - runs of their own for each task: d = mean of d_t, se^2 = var(d_t) / T on T - 1 degrees of freedom. The noise of
      the runs is in var(d_t) already.
    - runs that are shared by all tasks: what a run happens to be moves all its tasks at once, and no number of tasks
      averages it out. With mean squares of the table of differences by seed and task,
      se^2 = (task + seed - residual) / (S T), never less than either of the first two, Satterthwaite's df.

    `heterogeneity`: whether the difference changes with the task, by Welch's F for unequal variances. `within_sd`: of
    a task's difference by its runs, `between_sd`: beyond that, from task to task: between^2 = var(d_t) - within^2.

    Returns:
        A row for each task and one, `ALL_TASKS`, for all; columns `TASK_COLUMNS`: better, than (means); estimate
        (better less other, on the scale, not turned by direction), se, df, low, high (95 %), low90, high90, p,
        p_adjusted (of the tasks: Holm over them), probability_of_improvement, level_share (of the sum of all levels);
        for all tasks only: tasks, within_sd, between_sd, heterogeneity_f, heterogeneity_p, bootstrap_low and
        bootstrap_high (of the estimate), iqm (difference of interquartile means) with iqm_low and iqm_high,
        probability_low and probability_high (bootstrap), refused (one sentence; the numbers over all are NaN then).

    Example:
        >>> from repro.audit.statistics.task_scores import read_scores
        >>> table = pd.DataFrame({
        ...     "task": np.repeat(["a", "b", "c"], 4),
        ...     "option": ["x", "x", "y", "y"] * 3,
        ...     "seed": [0, 1] * 6,
        ...     "value": [5.0, 7, 3, 5, 4, 4, 3, 3, 9, 9, 5, 7],
        ... })
        >>> found = compare_over_tasks(read_scores(table, "x", "y"), higher_is_better=True).set_index("task")
        >>> found["estimate"].tolist(), found.loc[ALL_TASKS, ["low", "high"]].astype(float).round(2).tolist()
        ([2.0, 1.0, 3.0, 2.0], [-0.48, 4.48])
    """
    units = units or {}
    levels = np.abs(average_runs(np.vstack([scores.better, scores.than])))
    rows = _compare_each(scores, higher_is_better).assign(
        task_unit=[units.get(task, "") for task in scores.tasks], level_share=levels / levels.sum()
    )
    refused = refuse_mean(scores, levels, scale, units)
    overall: dict[str, object] = {"task": ALL_TASKS, "tasks": len(scores.tasks), "refused": refused}
    if not refused:
        factors = find_factors(scores, scale)
        for name in ("estimate", "se", "low", "high", "low90", "high90"):
            rows[name] *= factors
        overall |= _compare_all(scores, factors, rows, scale, higher_is_better)
    return pd.concat([rows, pd.DataFrame([overall])], ignore_index=True).reindex(columns=list(TASK_COLUMNS))


def _compare_each(scores: TaskScores, higher_is_better: bool) -> pd.DataFrame:
    better, than = scores.better, scores.than
    if scores.shared:
        both = np.isfinite(better) & np.isfinite(than)
        better, than = np.where(both, better, np.nan), np.where(both, than, np.nan)
    counts = np.isfinite(better).sum(axis=0), np.isfinite(than).sum(axis=0)
    if scores.shared:
        estimate, square, df = average_runs(better - than), runs_variance(better - than) / counts[0], counts[0] - 1.0
    else:
        parts = [runs_variance(side) / count for side, count in zip((better, than), counts, strict=True)]
        estimate, square = average_runs(better) - average_runs(than), parts[0] + parts[1]
        with np.errstate(divide="ignore", invalid="ignore"):  # seeds that do not differ
            df = square**2 / sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
            df = np.where(square > 0, df, counts[0] + counts[1] - 2.0)
    overall = [describe_difference(*numbers) for numbers in zip(estimate, np.sqrt(square), df, strict=True)]
    rows = pd.DataFrame(overall)
    return rows.assign(
        task=scores.tasks,
        seeds=np.minimum(*counts),
        better=average_runs(better),
        than=average_runs(than),
        p_adjusted=adjust_p(rows["p"].to_numpy(dtype=np.float64), "Holm") if len(rows) else [],
        probability_of_improvement=improvement_by_task(better, than, higher_is_better),
        refused="",
    )


def _compare_all(
    scores: TaskScores, factors: Floats, rows: pd.DataFrame, scale: Scale, higher_is_better: bool
) -> dict[str, object]:
    found = average_tasks(scores, factors)
    f, p = find_heterogeneity(scores, factors)
    within = float((rows["se"] ** 2).mean())
    between = max(0.0, float(rows["estimate"].var(ddof=1)) - within)
    # With a scale, scores are counted from the other option's mean, so that they are comparable as well.
    origin = average_runs(scores.than) if scale == "per_task_sd" else np.zeros(len(scores.tasks))
    aggregates = aggregate_scores(
        (scores.better - origin) * factors, (scores.than - origin) * factors, higher_is_better
    )
    return {
        **describe_difference(*found),
        "seeds": int(rows["seeds"].min()),
        "within_sd": within**0.5,
        "between_sd": between**0.5,
        "heterogeneity_f": f,
        "heterogeneity_p": p,
        "bootstrap_low": aggregates.mean.low,
        "bootstrap_high": aggregates.mean.high,
        "iqm": aggregates.interquartile.value,
        "iqm_low": aggregates.interquartile.low,
        "iqm_high": aggregates.interquartile.high,
        "probability_of_improvement": aggregates.probability.value,
        "probability_low": aggregates.probability.low,
        "probability_high": aggregates.probability.high,
    }


def average_tasks(scores: TaskScores, factors: Floats) -> OverTasks:
    """Returns the mean difference over tasks, the task as a random factor, and the runs as one where they are shared.

    Shared runs that lack a task are left out of the mean squares, not of the mean; with one run of both options left
    there is no error term.
    """
    tasks = len(scores.tasks)
    differences = (average_runs(scores.better) - average_runs(scores.than)) * factors
    if not scores.shared:
        return OverTasks(float(differences.mean()), float(differences.std(ddof=1) / tasks**0.5), tasks - 1.0)
    by_run = (scores.better - scores.than) * factors
    estimate = float(average_runs(by_run).mean())
    complete = by_run[np.isfinite(by_run).all(axis=1)]
    seeds = len(complete)
    if seeds < 2:
        return OverTasks(estimate, np.nan, np.nan)
    over_seeds, over_tasks = complete.mean(axis=0), complete.mean(axis=1)
    rest = complete - over_seeds - over_tasks[:, None] + complete.mean()
    rest_df = (seeds - 1) * (tasks - 1)
    variance, df, _ = combine_errors(
        MeanSquare(tasks * float(over_tasks.var(ddof=1)), seeds - 1),
        np.nan,
        MeanSquare(seeds * float(over_seeds.var(ddof=1)), tasks - 1),
        MeanSquare(float((rest**2).sum()) / rest_df, rest_df),
    )
    return OverTasks(estimate, float(np.sqrt(variance / (seeds * tasks))), df)


def find_heterogeneity(scores: TaskScores, factors: Floats) -> tuple[float, float]:
    """Tests whether the difference changes with the task; returns F and p, NaN with one run of an option.

    With weights w_t = 1 / se_t^2, u_t = w_t / sum w, and T tasks:
        F = sum w_t (d_t - d)^2 / (T - 1) / (1 + 2 (T - 2) / (T^2 - 1) * sum (1 - u_t)^2 / df_t),  d = sum u_t d_t,
    on T - 1 and (T^2 - 1) / (3 sum (1 - u_t)^2 / df_t) degrees of freedom. What a shared run does to all its tasks
    alike is taken off first.

    Source: Welch, On the comparison of several mean values: an alternative approach (1951).
    """
    if scores.shared:
        apart = (scores.better - scores.than) * factors
        apart = apart[np.isfinite(apart).all(axis=1)]
        tasks, means = apart.shape[1], apart.mean(axis=0)
        apart = apart - apart.mean(axis=1, keepdims=True)
        squares = runs_variance(apart) * tasks / (tasks - 1) / max(len(apart), 1)
        df = np.full(tasks, len(apart) - 1.0)
    else:
        each = _compare_each(scores, higher_is_better=True)
        means, squares, df = (np.asarray(each[name], dtype=np.float64) for name in ("estimate", "se", "df"))
        means, squares, tasks = means * factors, (squares * factors) ** 2, len(means)
    if not (np.isfinite(squares).all() and (squares > 0).all() and (df > 0).all()):
        return np.nan, np.nan
    weights = 1 / squares
    shares = weights / weights.sum()
    loss = float(((1 - shares) ** 2 / df).sum())
    f = float((weights * (means - shares @ means) ** 2).sum()) / (tasks - 1)
    f /= 1 + 2 * (tasks - 2) / (tasks**2 - 1) * loss
    return f, float(stats.f.sf(f, tasks - 1, (tasks**2 - 1) / (3 * loss)))


def describe_difference(estimate: float, se: float, df: float) -> dict[str, float]:
    """Returns estimate, se, df, its t intervals and p; without noise a difference is certain."""
    if not df > 0 or np.isnan(se):
        return {"estimate": estimate, **dict.fromkeys(("se", "df", "low", "high", "low90", "high90", "p"), np.nan)}
    wide, narrow = (float(stats.t.ppf(tail, df)) * se for tail in (0.975, 0.95))
    t = estimate / se if se else (np.inf if estimate else 0.0)
    return {
        **{"estimate": estimate, "se": se, "df": df, "low": estimate - wide, "high": estimate + wide},
        **{"low90": estimate - narrow, "high90": estimate + narrow, "p": float(2 * stats.t.sf(abs(t), df))},
    }
