"""A judgement as one page: the verdicts on its first screen, then the sections of a study's page that it can fill."""

import html

import pandas as pd

from repro.audit.page.claims import show_opening
from repro.audit.page.notebook import fill_page
from repro.audit.page.section import SECTIONS
from repro.audit.page.subject import Subject, badge, note, paragraph
from repro.audit.page.tables import table_html
from repro.judge.judgement import Judgement
from repro.judge.lines import Line, count_verdicts, list_lines
from repro.judge.showing.sentences import NOISE, list_sections, name_table, tell_counts, tell_noise

LEFT_OUT = frozenset(
    {"title", "opening", "verdicts", "claims", "ledger", "stability", "protocols", "cost", "questions"}
)
"""Sections of a study's page that say nothing here: no claims, no ledger, no half of the training, no authors."""
FIRST_SCREEN = 8
"""Sentences on options that are open; the others are behind a fold."""
MINUS = "\N{MINUS SIGN}"


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
        if heading == NOISE:
            continue
        items = "".join(f"<li>{_show_text(sentence)}</li>" for sentence in sentences)
        body.append(f"<h2>{heading.capitalize()}</h2><ul>{items}</ul>")
    body += _show_study(found)
    roles = pd.DataFrame([column._asdict() for column in found.columns]).set_index("name")
    body.append(f"<h2>Columns</h2>{table_html(roles, 'How the table was read; judge.yaml says it as well')}")
    return fill_page(html.escape(title), "\n".join(body))


def _show_lines(found: Judgement) -> str:
    """Returns a sentence an option, those of a detail together, the first of them open."""
    counted = count_verdicts(found)
    if found.refused or not counted:
        return ""
    lines, said = list_lines(found), zip(counted, tell_counts(found), strict=True)
    counts = " · ".join(f'<span class="verdict {name}">{text}</span>' for name, text in said)
    first, more = lines[:FIRST_SCREEN], lines[FIRST_SCREEN:]
    fold = f"<details><summary>{len(more)} more</summary>{_show_groups(more, found)}</details>" if more else ""
    return paragraph(counts) + _show_groups(first, found) + fold


def _show_groups(lines: list[Line], found: Judgement) -> str:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        number = f"{line.estimate:+.4g} {found.declared.outcomes[line.outcome].unit}".rstrip()
        span = line.interval if line.interval == "no interval" else f"95 % {line.interval}"
        numbers = f"{number} ({span}), {line.chance}".replace("-", MINUS)
        told = f"{line.outcome} {numbers}, n = {line.n} and {line.n_baseline}"
        groups.setdefault((line.outcome, line.detail, line.baseline), []).append(
            f"<div><dt>{badge(line.verdict)} {html.escape(line.option)}</dt><dd>{html.escape(told)}</dd></div>"
        )
    return "".join(
        f'<h4>{html.escape(detail)}, against {html.escape(baseline)}</h4><dl class="reasons">{"".join(items)}</dl>'
        for (_, detail, baseline), items in groups.items()
    )


def _show_text(sentence: str) -> str:
    return html.escape(sentence).replace("\n", "<br>")


def _show_opening(found: Judgement) -> str:
    """Returns what was found, with the caution that nobody planned it."""
    if found.plan is None or found.results is None or found.analysis is None:
        return note("<b>Exploratory: found, not planned.</b> No plan was frozen before these runs.")
    noise = f"Noise: {tell_noise(found)}." if found.noise.df else ""
    meant = f" Where this page says seed, it is the {found.word} that is meant." if found.word != "seed" else ""
    if any(len(known) > 2 for known in found.plan.levels.values()):
        meant += " Verdicts above are on options; below, a detail is equivalent only if all its options are."
    return show_opening(Subject(found.plan, found.results, found.analysis, {})) + paragraph(f"{noise}{meant}")


def _show_study(found: Judgement) -> list[str]:
    if found.plan is None or found.results is None or found.analysis is None:
        return []
    subject = Subject(found.plan, found.results, found.analysis, {})
    return [
        (f"<h2>{html.escape(section.heading)}</h2>" if section.heading else "") + section.make(subject)
        for section in SECTIONS
        if section.name not in LEFT_OUT
    ]
