"""A judgement as one page: the verdicts on its first screen, then the sections of a study's page that it can fill."""

import html
from importlib import import_module
from importlib.resources import files

import pandas as pd

from repro.audit.page.claims import show_opening
from repro.audit.page.notebook import PAGE
from repro.audit.page.section import SECTIONS
from repro.audit.page.subject import Subject, badge, note, paragraph
from repro.audit.page.tables import table_html
from repro.judge.lines import list_lines
from repro.judge.showing.sentences import list_sections, name_table
from repro.judge.verdicts import Judgement

LEFT_OUT = frozenset(
    {"title", "opening", "verdicts", "claims", "ledger", "stability", "protocols", "cost", "questions"}
)
"""Sections of a study's page that say nothing here: no claims, no ledger, no half of the training, no authors."""
FIRST_SCREEN = 8
"""Sentences on options that are open; the others are behind a fold."""


def show_page(found: Judgement) -> str:
    """Returns a judgement as HTML, with all that it needs inside."""
    outcome = next(iter(found.declared.outcomes))
    title = f"{outcome} of {name_table(found)}"
    body = [f"<h1>{html.escape(title)}</h1>"]
    if found.refused:
        body.append(paragraph(f"{badge('undecided')} No verdict: {_show_text(found.refused)}"))
    body.append(_show_lines(found))
    body.append(_show_opening(found))
    for heading, sentences in list_sections(found):
        items = "".join(f"<li>{_show_text(sentence)}</li>" for sentence in sentences)
        body.append(f"<h2>{heading.capitalize()}</h2><ul>{items}</ul>")
    body += _show_study(found)
    roles = pd.DataFrame([column._asdict() for column in found.columns]).set_index("name")
    body.append(f"<h2>Columns</h2>{table_html(roles, 'How the table was read; judge.yaml says it as well')}")
    style = files("repro.audit.page").joinpath("page.css").read_text(encoding="utf-8")
    return PAGE.format(title=html.escape(title), style=style, body="\n".join(body))


def _show_lines(found: Judgement) -> str:
    """Returns one sentence an option, the first of them open."""
    items = [f"<li>{_show_verdict(line.verdict, line.sentence)}</li>" for line in list_lines(found)]
    first, more = items[:FIRST_SCREEN], items[FIRST_SCREEN:]
    fold = f"<details><summary>{len(more)} more</summary><ul>{''.join(more)}</ul></details>" if more else ""
    return f"<ul>{''.join(first)}</ul>{fold}" if first else ""


def _show_verdict(verdict: str, sentence: str) -> str:
    return f"{badge(verdict)}{html.escape(sentence.removeprefix(verdict))}"


def _show_text(sentence: str) -> str:
    return html.escape(sentence).replace("\n", "<br>")


def _show_opening(found: Judgement) -> str:
    """Returns what was found, with the caution that nobody planned it."""
    if found.plan is None or found.results is None or found.analysis is None:
        return note("<b>Exploratory: found, not planned.</b> No plan was frozen before these runs.")
    meant = f" Where this page says seed, it is the {found.word} that is meant." if found.word != "seed" else ""
    return show_opening(Subject(found.plan, found.results, found.analysis, {})) + (paragraph(meant) if meant else "")


def _show_study(found: Judgement) -> list[str]:
    if found.plan is None or found.results is None or found.analysis is None:
        return []
    subject, shown = Subject(found.plan, found.results, found.analysis, {}), []
    for section in SECTIONS:
        if section.name not in LEFT_OUT:
            module, _, function = section.show.partition(":")
            part = getattr(import_module(module), function)(subject)
            shown.append((f"<h2>{html.escape(section.heading)}</h2>" if section.heading else "") + part)
    return shown
