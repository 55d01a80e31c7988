"""A judgement on a stack, or the plan of its runs, as a page: the look of a study's, with the sections that it has."""

import html
from collections.abc import Sequence

from repro.audit.page.notebook import fill_page
from repro.audit.page.section import SECTIONS
from repro.audit.page.stack import stack_html
from repro.audit.page.subject import Subject, note, paragraph
from repro.audit.page.tables import table_html
from repro.judge.declaration import Declaration
from repro.judge.stack import StackJudgement
from repro.judge.stack_plan import StackPlan
from repro.judge.stack_showing import summarise_plan

_SHOWN = ("curve", "effects", "interactions", "variance", "design", "failures", "runs")
"""Sections of a study's page that say something of a table of a stack."""
_CAUTION = "Found, not planned: exploratory. Which of many tables, outcomes and margins was looked at is not known."


def answers_page(found: StackJudgement, declared: Declaration) -> str:
    """Returns the page of a judgement."""
    judged = found.judged
    assert judged.plan is not None
    assert judged.results is not None
    assert judged.analysis is not None
    body = [stack_html(found.answer), note(_CAUTION)]
    if found.further:
        body.append(f"<h2>What to run next</h2>{_show_plan(found.further)}")
    body.append(f"<h2>How the table was read</h2>{_listed(found.said)}")
    subject = Subject(judged.plan, judged.results, judged.analysis, {})
    body += [
        f"<h2>{html.escape(section.heading)}</h2>{section.make(subject)}"
        for section in SECTIONS
        if section.name in _SHOWN
    ]
    return _page(declared, body)


def plan_page(plan: StackPlan, declared: Declaration) -> str:
    """Returns the page of a plan: why there is no verdict, and the runs that would tell."""
    return _page(declared, [note(html.escape(f"No verdict: {plan.reason}.")), _show_plan(plan)])


def _show_plan(plan: StackPlan) -> str:
    said = [f"{plan.seeds} seeds: {plan.why_seeds}", *plan.aliases, *plan.said]
    table = plan.runs.set_index("run")
    return paragraph(html.escape(f"{summarise_plan(plan)}.")) + _listed(said) + table_html(table, "The runs")


def _page(declared: Declaration, body: Sequence[str]) -> str:
    title = f"Which parts of the stack are needed: {declared.table.rpartition('/')[2]}"
    return fill_page(html.escape(title), "\n".join([f"<h1>{html.escape(title)}</h1>", *body]))


def _listed(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(sentence)}</li>' for sentence in sentences)}</ul>" if sentences else ""
