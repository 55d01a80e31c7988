"""Claims by task on the page, and the survival of claims; a study without tasks has no word of them."""

import re
from typing import Any

import pandas as pd
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.page.claims import show_claims
from repro.audit.page.subject import Subject
from repro.audit.page.tasks import show_tasks
from repro.audit.statistics.analysis import analyse
from repro.audit.study.declaration import Study

CLAIM = {"text": "a <b> helps", "metric": "m0", "detail": "a", "better": "yes", "than": "no", "source": "Table 1"}


def make_subject(units: tuple[int, ...] = (1, 1, 1), tasks: bool = True, **claim: Any) -> Subject:
    plan = make_plan(two_levels(3), "full_factorial", seeds=4)
    study = Study.model_validate(plan.declaration | {"claims": [CLAIM | claim]})
    plan = plan.model_copy(update={"declaration": study.model_dump(mode="json")})
    drawn = [simulate(plan, linear(a=2 + place), Noise(run=0.3), seed=place) for place in range(len(units))]
    rows = [
        one.rows.assign(task=f"<t{place}>", value=one.rows["value"] * unit)
        for place, (one, unit) in enumerate(zip(drawn, units, strict=True))
    ]
    results = drawn[0]._replace(rows=pd.concat(rows) if tasks else drawn[0].rows)
    return Subject(plan, results, analyse(plan, results), {})


def read(shown: str) -> str:
    return re.sub(r"<[^>]*>", "", shown).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("units", "claim", "said"),
    [
        ((1, 1, 1), {}, "the tasks as a sample"),
        ((1000, 1, 1), {}, "no mean over the 3 tasks: 100 % of it lies in 1 of 3 tasks (&lt;t0&gt;)"),
        ((1000, 1, 1), {"scale": "per_task_sd", "margin": 1.0}, "difference: SD over seeds"),
        ((1000, 1, 1), {"scale": "baseline_ratio", "margin": 0.01}, "difference: of the other option"),
    ],
    ids=["alike", "unlike", "SD", "ratio"],
)
def test_each_task_has_a_line(units, claim, said) -> None:
    subject = make_subject(units, **claim)
    shown = show_tasks(subject)
    assert "<t0>" not in shown
    assert "a <b>" not in shown
    text = read(shown)
    assert said in text
    assert not re.search(r"\bnan\b|\binf\b", text)
    assert shown.count('<th scope="row">') == 4
    assert shown.count("<img") == (0 if "no mean" in said else 1)


def test_numbers_are_those_of_the_table() -> None:
    subject = make_subject()
    tasks = subject.analysis.tasks
    moved = tasks.assign(estimate=tasks["estimate"] + 1)
    for table in (tasks, moved):
        shown = show_tasks(subject._replace(analysis=subject.analysis._replace(tasks=table)))
        assert all(f">{value:+.2f}</a>" in shown for value in table["estimate"])


def test_without_tasks_nothing_is_said_of_them() -> None:
    subject = make_subject(tasks=False)
    assert show_tasks(subject) == ""
    assert "task" not in read(show_claims(subject))


def test_survival_stands_beside_the_verdict() -> None:
    subject = make_subject(tasks=False)
    claims = subject.analysis.claims
    assert "100% (100% to 100%)" in read(show_claims(subject))
    less = claims.assign(survival=0.25, survival_low=0.125)
    assert "25% (12% to 100%)" in read(show_claims(subject._replace(analysis=subject.analysis._replace(claims=less))))
    unknown = claims.assign(survival=float("nan"), survival_note="one at a time")
    shown = read(show_claims(subject._replace(analysis=subject.analysis._replace(claims=unknown))))
    assert "not known one at a time" in shown
