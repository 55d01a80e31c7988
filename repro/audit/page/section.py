"""A section of a report's page: its place, its heading, and what writes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        name: short, as the notebook calls it.
        heading: as the reader sees it; empty: none of its own.
        show: "module:function", which takes the `Subject` and returns HTML.
        after: the section that it follows; empty: the one before it in its list.
    """

    name: str
    heading: str
    show: str
    after: str = ""
