"""Claims by task: one line per data set or environment and one for all of them, where runs were measured on several."""

import html
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.audit.page.figures import ACCENT, INK, QUIET, SERIES, STYLE, encode_png, figure_html, new_figure
from repro.audit.page.subject import NO_BREAK, Subject, paragraph, show_p, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.task_scores import SCALE_UNITS
from repro.audit.statistics.tasks import ALL_TASKS
from repro.audit.study.declaration import Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.24


def show_tasks(subject: Subject) -> str:
    """Returns for each claim a picture and a table over tasks; nothing where runs were not measured on several."""
    tasks = subject.analysis.tasks
    return "".join(_show_claim(subject, place, tasks[tasks["claim"] == place]) for place in tasks["claim"].unique())


def show_scaled(subject: Subject, row: "pd.Series[float]", metric: str, scale: Scale) -> str:
    """Returns a difference with its interval, in the metric's unit or on a claim's scale."""
    if scale == "none":
        shown = subject.show(row["estimate"], metric, signed=True)
        span = subject.show_interval(row["low"], row["high"], metric, signed=True)
    else:
        decimals = 4 if scale == "baseline_ratio" else 2
        shown, low, high = (_show_number(row[name], decimals) for name in ("estimate", "low", "high"))
        span = f"{low}{NO_BREAK}to{NO_BREAK}{high}"
    runs: tuple[str, ...] = tuple(row["runs"])  # type: ignore[arg-type]
    return f"{subject.link(shown, runs)} <small>{span}</small>"


def _show_claim(subject: Subject, place: int, rows: pd.DataFrame) -> str:
    claim = subject.study.claims[place]
    overall, each = rows[rows["task"] == ALL_TASKS].iloc[0], rows[rows["task"] != ALL_TASKS]
    refused = bool(overall["refused"])
    scale: Scale = "none" if refused else claim.scale
    heading = f"<h3>{html.escape(claim.text)}, by task</h3>"
    label = "better less other: " + (subject.label(claim.metric) if scale == "none" else SCALE_UNITS[scale])
    margin = subject.metric(claim.metric).margin if scale == "none" else claim.margin
    figure = ""
    if not refused:
        picture = encode_png(plot_tasks(each, overall, float(margin or 0), label))
        caption = (
            "Better less other on each task, with the 95 % interval over its runs; at the bottom the mean over tasks, "
            "with the interval that takes these tasks as a sample of all. Grey: the margin."
        )
        figure = figure_html(picture, f"{claim.text}: the difference on each task", caption, wide=True)
    return (
        heading + paragraph(_tell_overall(overall, len(each))) + figure + _tabulate(subject, rows, claim.metric, scale)
    )


def _tell_overall(overall: "pd.Series[float]", tasks: int) -> str:
    if overall["refused"]:
        return f"There is no mean over the {tasks} tasks: {html.escape(str(overall['refused']))}."
    between, within = (_show_number(overall[name], 3, signed=False) for name in ("between_sd", "within_sd"))
    changes = (
        f"the difference changes with the task by {between} (standard deviation, beyond the {within} that the runs of "
        f"a task explain; p = {show_p(overall['heterogeneity_p'])})"
    )
    probability = (
        f"a run of the one is better than a run of the other on the same task with probability "
        f"{show_ratio(overall['probability_of_improvement'])} ({_span(overall, 'probability')})"
    )
    middle = f"the interquartile means differ by {_show_number(overall['iqm'], 3)} ({_span(overall, 'iqm', 3)})"
    return (
        f"Over {tasks} tasks {changes}; {probability}; {middle}. Intervals in brackets: bootstrap over runs on these "
        f"very tasks, for comparison; that of the mean would be {_span(overall, 'bootstrap', 3)}. The verdict takes "
        "the tasks as a sample."
    )


def _span(row: "pd.Series[float]", name: str, decimals: int = 2) -> str:
    low, high = (_show_number(row[f"{name}_{end}"], decimals, signed=name != "probability") for end in ("low", "high"))
    return f"{low}{NO_BREAK}to{NO_BREAK}{high}"


def _tabulate(subject: Subject, rows: pd.DataFrame, metric: str, scale: Scale) -> str:
    shown = pd.DataFrame(
        [
            {
                "task": row["task"],
                "better": _show_number(row["better"], 4, signed=False),
                "other": _show_number(row["than"], 4, signed=False),
                "better less other": show_scaled(subject, row, metric, scale),
                "p": show_p(row["p"]),
                "p adjusted": show_p(row["p_adjusted"]),
                "P(better)": show_ratio(row["probability_of_improvement"]),
                "share of all levels": "" if pd.isna(row["level_share"]) else f"{row['level_share']:.0%}",
                "seeds": "" if pd.isna(row["seeds"]) else str(int(row["seeds"])),
                "failed": int(row["failed"]),
            }
            for _, row in rows.iterrows()
        ]
    ).set_index("task")
    unit = subject.label(metric) if scale == "none" else SCALE_UNITS[scale]
    caption = (
        f"Means: {subject.label(metric)}; difference: {unit}. p adjusted: Holm over the tasks. Share of all "
        "levels: of the sum of the tasks' absolute means; where half of the tasks have nine tenths of it, units are "
        "taken for unlike."
    )
    return table_html(shown, caption, dict.fromkeys(("better less other", "p", "p adjusted"), str), [ALL_TASKS])


def _show_number(value: float, decimals: int, signed: bool = True) -> str:
    """Returns a number to a few significant digits: tasks may have units of any size."""
    if pd.isna(value):
        return "–"  # noqa: RUF001
    text = f"{value:{'+' if signed else ''}.{decimals}g}"
    return text.replace("-", "−")  # noqa: RUF001


def plot_tasks(each: pd.DataFrame, overall: "pd.Series[float]", margin: float, label: str) -> "Figure":
    """Returns one line per task, the largest difference on top, and one below for all of them.

    Args:
        each: per task: task, estimate, low, high.
        overall: the same for all tasks.
        margin: in their unit.
        label: of the axis.
    """
    rows = each.sort_values("estimate", ignore_index=True)
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([ROW_INCHES * (len(rows) + 1) + 1.0])
        axis.axvspan(-margin, margin, color=SERIES[2], alpha=0.25, linewidth=0)
        axis.axvline(0, color=QUIET, linewidth=0.8)
        places = np.arange(1, len(rows) + 1)
        axis.hlines(places, rows["low"], rows["high"], color=INK, linewidth=1.1)
        axis.plot(rows["estimate"], places, "o", color=INK, markersize=4)
        axis.hlines(0, overall["low"], overall["high"], color=ACCENT, linewidth=3)
        axis.plot(overall["estimate"], 0, "D", color=ACCENT, markersize=6)
        axis.set_yticks([0, *places], [ALL_TASKS, *map(str, rows["task"])], fontsize=8, color=INK)
        axis.set_ylim(-0.7, len(rows) + 0.7)
        axis.set_xlabel(label)
        axis.grid(visible=False, axis="y")
        return figure
