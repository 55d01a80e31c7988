"""Section on the ledger: what the paper says of each detail, and where each option was read."""

import html
from collections.abc import Iterable

from repro.audit.counted import count_of
from repro.audit.ledger.choice import Choice, show_value
from repro.audit.page.colours import SOURCE
from repro.audit.page.subject import Subject, badge, code, paragraph

DEFENSIBLE = {"E": "equally defensible", "N": "not equally defensible", "U": "uncertain"}
"""How options stand to each other, in words (Del Giudice & Gangestad 2021)."""


def show_ledger(subject: Subject) -> str:
    """Returns the varied details with their verdicts, and the whole ledger folded away."""
    verdicts = subject.take(subject.analysis.verdicts)
    found = dict(zip(verdicts["detail"], verdicts["verdict"], strict=True)) if len(verdicts) else {}
    others = [key for key in subject.choices if key not in subject.plan.levels]
    if subject.plan.levels:
        shown = source_legend() + _entries(subject, subject.plan.levels, found)
    else:
        shown = paragraph("This study varies no detail of the ledger: its arms are controls.") + source_legend()
    if not others:
        return shown
    return shown + (
        f"<details><summary>{count_of(len(others), 'detail')} that this study does not vary</summary>"
        f"{_entries(subject, others, {})}</details>"
    )


def source_legend() -> str:
    """Returns which colour says where an option was read."""
    return paragraph(f"Where an option was read: {' '.join(_kind(kind) for kind in SOURCE)}")


def _kind(kind: str) -> str:
    return f'<span class="source" style="--kind:{SOURCE[kind]}">{kind}</span>'


def _entries(subject: Subject, keys: Iterable[str], verdicts: dict[str, str]) -> str:
    return "".join(_entry(subject, key, verdicts.get(key, "")) for key in keys)


def _entry(subject: Subject, key: str, verdict: str) -> str:
    choice = subject.choices.get(key)
    head = f"<p>{code(key)} {badge(verdict) if verdict else ''}</p>"
    if choice is None:
        return f'<div class="entry"><div>{head}</div></div>'
    said = (
        f"{paragraph(html.escape(choice.question))}"
        f"<p><small>The paper: {choice.paper}. Options: {DEFENSIBLE[choice.defensible]}.</small></p>"
    )
    return f'<div class="entry"><div>{head}{said}</div>{_options(subject, key, choice)}</div>'


def _options(subject: Subject, key: str, choice: Choice) -> str:
    baseline = subject.plan.levels.get(key, [subject.plan.values.get(key)])[0]
    varied = {show_value(option) for option in subject.plan.levels.get(key, [])}
    lines = []
    for option, sources in choice.options.items():
        text = show_value(option)
        mark = "<b>baseline</b> " if text == show_value(baseline) else "compared " if text in varied else ""
        read = "; ".join(f"{_kind(source.kind)} {html.escape(source.where)}" for source in sources)
        lines.append(f"<li>{code(text)} {mark}<small>{read}</small></li>")
    return f"<ul class='options'>{''.join(lines)}</ul>"
