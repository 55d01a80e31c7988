"""The header of a table of text: its separator, the names of its columns, and what tools put around both.

Read are CSV and its relatives, tables of Markdown too; passed over are lines of comment before the header, and a header
that comes again where files were put together. Loads nothing heavy.
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from repro.errors import UserError
from repro.judge.table_file import read_text

SEPARATORS = ",\t;|"
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
"""A number."""
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
"""The line below the header of a table in Markdown."""


class Headed(NamedTuple):
    """A table of text.

    Attributes:
        text: from its header on.
        separator: of fields.
        names: of columns.
    """

    text: str
    separator: str
    names: list[str]


def read_headed(file: Path) -> Headed:
    """Reads the text of a table and its header.

    Raises:
        UserError: there is no header.
    """
    text = _strip(read_text(file))
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # what a long field holds is told of later
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<table")):
        raise UserError(f"{file} is a page of HTML\n  save the table as CSV, and judge that")
    separator = _find_separator(file, text)
    return Headed(text, separator, _read_header(file, text, separator))


def list_numbers(table: Headed) -> list[str]:
    """Returns the names of columns whose first value is a number."""
    rows = csv.reader(io.StringIO(table.text), delimiter=table.separator)
    _, first = next(rows, []), next((row for row in rows if any(row)), [])
    return [name for name, value in zip(table.names, first, strict=False) if _is_number(value)]


def _strip(text: str) -> str:
    """Returns a text from its header on: without what spreadsheets, comments, Markdown and joined files add."""
    first, _, rest = text.lstrip("\n").partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        return _strip(rest)
    if first.startswith("#"):
        text = _strip_comments(text.lstrip("\n").split("\n"))
    if first.lstrip().startswith("|"):
        text = _strip_bars(text.lstrip("\n").split("\n"))
    header, _, rest = text.lstrip("\n").partition("\n")
    if f"\n{header}\n" in f"\n{rest}\n" and len(header) > 1:
        text = "\n".join([header, *(line for line in rest.split("\n") if line != header)])
    return text


def _strip_comments(lines: Sequence[str]) -> str:
    """Leaves out comments before the header; the last of them may be the header itself, as numpy writes it."""
    place = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if place == len(lines):
        return ""
    last, first = lines[place - 1].lstrip("# "), lines[place]
    for separator in SEPARATORS:
        fields = first.split(separator)
        if len(fields) > 1 and len(last.split(separator)) == len(fields) and any(map(_is_number, fields)):
            return "\n".join([last, *lines[place:]])
    return "\n".join(lines[place:])


def _strip_bars(lines: Sequence[str]) -> str:
    kept = [line.strip().strip("|") for line in lines if line.strip() and not _RULE.fullmatch(line)]
    return "\n".join("|".join(field.strip() for field in line.split("|")) for line in kept)


def _is_number(text: str) -> bool:
    return bool(PLAIN.fullmatch(text.strip()))


def _find_separator(file: Path, text: str) -> str:
    """Returns the separator that gives the header the most fields, and the first lines as many."""
    lines = [line for line in text[:65536].split("\n")[:20] if line.strip()]
    if not lines:
        raise UserError(f"{file} has no lines")

    def fields(separator: str) -> tuple[bool, int]:
        counts = [len(row) for row in csv.reader(lines[:-1] if len(lines) > 2 else lines, delimiter=separator) if row]
        return len(set(counts)) == 1 and counts[0] > 1, counts[0]

    found = max(SEPARATORS, key=fields)
    spaced = [len(line.split()) for line in lines[:3]]
    if fields(found)[1] == 1 and min(spaced) > 1 and len(lines) > 1 and max(spaced) - min(spaced) <= 1:
        raise UserError(
            f"{file}: fields are kept apart by {'&' if '&' in lines[0] else 'spaces'}\n"
            "  expected commas, tabs, semicolons or bars (R: write.csv, pandas: to_csv)"
        )
    return found


def _read_header(file: Path, text: str, separator: str) -> list[str]:
    raw = next((row for row in csv.reader(io.StringIO(text), delimiter=separator) if row), [])
    names = [" ".join(name.split()) for name in raw]
    if all(PLAIN.fullmatch(name) for name in names if name) and any(names):
        raise UserError(f"{file}: its first line holds numbers\n  expected a header that names the columns")
    if len(names) > 2 and sum(map(bool, names)) == 1:
        title = next(filter(None, names))[:40]
        raise UserError(
            f"{file}: its first line names 1 of {len(names)} columns ({title!r})\n"
            "  expected a header; take away a title above it"
        )
    if _has_row_names(text, separator, len(names)):
        names = ["row", *names]
    names = [name or ("row" if not place else f"column {place + 1}") for place, name in enumerate(names)]
    check_names(str(file), names)
    return names


def _has_row_names(text: str, separator: str, width: int) -> bool:
    """Says whether rows have a name before the first field that the header does not count, as R writes them."""
    lines = [line for line in text.split("\n", 21)[:21] if line.strip()]
    rows = list(csv.reader(lines[1:20], delimiter=separator))
    return bool(rows) and width > 1 and all(len(row) == width + 1 and row[-1] for row in rows)


def check_names(source: str, names: Sequence[str]) -> None:
    """Refuses columns of one name."""
    twice = [name for place, name in enumerate(names) if name in names[:place]] if len(set(names)) < len(names) else []
    if twice:
        places = [place + 1 for place, name in enumerate(names) if name == twice[0]]
        raise UserError(
            f"{source}: columns {' and '.join(map(str, places[:2]))} are both called {twice[0]!r}\n"
            "  give every column a name of its own"
        )
