"""Every number in the prose of the page is one of the tables', and a check shows that this test can fail."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pytest
from test_sections import SECTIONS, make_subject

from repro.audit.page.effects import show_curve, show_effects
from repro.audit.page.runs import show_cost
from repro.audit.page.subject import Subject
from repro.audit.page.uncertainty import show_questions, show_variance
from repro.audit.statistics.calibration import find_nearest, load_calibration

LITERALS = {"95", "90", "80", "5"}
"""What the prose may say without a table: levels of intervals, of power and of errors."""
NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")


@dataclass(frozen=True)
class Prose:
    """A section without what is no prose: tables, pictures, and names set as code."""

    text: str

    @classmethod
    def of(cls, page: str) -> "Prose":
        for dropped in (r"<table.*?</table>", r"<img[^>]*>", r"<code>.*?</code>", r"<figure.*?</figure>"):
            page = re.sub(dropped, " ", page, flags=re.DOTALL)
        return cls(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))

    def unknown(self, known: list[float], texts: str) -> list[str]:
        """Returns the numbers that no table holds, each compared at the decimals that it is shown with."""
        found = [number.replace("\u2212", "-") for number in NUMBER.findall(self.text)]
        return [
            number for number in found if number not in LITERALS and number not in texts and not _stands(number, known)
        ]


def _stands(number: str, known: list[float]) -> bool:
    decimals = len(number.partition("e")[0].partition(".")[2])
    shown = {f"{value:+.{decimals}f}" for value in known} | {f"{value:.{decimals}f}" for value in known}
    return number in shown


def known_numbers(subject: Subject) -> list[float]:
    """Returns every number of the tables, with the counts of their rows and those of the plan."""
    return [value for value in _numbers(subject) if isfinite(value)]


def _numbers(subject: Subject) -> Iterator[float]:
    for table in [*subject.analysis, subject.results.runs]:
        yield from table.select_dtypes("number").astype(float).to_numpy().ravel().tolist()
        yield float(len(table))
        for column in ("status", "verdict", "metric"):
            if column in table:
                yield from table[column].value_counts().astype(float)
    plan, cost = subject.plan, subject.analysis.cost.iloc[0]
    yield from map(float, (len(plan.variants), len(plan.runs), len(plan.levels), len(subject.choices)))
    yield float(len(subject.choices) - len(plan.levels))
    yield from (float(cost[name]) * 60 for name in ("hours", "hours_lost"))
    yield from (float(cost["hours"]) * 3600 / float(cost["runs"]), float(cost["joules"]) / 3.6e3)
    kept, study = load_calibration(), subject.study
    rows = find_nearest(kept.rows, study.design, len(plan.levels), study.seeds)
    yield from (kept.seed_shift, *kept.spreads, float(sum(row.subgrids for row in rows)), float(study.seeds))
    for row in rows:
        yield from (100 * rate.value for rate in (row.coverage, row.one_nil, row.half_nil, row.all_nil, row.equivalent))


def known_texts(subject: Subject) -> str:
    """Returns the sentences of the tables, from which a number may be taken as it stands."""
    columns = [table[name] for table in subject.analysis for name in table.select_dtypes(exclude="number")]
    kept = load_calibration()
    return " ".join([kept.date, kept.data, *kept.surfaces.values(), *(str(text) for part in columns for text in part)])


FAILED = {"design": "one_at_a_time", "failed": 2}


@pytest.mark.parametrize("changes", [{}, FAILED, {"arms_failed": 2}], ids=["factorial", "failed", "arms failed"])
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_number_of_the_prose_is_one_of_the_tables(
    section: Callable[[Subject], str], changes: dict[str, Any]
) -> None:
    subject = make_subject(**changes)
    assert Prose.of(section(subject)).unknown(known_numbers(subject), known_texts(subject)) == []


@pytest.mark.parametrize(
    ("table", "section"),
    [("noise", show_effects), ("curve", show_curve), ("cost", show_cost), ("questions", show_questions)],
)
def test_a_number_that_is_not_in_the_tables_is_found_out(table: str, section: Callable[[Subject], str]) -> None:
    subject = make_subject()
    before = getattr(subject.analysis, table)
    numbers = before.select_dtypes("float").columns.difference(["train_fraction"])
    changed = before.assign(**{name: before[name] + 1234.56 for name in numbers})
    moved = subject._replace(analysis=subject.analysis._replace(**{table: changed}))
    assert Prose.of(section(moved)).unknown(known_numbers(subject), known_texts(subject))


def test_a_literal_in_the_prose_is_found_out() -> None:
    subject = make_subject()
    page = show_variance(subject) + "<p>The seed moves it by 0.3371 dB.</p>"
    assert Prose.of(page).unknown(known_numbers(subject), known_texts(subject)) == ["0.3371"]
