"""A judgement for a terminal: the verdicts first, then how the table was read."""

import textwrap

from repro.judge.declaration import NAME
from repro.judge.judgement import Judgement
from repro.judge.lines import list_lines
from repro.judge.showing.sentences import list_sections, name_table, tell_counted

WIDTH = 110
MOST_LINES = 20
"""Options that are told of; the others are counted."""
MOST_COLUMNS = 40


def show_table(found: Judgement) -> str:
    """Returns a judgement as text, without what a terminal would take for a command."""
    outcome = next(iter(found.declared.outcomes))
    told = [line.sentence for line in list_lines(found)]
    if len(told) > MOST_LINES:
        told = [*told[:MOST_LINES], f"... {len(told) - MOST_LINES} more: --out DIR"]
    parts = [
        f"{outcome} of {name_table(found)}: {tell_counted(found)}",
        _list("", told),
        *(_list(heading, sentences) for heading, sentences in list_sections(found)),
        _show_roles(found),
    ]
    text = "\n\n".join(part for part in parts if part)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _show_roles(found: Judgement) -> str:
    names = [_cut(column.name, 32) for column in found.columns]
    wide, role = max(map(len, names), default=0), max(len(column.role) for column in found.columns)
    rows = [
        f"  {name:<{wide}}  {column.role:<{role}}  {column.levels:>6}  {_cut(column.why, 60)}"
        for name, column in zip(names, found.columns, strict=True)
    ]
    more = [f"  ... {len(rows) - MOST_COLUMNS} more in {NAME}"] if len(rows) > MOST_COLUMNS else []
    return "\n".join([f"  {'column':<{wide}}  {'role':<{role}}  levels  why", *rows[:MOST_COLUMNS], *more])


def _list(heading: str, sentences: list[str]) -> str:
    items = [textwrap.fill(item, WIDTH, initial_indent="- ", subsequent_indent="  ") for item in sentences]
    return "\n".join([f"{heading}:", *items] if heading and items else items)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
