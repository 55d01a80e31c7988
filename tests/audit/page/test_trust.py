"""How far a study can be trusted: the figures of its own design are shown, goals that are missed are set off."""

import re

import pytest
from simulated_factorial import ONE, linear, make_plan, simulate, two_levels

from repro.audit.page import trust
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.calibration import Calibration, Rate, load_calibration

DESIGNS = ("one_at_a_time", "plackett_burman", "full_factorial", "d_optimal", "random")


def make_subject(design: str = "full_factorial", details: int = 3, seeds: int = 2) -> Subject:
    levels = two_levels(details)
    rows = None if design in ("full_factorial", "plackett_burman") else [{key: "yes"} for key in levels]
    plan = make_plan(levels, design, seeds=seeds, rows=rows)
    results = simulate(plan, linear(a=3.0), ONE)
    return Subject(plan, results, analyse(plan, results), {})


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Calibration:
    """Lets every row meet its goals."""
    measured = load_calibration()
    good = dict.fromkeys(("one_nil", "half_nil", "all_nil", "equivalent"), Rate(0.04, 0.01))
    rows = [row.model_copy(update={"coverage": Rate(0.96, 0.01)} | good) for row in measured.rows]
    measured = measured.model_copy(update={"rows": rows})
    monkeypatch.setattr(trust, "load_calibration", lambda: measured)
    return measured


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_has_its_figures(design: str, kept: Calibration) -> None:
    shown = trust.show_trust(make_subject(design))
    text = text_of(shown)
    assert f"Studies of the design {design}, as near to its size (3 details, 2 seeds) as was tried" in text
    assert all(title in text for title in kept.surfaces.values())
    assert shown.count("<tr>") == 10, "the head, the size, five goals, power, promise and width"
    assert "No surface misses what is meant by more than chance" in text
    assert "<b>" not in shown
    assert not re.search(r"\bnan\b", text)


def test_what_misses_its_goal_is_set_off(kept: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row.model_copy(update={"coverage": Rate(0.713, 0.02)}) if row.surface == "nasbench201" else row
        for row in kept.rows
    ]
    monkeypatch.setattr(trust, "load_calibration", lambda: kept.model_copy(update={"rows": rows}))
    shown = trust.show_trust(make_subject())
    assert "held the true effect in 71 to 96 %" in text_of(shown)
    assert "is missed on NAS-Bench-201, accuracy (95 % intervals that hold the true effect)." in text_of(shown)
    assert shown.count("<b>71.3\N{NO-BREAK SPACE}%</b>") == 1


def test_a_study_without_verdicts_has_none_to_be_trusted() -> None:
    assert "With one seed no detail gets a verdict" in trust.show_trust(make_subject(seeds=1))
    assert "varies no detail" in trust.show_trust(make_subject("one_at_a_time", details=0))


def test_a_study_without_a_run_has_a_page() -> None:
    subject = make_subject()
    none = subject.results._replace(runs=subject.results.runs.iloc[:0], rows=subject.results.rows.iloc[:0])
    assert "Verdicts are worth" in text_of(trust.show_trust(subject._replace(results=none)))


def test_a_design_that_was_not_tried_is_said(kept: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in kept.rows if row.design != "full_factorial"]
    monkeypatch.setattr(trust, "load_calibration", lambda: kept.model_copy(update={"rows": rows}))
    assert "full_factorial was not tried on surfaces whose truth is known" in text_of(trust.show_trust(make_subject()))


def test_what_the_studies_of_the_table_had_not_is_said(kept: Calibration) -> None:
    subject = make_subject()
    declared = subject.plan.declaration | {"sequential": {"most_seeds": 6}, "correction": "Benjamini-Hochberg"}
    changed = subject._replace(plan=subject.plan.model_copy(update={"declaration": declared}))
    assert "looked at once; this one may be looked at" in trust.show_trust(changed)
    assert "corrected by Holm, this one is by Benjamini-Hochberg" in trust.show_trust(changed)
    assert "looked at once" not in trust.show_trust(subject)
    assert str(kept.date) in trust.show_trust(subject)


def test_a_heavy_tail_is_a_caution() -> None:
    """One run of 64 that lies forty standard deviations out holds most of the variance."""
    plan = make_plan(two_levels(4), "plackett_burman", seeds=4)
    results = simulate(plan, linear(a=1.0), ONE)
    assert "hold" not in text_of(trust._tell_tail(Subject(plan, results, analyse(plan, results), {})))
    rows = results.rows.copy()
    rows.loc[rows["run"] == "v3-s1", "value"] += 40.0
    heavy = results._replace(rows=rows)
    assert "of the variance of" in text_of(trust._tell_tail(Subject(plan, heavy, analyse(plan, heavy), {})))
