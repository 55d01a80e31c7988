"""Whom to cite: authors, licence and papers as a project's CITATION.cff has them.

Source: Citation File Format 1.2.0. Nobody is invented: without the file the authors are the case's contributors.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from repro.audit.ledger.yaml_text import parse_yaml
from repro.errors import UserError

FILE = "CITATION.cff"


class Paper(NamedTuple):
    """A paper: title, authors in one line, year (0: unknown), where it appeared, and its address or none."""

    title: str
    authors: str
    year: int
    venue: str
    url: str

    def properties(self) -> dict[str, str]:
        """Returns what a crate says of it; what is unknown is left out."""
        told = {"name": self.title, "creditText": self.show(), "datePublished": str(self.year or "")}
        return {name: value for name, value in told.items() if value}

    def show(self) -> str:
        """Returns the paper in one line."""
        return ". ".join(filter(None, [self.authors, self.title, f"{self.venue} {self.year or ''}".strip()])) + "."


class Citation(NamedTuple):
    """What a project says of itself.

    Attributes:
        authors: kind (Person or Organization) and name.
        licence: SPDX identifier; empty: none is said.
        papers: that it refers to.
    """

    authors: list[tuple[str, str]]
    licence: str
    papers: list[Paper]


def read_citation(text: bytes | None, case: str) -> Citation:
    """Reads a citation file.

    Args:
        text: of the file; None: there is none.
        case: name of the case, for its contributors.

    Raises:
        UserError: it is no such file.
    """
    if text is None:
        return Citation([("Organization", f"{case} contributors")], "", [])
    try:
        told = parse_yaml(text.decode(), FILE)
        authors = [_author(item) for item in told["authors"]]
        return Citation(authors, str(told.get("license", "")), [_paper(item) for item in told.get("references", ())])
    except (UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{FILE} cannot be read ({' '.join(str(error).split())})\n  expected Citation File Format 1.2"
        ) from None


def _author(told: Mapping[str, Any]) -> tuple[str, str]:
    if "name" in told:
        return "Organization", str(told["name"])
    return "Person", " ".join(str(told[part]) for part in ("given-names", "family-names") if part in told)


def _paper(told: Mapping[str, Any]) -> Paper:
    doi = f"https://doi.org/{told['doi']}" if "doi" in told else ""
    venue = told.get("journal") or (told.get("conference") or {}).get("name") or told.get("collection-title") or ""
    authors = ", ".join(_author(item)[1] for item in told.get("authors", ()))
    return Paper(str(told["title"]), authors, int(told.get("year", 0)), str(venue), doi or str(told.get("url", "")))
