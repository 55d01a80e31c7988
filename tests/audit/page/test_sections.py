"""The page of a study: every section on studies of known truth, and its prose held to the tables."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pytest
from simulated_factorial import ONE, linear, make_plan, simulate, two_levels

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, paper
from repro.audit.page import claims, design, effects, ledger, runs, stability, trust, uncertainty
from repro.audit.page.curve import provenance
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import analyse
from repro.audit.study.declaration import Study
from repro.audit.study.plan import Look, Plan

SECTIONS = (
    claims.show_title,
    claims.show_opening,
    claims.show_claim_verdicts,
    claims.show_claims,
    ledger.show_ledger,
    effects.show_curve,
    effects.show_effects,
    stability.show_stability,
    effects.show_interactions,
    uncertainty.show_variance,
    uncertainty.show_protocols,
    design.show_design,
    runs.show_failures,
    runs.show_cost,
    trust.show_trust,
    uncertainty.show_questions,
    runs.show_runs,
)
CHOICE = Choice("Which?", "gap", "silent", {"no": (inference("ours"),), "yes": (paper("Table 1"), inference("ours"))})
CLAIM = {"text": "a <b> helps", "metric": "m0", "detail": "a", "better": "yes", "than": "no", "source": "Table 1"}


def declare(plan: Plan, **changes: Any) -> Plan:
    study = Study.model_validate(plan.declaration | {"title": "Which <b> matters, at which cost?"} | changes)
    return plan.model_copy(update={"declaration": study.model_dump(mode="json")})


@cache
def make_subject(
    design: str = "full_factorial", *, failed: int = 0, arms_failed: int = 0, missing: int = 0, seeds: int = 4
) -> Subject:
    levels = two_levels(3)
    rows = [{key: "yes"} for key in levels] if design == "one_at_a_time" else None
    plan = make_plan(levels, design, seeds=seeds, baseline_seeds=8, rows=rows, controls=True, metrics=2)
    controls = {"negative": {"stream": 1}, "positive": {"settings": {"rate": 0}, "expected": "worse"}}
    plan = declare(plan, claims=[CLAIM], controls=controls)
    names = [run.id for run in plan.runs]
    broken = names[len(names) - failed :] + [name for name in names if name.startswith("v7-")][:arms_failed]
    results = simulate(plan, linear(a=9.0, b_c=7.0), ONE, images=3, failed=broken, missing=names[:missing])
    protocols = pd.DataFrame(
        {"run": run, "colour": colour, "metric": "m0", "value": 20.0 + (colour == "grey")}
        for run in results.rows["run"].unique()
        for colour in ("rgb", "grey")
    )
    results = results._replace(protocols=protocols)
    choices = dict.fromkeys([*levels, "other"], CHOICE)
    return Subject(plan, results, analyse(plan, results, choices), choices)


@pytest.fixture(scope="module")
def factorial() -> Subject:
    return make_subject()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
@pytest.mark.parametrize(
    "changes",
    [{}, {"design": "one_at_a_time", "failed": 2}, {"design": "one_at_a_time", "seeds": 1, "missing": 3}],
    ids=["factorial", "failed", "unfinished"],
)
def test_every_section_says_something(section: Callable[[Subject], str], changes: dict[str, Any]) -> None:
    shown = section(make_subject(**changes))
    text = re.sub(r"<[^>]*>", "", shown)
    assert len(text) > 20
    assert not re.search(r"\bnan\b|\bNaN\b|\binf\b|<b> helps", text)
    assert "Which <b>" not in shown
    assert shown.count("<figure") == shown.count("</figure>")


def test_an_empty_study_has_a_page() -> None:
    plan = declare(make_plan({}, "one_at_a_time", seeds=2, rows=[]))
    results = simulate(plan, linear(), ONE)
    subject = Subject(plan, results, analyse(plan, results), {})
    assert all(section(subject) for section in SECTIONS)


def test_prose_takes_its_numbers_from_the_tables(factorial: Subject) -> None:
    noise = factorial.analysis.noise
    said = effects.show_effects(factorial)
    sd = factorial.take(noise)["sd"].iloc[0]
    assert f">{sd:.2f}</a>" in said
    moved = factorial.analysis._replace(noise=noise.assign(sd=noise["sd"] + 1))
    assert f">{sd + 1:.2f}</a>" in effects.show_effects(factorial._replace(analysis=moved))

    curve = factorial.take(factorial.analysis.curve)
    for mean in (curve["mean"].min(), curve["mean"].max()):
        assert f">{mean:.2f}</a>" in effects.show_curve(factorial)
    claim = factorial.analysis.claims.iloc[0]
    assert f">+{claim['estimate']:.2f}</a>" in claims.show_claims(factorial)
    cost = factorial.analysis.cost
    assert f"{60 * cost['hours'].iloc[0]:.1f} min" in runs.show_cost(factorial)
    longer = factorial.analysis._replace(cost=cost.assign(hours=4.56))
    assert "4.56 hours" in runs.show_cost(factorial._replace(analysis=longer))


def test_every_link_has_its_target(factorial: Subject) -> None:
    page = "".join(section(factorial) for section in SECTIONS)
    wanted = set(re.findall(r'href="#([^"]+)"', page))
    assert wanted
    assert wanted <= set(re.findall(r'id="([^"]+)"', page))


def test_what_was_reported_is_drawn_on_the_axis_of_its_own_metric(monkeypatch) -> None:
    drawn: list[dict[str, float]] = []
    plot = effects.plot_curve
    monkeypatch.setattr(effects, "plot_curve", lambda *given: drawn.append(given[-1]) or plot(*given))
    subject = make_subject()
    for metric in ("m0", "m1"):
        plan = declare(subject.plan, claims=[CLAIM | {"metric": metric, "reported": 21.0}])
        effects.show_curve(subject._replace(plan=plan))
    assert drawn == [{"reported: a <b> helps": 21.0}, {}]


def test_looks_correction_and_randomisation_are_on_the_page(factorial: Subject) -> None:
    text = re.sub(r"<[^>]*>", "", design.show_design(factorial))
    assert "Its verdicts hold for one look" in text
    assert "this page4" in re.sub(r"\s", "", text).replace("thispage", "this page")
    assert "All combinations are run: there is nothing to randomise" in text
    assert "adjusted for their number: Holm, by its design, full_factorial" in text
    assert "dummy column" in text
    assert "A/A contrasts" in text
    settled = Look(date="2026-01-02", seeds=2, runs=20, settled={"a": "matters"})
    plan = declare(factorial.plan, correction="Benjamini-Hochberg").model_copy(update={"looks": [settled]})
    text = re.sub(r"<[^>]*>", " ", design.show_design(factorial._replace(plan=plan)))
    assert re.search(r"2026-01-02\s+2\s+20\s+a\s+matters", text)
    assert "looks at 2 and 4 seeds make its p-values those of a sequential study" in text
    assert "Benjamini-Hochberg, as the study declares" in text
    kept = plan.model_copy(update={"looks": [settled.model_copy(update={"seeds": 4, "runs": len(plan.runs)})]})
    assert "this page" not in design.show_design(factorial._replace(plan=kept))  # it shows no other run


def test_numbers_of_an_arm_link_to_its_runs() -> None:
    subject = make_subject("one_at_a_time")
    arm = subject.plan.variants[1]
    assert f'<a href="#variant-{arm.id}">' in effects.show_effects(subject)


def test_best_source_names_the_provenance() -> None:
    assert provenance(CHOICE, "yes") == "paper"
    assert provenance(CHOICE, "no") == "inference"
    assert provenance(None, "anything") == "inference"


def test_failures_are_named_and_counted() -> None:
    shown = runs.show_failures(make_subject(design="one_at_a_time", failed=2))
    assert "2 failed" in shown
    assert runs.show_failures(make_subject()) == "<p>No run failed, diverged or is missing.</p>"


def test_the_list_of_runs_has_every_run_with_its_value() -> None:
    subject = make_subject("one_at_a_time", failed=2)
    shown = runs.show_runs(subject)
    assert all(f'<tr id="run-{run}">' in shown for run in subject.results.runs.index)
    means = subject.take(subject.results.rows).groupby("run")["value"].mean()
    assert all(f">{subject.show(mean)}</td>" in shown for mean in means)
    assert shown.count(">failed</td>") == 2


def test_pages_call_a_metric_by_its_title() -> None:
    subject = make_subject()
    assert subject.label("m0") == "m0"
    titled = subject._replace(titles={"m0": "Share of right answers"})
    assert titled.label("m0") == "Share of right answers"
    assert "Share of right answers; margin" in effects.show_effects(titled)


def test_shrunken_effects_stand_beside_the_raw_ones() -> None:
    subject = make_subject()
    shown = effects.show_effects(subject)
    for _, row in subject.take(subject.analysis.shrunken).iterrows():
        span = subject.show_interval(row["shrunken_low"], row["shrunken_high"], signed=True)
        assert f"{subject.show(row['shrunken'], signed=True)} <small>{span}</small>" in shown


def test_that_none_is_equivalent_is_no_finding_where_none_could_be() -> None:
    subject = make_subject()
    said = "no detail could have been called equivalent"
    assert said in effects.show_effects(subject), "the margin is a tenth of the noise"
    metrics = {name: metric | {"margin": 10.0} for name, metric in subject.plan.declaration["metrics"].items()}
    assert said not in effects.show_effects(subject._replace(plan=declare(subject.plan, metrics=metrics)))


def test_verdicts_for_these_units_only_are_named() -> None:
    subject = make_subject()
    assert "Every verdict that says equivalent or matters holds" in effects.show_effects(subject)
    units = subject.analysis.units
    changed = units.assign(verdict=units["verdict"].mask(units["detail"] == "a", "undecided"))
    shown = effects.show_effects(subject._replace(analysis=subject.analysis._replace(units=changed)))
    assert "hold for these units only: <code>a</code>" in shown
    refused = units.assign(refused="it takes 2 units: the metric has 1")
    shown = effects.show_effects(subject._replace(analysis=subject.analysis._replace(units=refused)))
    assert "the metric has 1, so that effects hold for what was measured alone" in shown


def test_the_level_by_another_protocol_is_no_statement_on_a_detail() -> None:
    """Grey adds one to every run alike: no effect and no verdict depends on it."""
    shown = re.sub(r"<[^>]*>", "", uncertainty.show_protocols(make_subject()))
    assert "No verdict on a detail hangs on the protocol." in shown
    assert "No effect is shown to depend on it." in shown
    assert "Levels are not compared." in shown
    assert " apart" not in shown.split("Levels are not compared.")[0]


def test_a_protocol_that_turns_an_effect_is_named() -> None:
    subject = make_subject()
    protocols = subject.results.protocols
    has_a = protocols["run"].map(subject.results.runs["variant"]).map(subject.results.variants["a"]) == "yes"
    turned = protocols.assign(value=protocols["value"] - 30.0 * (has_a & (protocols["colour"] == "grey")))
    results = subject.results._replace(protocols=turned)
    moved = subject._replace(results=results, analysis=analyse(subject.plan, results, subject.choices))
    shown = uncertainty.show_protocols(moved)
    assert "Effects differ from the headline protocol's by <code>colour=grey</code>" in shown
    assert "all of it within the margin" not in shown
    assert "a: yes" in shown


def test_an_interaction_names_the_options_of_a_detail_that_has_several() -> None:
    plan = declare(make_plan({"a": ["no", "yes", "maybe"], "b": ["no", "yes"]}, "full_factorial", seeds=3))
    results = simulate(plan, linear(), ONE)
    shown = effects.show_interactions(Subject(plan, results, analyse(plan, results), {}))
    assert "a=yes x b" in shown
    assert "a=maybe x b" in shown


def test_failure_rates_and_stand_ins_are_said() -> None:
    plan = declare(make_plan(two_levels(2), "one_at_a_time", seeds=8, rows=[{"a": "yes"}, {"b": "yes"}], metrics=2))
    results = simulate(plan, linear(), ONE, failed=[f"v1-s{seed}" for seed in range(7)])
    subject = Subject(plan, results, analyse(plan, results), {})
    shown = re.sub(r"<[^>]*>", " ", runs.show_failures(subject))
    assert "changes the failure rate" in shown
    assert "7 of 8" in shown
    assert "Boschloo" in shown
    stand_ins = subject.take(subject.analysis.noise, "m1")["stand_in"].iloc[0]
    assert f"{stand_ins:.2f} in  m1" in shown
    assert "permutation of variants" in runs.show_failures(make_subject(arms_failed=2))


def test_a_spread_that_changes_is_a_finding() -> None:
    plan = declare(make_plan(two_levels(2), "one_at_a_time", seeds=16, rows=[{"a": "yes"}, {"b": "yes"}]))
    results = simulate(plan, linear(), ONE)
    assert "No option was found to change" in stability.show_stability(
        Subject(plan, results, analyse(plan, results), {})
    )
    wide = results.rows["run"].str.startswith("v1-")
    results.rows.loc[wide, "value"] += 9 * (results.rows.loc[wide, "value"] - 20)
    shown = stability.show_stability(Subject(plan, results, analyse(plan, results), {}))
    assert "spread over seeds is changed by <code>a</code> (<code>m0</code>)" in shown
    assert "allow for skewed noise" in shown
