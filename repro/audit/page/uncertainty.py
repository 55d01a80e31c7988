"""Sections on where the uncertainty lies: components of variance, evaluation protocol, questions to the authors.

Components stand on one axis, in the outcome's own unit and un-normalised: details, seed, unit and protocol can be held
against each other by eye.
"""

import html
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.figures import (
    ACCENT,
    INK,
    QUIET,
    SERIES,
    STYLE,
    encode_png,
    figure_html,
    legend_above,
    new_figure,
)
from repro.audit.page.subject import Subject, code, in_words, long, note, paragraph, show_p, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.multiverse import HEADLINE
from repro.audit.statistics.variance import PROTOCOL, RESIDUAL, SEED, TOGETHER, UNIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (
    "Levels are not compared. Where a choice changes what the metric is (its colour space, window or region), the two "
    "numbers are different quantities, and what it adds to all runs alike says nothing on any detail. Nor is a changed "
    "verdict a finding by itself: it may change by a hair, and whether the effect does is tested apart."
)
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
    caption = (
        "Bars: standard deviations, not scaled to a sum; lines: 95 % intervals. A bar of nothing is no more than "
        "sampling adds by itself, not the absence of an effect. Units are nested in the runs; of the evaluation "
        "protocol, what it adds to all runs alike is left out."
    )
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
    """Returns what evaluation protocols change in the effects of details and the verdicts on them; never the level."""
    protocols = subject.take(subject.analysis.protocols)
    if protocols.empty or protocols["same"].sum() < 2:
        return paragraph("The runs hold one evaluation protocol only.")
    shown = _describe_protocols(subject, subject.main)
    if len(protocols) < 2:
        return shown
    shown += note(LEVELS)
    effects = subject.take(subject.analysis.protocol_effects)
    if len(effects):
        figure = plot_protocols(effects, f"difference from the baseline's option: {subject.label()}")
        caption = (
            "Filled, with its 95 % interval: the effect by the headline protocol; hollow: by each of the others, on "
            "the same runs."
        )
        shown += figure_html(encode_png(figure), f"Effects on {subject.main} by protocol", caption, wide=True)
    shown += _table_protocols(subject, subject.main)
    for metric in list(subject.study.metrics)[1:]:
        if len(subject.take(subject.analysis.protocols, metric)) > 1:
            told = _describe_protocols(subject, metric) + _table_protocols(subject, metric)
            shown += f"<details><summary>The same for {code(metric)}</summary>{told}</details>"
    return shown


def _describe_protocols(subject: Subject, metric: str) -> str:
    """Returns whether a verdict on a detail or an effect hangs on the protocol."""
    protocols = subject.take(subject.analysis.protocols, metric)
    others = protocols[protocols["protocol"] != HEADLINE]
    said = f"By {code(metric)}, {count_of(int(protocols['same'].sum()), 'protocol')} applied to the same runs "
    if others.empty:
        return paragraph(f"{said}give the very same numbers: no choice of the protocol moves this metric.")
    said += f"give {count_of(len(protocols), 'set')} of numbers. "
    if subject.plan.levels:
        turned = others[others["verdicts_changed"] > 0]
        moved = others[others["effects_changed"] > 0]
        said += (
            "No verdict on a detail hangs on the protocol. "
            if turned.empty
            else f"A verdict is another by {_list_protocols(turned, 'details_changed')}. "
        )
        said += (
            "No effect is shown to depend on it."
            if moved.empty
            else f"Effects differ from the headline protocol's by {_list_protocols(moved)}; which, and by how much, "
            f"stands below{_tell_small(moved, subject, metric)}."
        )
    return paragraph(said)


def _list_protocols(protocols: pd.DataFrame, what: str = "") -> str:
    """Names protocols, those alone that differ from the headline by as few choices as any of them."""
    choices = protocols["protocol"].str.count("=")
    shown = protocols[choices == choices.min()]
    return ", ".join(
        code(row["protocol"]) + (f" ({html.escape(str(row[what]))})" if what else "") for _, row in shown.iterrows()
    )


def _tell_small(moved: pd.DataFrame, subject: Subject, metric: str) -> str:
    effects = subject.take(subject.analysis.protocol_effects, metric)
    shown = effects[effects["protocol"].isin(moved["protocol"]) & (effects["p_adjusted"] < LEVEL)]
    return ", all of it within the margin" if shown["within_margin"].all() else ""


def _table_protocols(subject: Subject, metric: str) -> str:
    protocols = subject.take(subject.analysis.protocols, metric)
    options = len(subject.take(subject.analysis.protocol_effects, metric)) // max(len(protocols), 1)
    rows = [
        {
            "level": subject.link(subject.show(row["mean"], metric), row["runs"]),
            "verdicts that change": html.escape(str(row["details_changed"])) or "none",
            "effects that change": f"{row['effects_changed']} of {options}",
            "the same within the margin": f"{row['effects_same']} of {options}",
            "effect that changes most": html.escape(str(row["largest"])),
            "its change": f"{subject.show(row['largest_change'], metric, signed=True)} "
            f"<small>{subject.show_interval(row['low'], row['high'], metric, signed=True)}</small>",
            "p adjusted": show_p(row["p_adjusted"]),
        }
        for _, row in protocols[protocols["protocol"] != HEADLINE].iterrows()
    ]
    table = pd.DataFrame(rows, index=pd.Index(protocols["protocol"][protocols["protocol"] != HEADLINE]))
    caption = (
        f"{subject.label(metric)}: each protocol that gives numbers of its own against the headline's. Change: of one "
        "effect, protocol less headline, with its 95 % interval over seeds; adjusted over all options and protocols."
    )
    return table_html(
        table,
        caption,
        dict.fromkeys(("level", "verdicts that change", "effect that changes most", "its change", "p adjusted"), str),
    )


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
    lead = (
        f"Standard deviation of {subject.label()} over the options of a detail, that an answer would take away. What "
        "is not known of an effect counts as well: of a detail that is undecided most may be its standard error."
    )
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


def plot_protocols(effects: pd.DataFrame, label: str) -> "Figure":
    """Returns the effect of each option by every protocol, the headline's with its interval.

    Args:
        effects: of one metric: protocol, detail, option, estimate, low, high.
        label: of the axis.
    """
    headline = effects[effects["protocol"] == HEADLINE].sort_values("estimate", ignore_index=True)
    place = {key: row for row, key in enumerate(zip(headline["detail"], headline["option"], strict=True))}
    others = effects[effects["protocol"] != HEADLINE]
    names = [f"{in_words(row['detail'])}: {in_words(row['option'])}" for _, row in headline.iterrows()]
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([0.27 * len(headline) + 1.2])
        axis.axvline(0, color=QUIET, linewidth=0.8)
        axis.hlines(headline.index, headline["low"], headline["high"], color=ACCENT, linewidth=1.1)
        axis.plot(headline["estimate"], headline.index, "o", color=ACCENT, markersize=5, label="the headline protocol")
        rows = np.array([place[key] for key in zip(others["detail"], others["option"], strict=True)])
        axis.plot(others["estimate"], rows, "o", color=INK, markerfacecolor="none", markersize=6, label="another")
        axis.set_yticks(range(len(headline)), names, fontsize=8, color=INK)
        axis.set_ylim(-0.7, len(headline) - 0.3)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(label)
        legend_above(figure, axis, 2)
        return figure
