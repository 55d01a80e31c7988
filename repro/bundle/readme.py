"""Numbers that a README quotes from kept pages: each has to stand on a page that its section links to."""

import re
import tomllib
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from repro.case import PROJECT_FILE, import_attribute
from repro.kept.page import SectionText, numbers_of

_HEADING: Final = re.compile(r"^#{1,6} ", re.MULTILINE)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]*)\)")
_REPORT: Final = re.compile(r"reports/studies/([^/\s)]+)/study_report\.html")
_DECIMAL: Final = re.compile(r"\d+\.\d+")


class Quoted(NamedTuple):
    """A number in a text: its line, and the studies whose pages the section leads to."""

    line: int
    number: str
    studies: tuple[str, ...]


def read_lines() -> list[str]:
    """Returns the lines that the README of this project has to hold, as `[tool.repro] readme` makes them.

    Raises:
        UserError: what is named there cannot be imported.
    """
    try:
        settings = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))["tool"]["repro"]
    except (OSError, KeyError, ValueError):
        return []
    named = settings.get("readme")
    if not named:
        return []
    lines: list[str] = import_attribute(named, f"{PROJECT_FILE}: [tool.repro] readme")()
    return lines


def find_quoted(text: str) -> list[Quoted]:
    """Returns the decimal numbers of all sections of a Markdown text that link to a study's page; links hold none."""
    starts = [0, *(found.start() for found in _HEADING.finditer(text)), len(text)]
    quoted = []
    for start, end in pairwise(starts):
        section = text[start:end]
        studies = tuple(dict.fromkeys(_REPORT.findall(" ".join(_LINK.findall(section)))))
        if not studies:
            continue
        told = _LINK.sub(lambda link: " " * len(link[0]), section)
        quoted += [
            Quoted(text.count("\n", 0, start + found.start()) + 1, found[0], studies)
            for found in _DECIMAL.finditer(told)
        ]
    return quoted


def find_unfounded(quoted: list[Quoted], rebuilt: Callable[[str], Mapping[str, SectionText]]) -> list[str]:
    """Returns one line for each quoted number that no rebuilt page has, with the nearest that there is."""
    said, known = [], dict[str, set[str]]()
    for item in quoted:
        for study in item.studies:
            if study not in known:
                places = [said for section in rebuilt(study).values() for said in section.said.values()]
                known[study] = {number for place in places for number in numbers_of(place.values)}
        numbers = set().union(*(known[study] for study in item.studies))
        if item.number not in numbers:
            decimals = filter(_DECIMAL.fullmatch, numbers)
            nearest = min(decimals, key=lambda other: abs(float(other) - float(item.number)), default="none")
            said.append(
                f"line {item.line}: {item.number} is on no rebuilt page of {' and '.join(item.studies)}; "
                f"nearest: {nearest}"
            )
    return said
