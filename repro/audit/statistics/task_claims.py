"""The claims of a study over the tasks that its runs were measured on: `Analysis.tasks`.

A run of a study covers all tasks, so that what it happens to be moves all of them at once: runs are shared
(`tasks.compare_over_tasks`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from repro.audit.statistics.effects import single_arms
from repro.audit.statistics.linear_model import Coding, Flags, Floats, code_details, fit_effects, shared_values
from repro.audit.statistics.outcomes import FULL, Outcomes, baseline_option, option_text, tabulate_outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.task_scores import TaskScores, average_runs
from repro.audit.statistics.tasks import TASK_COLUMNS, compare_over_tasks
from repro.audit.study.declaration import Claim
from repro.audit.study.plan import Plan

COLUMNS = ("claim", "text", "metric", *TASK_COLUMNS, "failed", "runs")
"""Of `Analysis.tasks`; claim: its place among the study's claims."""


def compare_tasks(plan: Plan, results: Results) -> pd.DataFrame:
    """Compares the two options of each claim on each task and over all of them, at the full training.

    Returns:
        `COLUMNS`: the rows of `compare_over_tasks` for each claim, with the runs that they rest on and how many of
        these failed. Empty where results have no column `task`, or but one task.
    """
    claims = plan.declared.claims
    if "task" not in results.rows or results.rows["task"].nunique() < 2 or not claims:
        return pd.DataFrame(columns=list(COLUMNS))
    measured = results.rows[results.rows["train_fraction"] == FULL]
    by_task = {
        task: tabulate_outcomes(plan, results._replace(rows=rows))
        for task, rows in measured.groupby(measured["task"].astype(str), sort=False)
    }
    parts = [_compare_claim(plan, place, claim, by_task) for place, claim in enumerate(claims)]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _compare_claim(plan: Plan, place: int, claim: Claim, by_task: Mapping[str, list[Outcomes]]) -> pd.DataFrame:
    tables = {task: next(table for table in found if table.metric == claim.metric) for task, found in by_task.items()}
    higher = plan.declared.metrics[claim.metric].direction == "higher"
    rows = compare_over_tasks(score_claim(plan, claim, tables), higher, claim.scale, claim.units)
    used = {task: _find_runs(plan, claim, table) for task, table in tables.items()}
    failed = {task: int((table.failed & used[task]).sum()) for task, table in tables.items()}
    runs: dict[Any, tuple[str, ...]] = {task: tuple(table.runs[used[task]].tolist()) for task, table in tables.items()}
    together = tuple(dict.fromkeys(run for some in runs.values() for run in some))
    return rows.assign(
        claim=place,
        text=claim.text,
        metric=claim.metric,
        failed=[failed.get(task, sum(failed.values())) for task in rows["task"]],
        runs=pd.Series([runs.get(task, together) for task in rows["task"]], index=rows.index, dtype=object),
    )


def score_claim(plan: Plan, claim: Claim, tables: Mapping[str, Outcomes]) -> TaskScores:
    """Returns the scores of a claim's two options, a row for each seed and a column for each task.

    One at a time: the values of the two variants. In a design: with each seed and on each task the effect of the one
    option less that of the other, by the model of the main effects, put half above and half below the mean of the runs
    with either; in a balanced design these are the means over the variants that take each option.

    Args:
        plan: of the study.
        claim: of the study.
        tables: outcomes of the claim's metric on each task.
    """
    score = _score_arms if plan.declared.design == "one_at_a_time" else _score_design
    scored = [score(plan, claim, table) for table in tables.values()]
    better, than = (np.column_stack([pair[side] for pair in scored]) for side in (0, 1))
    seen: Flags = np.asarray(np.isfinite(better).any(axis=0) & np.isfinite(than).any(axis=0))
    tasks = [task for task, both in zip(tables, seen, strict=True) if both]
    return TaskScores(tasks, better[:, seen], than[:, seen], shared=True)


def _score_arms(plan: Plan, claim: Claim, table: Outcomes) -> tuple[Floats, Floats]:
    rows = _arm_rows(plan, claim, table)
    if None in rows:
        nothing = np.full(len(table.seeds), np.nan)
        return nothing, nothing
    better, than = (table.values[row] for row in rows if row is not None)
    return better, than


def _arm_rows(plan: Plan, claim: Claim, table: Outcomes) -> list[int | None]:
    arms = {(arm.detail, arm.option): table.variants.index(arm.variant) for arm in single_arms(plan)}
    arms[claim.detail, baseline_option(plan, claim.detail)] = 0
    return [arms.get((claim.detail, option_text(plan, claim.detail, value))) for value in (claim.better, claim.than)]


def _score_design(plan: Plan, claim: Claim, table: Outcomes) -> tuple[Floats, Floats]:
    coding = code_details(plan)
    values = shared_values(table, coding.points)
    contrast = contrast_options(plan, coding, claim)
    takes = [coding.points & side for side in take_options(plan, coding, claim)]
    middle = np.mean([average_runs(np.where(side[:, None], values, np.nan)) for side in takes], axis=0)
    difference = np.array([_fit_seed(coding, contrast, column) for column in values.T])
    return np.asarray(middle + difference / 2), np.asarray(middle - difference / 2)


def _fit_seed(coding: Coding, contrast: Floats, values: Floats) -> float:
    asked = contrast != 0
    if np.isfinite(values).sum() < 2:
        return np.nan
    return float(contrast[asked] @ fit_effects(coding.matrix, values[:, None]).estimates[asked])


def contrast_options(plan: Plan, coding: Coding, claim: Claim) -> Floats:
    """Returns the weights (K,) of the columns in better less other: 1, -1, and 0 for the baseline's option."""
    weights = np.zeros(len(coding.options))
    for value, sign in ((claim.better, 1.0), (claim.than, -1.0)):
        option = option_text(plan, claim.detail, value)
        if option != baseline_option(plan, claim.detail):
            weights[coding.options.index((claim.detail, option))] = sign
    return weights


def take_options(plan: Plan, coding: Coding, claim: Claim) -> list[Flags]:
    """Returns which variants (V,) take the option that is claimed to be better, and which the other."""
    own = [place for place, (detail, _) in enumerate(coding.options) if detail == claim.detail]
    taken = []
    for value in (claim.better, claim.than):
        option = option_text(plan, claim.detail, value)
        if option == baseline_option(plan, claim.detail):
            taken.append(coding.matrix[:, own].sum(axis=1) == 0)
        else:
            taken.append(coding.matrix[:, coding.options.index((claim.detail, option))] == 1)
    return taken


def _find_runs(plan: Plan, claim: Claim, table: Outcomes) -> Flags:
    """Returns which runs (V, S) a comparison on one task rests on."""
    if plan.declared.design != "one_at_a_time":
        coding = code_details(plan)
        takes = np.any(take_options(plan, coding, claim), axis=0)
        return np.asarray(np.isfinite(shared_values(table, coding.points)) & takes[:, None])
    rows = [row for row in _arm_rows(plan, claim, table) if row is not None]
    used = np.zeros(table.values.shape, dtype=bool)
    used[rows] = np.isfinite(table.values[rows]).all(axis=0)
    return used
