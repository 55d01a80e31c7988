"""Sections on where the uncertainty lies: variance budget, evaluation protocol, questions to the authors."""

import html

import pandas as pd

from repro.audit.page.figures import encode_png, figure_html
from repro.audit.page.spread import plot_protocols, plot_variance
from repro.audit.page.subject import Subject, code, long, paragraph, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.multiverse import ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL

SUMMARIES = (ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL)


def show_variance(subject: Subject) -> str:
    """Returns the variance budget of the main metric, un-normalised, beside the seed's."""
    budget = subject.take(subject.analysis.budget).dropna(subset=["sd"])
    if budget.empty:
        return paragraph("The variance budget needs at least two seeds of one variant.")
    figure = plot_variance(budget, f"standard deviation that each source adds: {subject.label()}")
    caption = "Bars: standard deviations, not scaled to a sum; lines: 95 % intervals. Images are nested in the cells."
    named = budget.set_index("source")["sd"]
    seed = float(named["seed"]) if named.get("seed", 0) else float("nan")
    rows = pd.DataFrame(
        {
            "standard deviation": [subject.link(subject.show(value), []) for value in budget["sd"]],
            "95 % interval": [
                subject.show_interval(low, high) for low, high in zip(budget["low"], budget["high"], strict=True)
            ],
            "in SD of the seed": [show_ratio(value / seed) for value in budget["sd"]],
            "how": [long(html.escape(str(text))) for text in budget["note"]],
        },
        index=pd.Index(budget["source"], name="source"),
    )
    table = table_html(rows, subject.label(), {"standard deviation": str, "how": str})
    shown = figure_html(encode_png(figure), f"Standard deviation of {subject.main} by source", caption, wide=True)
    return f"{shown}<details><summary>The numbers</summary>{table}</details>"


def show_protocols(subject: Subject) -> str:
    """Returns how far the number moves by the choice of evaluation protocol alone, beside how far by detail."""
    moved = subject.take(subject.analysis.protocols)
    if moved.empty:
        return paragraph("The cells hold one evaluation protocol only.")
    choices = moved[~moved["choice"].isin(SUMMARIES)]
    effects = subject.take(subject.analysis.effects)
    varied = effects[effects["detail"].isin(list(subject.plan.levels))] if len(effects) else effects
    changes = varied["estimate"] if len(varied) else pd.Series(dtype=float)
    said = ""
    summary = moved.set_index("choice")["change"]
    if ALL_PROTOCOLS in summary:
        unit = html.escape(subject.metric(subject.main).unit)
        cells = moved.loc[moved["choice"] == ALL_PROTOCOLS, "cells"].iloc[0]
        said = paragraph(
            f"The same trained cells give numbers up to {subject.link(subject.show(summary[ALL_PROTOCOLS]), cells)} "
            f"{unit} apart by protocol alone{_tell_details(subject, summary, cells)}."
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
                subject.link(subject.show(row["change"], signed=True), row["cells"]) for _, row in choices.iterrows()
            ],
        },
        index=pd.Index(choices["choice"], name="choice"),
    )
    picture = figure_html(encode_png(figure), f"Change of {subject.main} by protocol", caption, wide=True)
    return said + picture + table_html(rows, f"Means over all cells, {subject.label()}", {"change": str})


def _tell_details(subject: Subject, summary: "pd.Series[float]", cells: tuple[str, ...]) -> str:
    """Returns how far apart the variants lie, and what the largest detail moves, measured alike."""
    if not subject.plan.levels:
        return ""
    unit, said = html.escape(subject.metric(subject.main).unit), ""
    if ALL_VARIANTS in summary:
        apart = subject.link(subject.show(summary[ALL_VARIANTS]), cells)
        said += f"; measured alike, the variants lie {apart} {unit} apart"
    if LARGEST_DETAIL in summary:
        moved = subject.link(subject.show(summary[LARGEST_DETAIL], signed=True), cells)
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
