"""What the page of a study is about, and how its numbers are written and linked to the runs they rest on."""

import html
from collections.abc import Iterable, Mapping
from math import floor, isfinite, log10
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.ledger.choice import Choice, show_value
from repro.audit.page.tables import show_number
from repro.audit.statistics.analysis import Analysis
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import Results
from repro.audit.study.declaration import Outcome, Study
from repro.audit.study.plan import Plan

ALL_RUNS = "runs"
"""Anchor of the table of all runs."""
NOTHING = show_number(float("nan"), 0)
"""What stands where there is no number."""
NO_BREAK = "\N{NO-BREAK SPACE}"
LONGEST = 34
"""Characters of a label in a figure."""


class Subject(NamedTuple):
    """One study.

    Attributes:
        plan: what was to be run.
        results: what came out.
        analysis: what it says.
        choices: the ledger, by dotted key.
        titles: of metrics that have a record, by name; a metric without one is called by its name.
    """

    plan: Plan
    results: Results
    analysis: Analysis
    choices: Mapping[str, Choice]
    titles: Mapping[str, str] = {}

    @property
    def study(self) -> Study:
        """The study as it was declared."""
        return self.plan.declared

    @property
    def main(self) -> str:
        """Name of the main metric."""
        return next(iter(self.plan.declaration["metrics"]))

    def metric(self, name: str) -> Outcome:
        """Returns a metric's declaration."""
        return self.study.metrics[name]

    def take(self, table: pd.DataFrame, metric: str | None = None, train_fraction: float = FULL) -> pd.DataFrame:
        """Returns the rows of one metric (None: the main one) and train fraction."""
        if table.empty:
            return table
        rows = table[table["metric"] == (metric or self.main)]
        return rows[rows["train_fraction"] == train_fraction] if "train_fraction" in rows else rows

    def label(self, metric: str | None = None) -> str:
        """Returns a metric's title with its unit, as an axis shows it."""
        name = metric or self.main
        title, unit = self.titles.get(name, name), self.metric(name).unit
        return f"{title}, {unit}" if unit else title

    def show(self, value: float, metric: str | None = None, signed: bool = False) -> str:
        """Returns a value of a metric, to a tenth of its margin's leading digit."""
        decimals = max(0, 1 - floor(log10(self.metric(metric or self.main).margin)))
        return show_number(round(value, decimals) + 0.0, decimals, signed=signed)  # no negative zero

    def show_interval(self, low: float, high: float, metric: str | None = None, signed: bool = False) -> str:
        """Returns an interval in words."""
        if pd.isna(low) or pd.isna(high):
            return "no interval"
        return f"{self.show(low, metric, signed)}{NO_BREAK}to{NO_BREAK}{self.show(high, metric, signed)}"

    def link(self, text: str, runs: Iterable[str]) -> str:
        """Returns text as a link to the runs that it rests on: one run, the runs of one variant, or all."""
        named = list(runs)
        if text == NOTHING:
            return text
        variants = {run.rpartition("-s")[0] for run in named}
        anchor = ALL_RUNS
        if len(named) == 1:
            anchor = f"run-{named[0]}"
        elif len(variants) == 1:
            anchor = f"variant-{variants.pop()}"
        return f'<a href="#{html.escape(anchor)}">{html.escape(text)}</a>'


def code(value: Any) -> str:
    """Returns a value as inline code."""
    return f"<code>{html.escape(str(value))}</code>"


def paragraph(text: str) -> str:
    """Returns HTML text as a paragraph."""
    return f"<p>{text}</p>"


def note(text: str) -> str:
    """Returns HTML text set off as a caution."""
    return f'<div class="caution"><p>{text}</p></div>'


def badge(verdict: str) -> str:
    """Returns a verdict as a coloured word."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{html.escape(verdict)}</span>'


def show_settings(settings: Mapping[str, Any]) -> str:
    """Returns settings as one would type them."""
    return " ".join(code(f"{key}={show_value(value)}") for key, value in settings.items())


def long(text: str) -> str:
    """Returns HTML text for a cell of a table that has room for sentences."""
    return f'<div class="long">{text}</div>'


def in_words(name: str) -> str:
    """Returns a dotted key or an option as words, cut in the middle where it is long."""
    words = name.replace(".", " ") if name.replace(".", "").replace("_", "").isalpha() else name
    words = words.replace("_", " ")
    keep = (LONGEST - 3) // 2
    return words if len(words) <= LONGEST else f"{words[:keep]}...{words[-keep:]}"


def show_ratio(value: float, signed: bool = False) -> str:
    """Returns a number without a unit, a dash where it cannot be had."""
    return show_number(value if isfinite(value) else float("nan"), 2, signed=signed)


def show_p(p: float) -> str:
    """Returns a p-value as one reads it."""
    if pd.isna(p):
        return NOTHING
    return f"&lt;{NO_BREAK}0.001" if p < 0.001 else f"{p:.3f}"
