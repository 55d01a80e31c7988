"""Sections on where the uncertainty lies: components of variance, evaluation protocol, questions to the authors.

Components stand on one axis, in the outcome's own unit and un-normalised: details, seed, unit and protocol can be held
against each other by eye.
"""

import html
from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from repro.audit.page.figures import ACCENT, INK, QUIET, SERIES, STYLE, encode_png, figure_html, new_figure
from repro.audit.page.subject import Subject, code, in_words, long, paragraph, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.multiverse import ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL
from repro.audit.statistics.variance import PROTOCOL, RESIDUAL, SEED, TOGETHER, UNIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUMMARIES = (ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL)
NOISY, PALE = "#e8a07c", "#c3cad2"
"""Bars of the seed, and of all that is neither seed nor detail: light, so that the intervals are seen on them."""
NOT_DETAILS = (TOGETHER, SEED, UNIT, PROTOCOL, RESIDUAL)
"""Components that are no single detail, in the order in which they stand below the details."""


def show_variance(subject: Subject) -> str:
    """Returns the components of variance of the main metric, un-normalised, beside the seed's."""
    components = subject.take(subject.analysis.variance).dropna(subset=["sd"])
    if components.empty:
        return paragraph("Components of variance take at least two seeds of one variant.")
    figure = plot_variance(components, f"standard deviation that each component adds: {subject.label()}")
    caption = "Bars: standard deviations, not scaled to a sum; lines: 95 % intervals. Units are nested in the runs."
    named = components.set_index("component")["sd"]
    seed = float(named[SEED]) if named.get(SEED, 0) else float("nan")
    rows = pd.DataFrame(
        {
            "standard deviation": [subject.link(subject.show(value), []) for value in components["sd"]],
            "95 % interval": [
                subject.show_interval(low, high)
                for low, high in zip(components["low"], components["high"], strict=True)
            ],
            "in SD of the seed": [show_ratio(value / seed) for value in components["sd"]],
            "how": [long(html.escape(str(text))) for text in components["note"]],
        },
        index=pd.Index(components["component"], name="component"),
    )
    table = table_html(rows, subject.label(), {"standard deviation": str, "how": str})
    shown = figure_html(encode_png(figure), f"Components of variance of {subject.main}", caption, wide=True)
    return f"{shown}<details><summary>The numbers</summary>{table}</details>"


def show_protocols(subject: Subject) -> str:
    """Returns how far the number moves by the choice of evaluation protocol alone, beside how far by detail."""
    moved = subject.take(subject.analysis.protocols)
    if moved.empty:
        return paragraph("The runs hold one evaluation protocol only.")
    choices = moved[~moved["choice"].isin(SUMMARIES)]
    effects = subject.take(subject.analysis.effects)
    varied = effects[effects["detail"].isin(list(subject.plan.levels))] if len(effects) else effects
    changes = varied["estimate"] if len(varied) else pd.Series(dtype=float)
    said = ""
    summary = moved.set_index("choice")["change"]
    if ALL_PROTOCOLS in summary:
        unit = html.escape(subject.metric(subject.main).unit)
        runs = moved.loc[moved["choice"] == ALL_PROTOCOLS, "runs"].iloc[0]
        said = paragraph(
            f"The same trained runs give numbers up to {subject.link(subject.show(summary[ALL_PROTOCOLS]), runs)} "
            f"{unit} apart by protocol alone{_tell_details(subject, summary, runs)}."
        )
    if choices.empty:
        return said + paragraph("No choice of the protocol moves this metric.")
    figure = plot_protocols(choices, changes, f"change of {subject.label()}")
    caption = "Each point: one option of the protocol against the headline's, or one option of a detail."
    rows = pd.DataFrame(
        {
            "option": choices["option"].tolist(),
            "mean": [subject.show(value) for value in choices["mean"]],
            "change": [
                subject.link(subject.show(row["change"], signed=True), row["runs"]) for _, row in choices.iterrows()
            ],
        },
        index=pd.Index(choices["choice"], name="choice"),
    )
    picture = figure_html(encode_png(figure), f"Change of {subject.main} by protocol", caption, wide=True)
    return said + picture + table_html(rows, f"Means over all runs, {subject.label()}", {"change": str})


def _tell_details(subject: Subject, summary: "pd.Series[float]", runs: tuple[str, ...]) -> str:
    """Returns how far apart the variants lie, and what the largest detail moves, measured alike."""
    if not subject.plan.levels:
        return ""
    unit, said = html.escape(subject.metric(subject.main).unit), ""
    if ALL_VARIANTS in summary:
        apart = subject.link(subject.show(summary[ALL_VARIANTS]), runs)
        said += f"; measured alike, the variants lie {apart} {unit} apart"
    if LARGEST_DETAIL in summary:
        moved = subject.link(subject.show(summary[LARGEST_DETAIL], signed=True), runs)
        said += f", and the detail that moves it most does so by {moved} {unit}"
    return said


def show_questions(subject: Subject) -> str:
    """Returns the questions to the authors, the one whose answer would shrink the uncertainty most first."""
    questions = subject.analysis.questions
    if questions.empty:
        return paragraph("The study varies no detail, so that it raises no question.")
    items = [
        f"<li>{html.escape(str(row['question']))} {code(row['detail'])}: "
        + (
            "not measured"
            if pd.isna(row["shrinks"])
            else f"an answer would take away {subject.link(subject.show(row['shrinks']), [])} "
            f"{html.escape(subject.metric(subject.main).unit)}"
        )
        + f" <small>({html.escape(str(row['reason']))})</small></li>"
        for _, row in questions.iterrows()
    ]
    lead = f"Standard deviation of {subject.label()} over the options of a detail, that an answer would take away:"
    return paragraph(html.escape(lead)) + f"<ol>{''.join(items)}</ol>"


def plot_variance(components: pd.DataFrame, label: str) -> "Figure":
    """Returns one bar per component, as a standard deviation with its interval; the largest detail on top.

    Args:
        components: of one metric: component, sd, low, high.
        label: of the axis.
    """
    is_detail = ~components["component"].isin(NOT_DETAILS)
    details = components[is_detail].sort_values("sd", ascending=False)
    others = components[~is_detail].set_index("component").reindex(NOT_DETAILS).dropna(subset=["sd"]).reset_index()
    rows = pd.concat([details, others], ignore_index=True)
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([0.25 * len(rows) + 0.9])
        colours = [SERIES[2]] * len(details) + [NOISY if name == SEED else PALE for name in others["component"]]
        axis.barh(rows.index, rows["sd"], color=colours, height=0.62)
        axis.hlines(rows.index, rows["low"], rows["high"], color=INK, linewidth=1.2)
        axis.set_yticks(list(rows.index), [in_words(name) for name in rows["component"]], fontsize=8, color=INK)
        axis.invert_yaxis()
        axis.set_axisbelow(True)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(label)
        return figure


def plot_protocols(protocols: pd.DataFrame, detail_changes: "pd.Series[float]", label: str) -> "Figure":
    """Returns how far one number moves by the choice of protocol alone, beside how far it moves by a detail.

    Args:
        protocols: of one metric: choice, option, change against the headline protocol.
        detail_changes: by detail and option: the effect on the same metric.
        label: of the axis.
    """
    groups = {f"{choice}": part["change"] for choice, part in protocols.groupby("choice", sort=False)}
    if len(detail_changes):
        groups["every varied detail"] = detail_changes
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([0.32 * len(groups) + 0.9])
        axis.axvline(0, color=QUIET, linewidth=0.8)
        for place, (name, changes) in enumerate(groups.items()):
            colour = ACCENT if name == "every varied detail" else SERIES[0]
            axis.plot(changes, [place] * len(changes), "o", color=colour, markersize=5, alpha=0.75)
        axis.set_yticks(range(len(groups)), [in_words(name) for name in groups], fontsize=8, color=INK)
        axis.set_ylim(len(groups) - 0.5, -0.5)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(label)
        return figure
