"""Sections on where the uncertainty lies: components of variance, evaluation protocol, questions to the authors."""

import html

import pandas as pd

from repro.audit.page.figures import encode_png, figure_html
from repro.audit.page.spread import plot_protocols, plot_variance
from repro.audit.page.subject import Subject, code, long, paragraph, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.multiverse import ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL

SUMMARIES = (ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL)


def show_variance(subject: Subject) -> str:
    """Returns the components of variance of the main metric, un-normalised, beside the seed's."""
    components = subject.take(subject.analysis.variance).dropna(subset=["sd"])
    if components.empty:
        return paragraph("The components of variance needs at least two seeds of one variant.")
    figure = plot_variance(components, f"standard deviation that each source adds: {subject.label()}")
    caption = "Bars: standard deviations, not scaled to a sum; lines: 95 % intervals. Units are nested in the runs."
    named = components.set_index("component")["sd"]
    seed = float(named["seed"]) if named.get("seed", 0) else float("nan")
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
    shown = figure_html(encode_png(figure), f"Standard deviation of {subject.main} by source", caption, wide=True)
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
