"""What a page says, number by number: each under the place where a reader finds it.

Numbers, verdicts and values in code are compared. Words are told where they differ and decide nothing: a page is not
wrong because a sentence is put better.
"""

import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Final, NamedTuple

from repro.audit.page.runs import NOT_PUBLISHED

_SECTION: Final = re.compile(r'<section data-section="([^"]+)">(.*?)</section><!-- \1 -->', re.DOTALL)
_HEADING: Final = re.compile("<h2>([^<]*)</h2>")
NUMBER: Final = re.compile(r"[+\-\N{MINUS SIGN}]?\d+(?:\.\d+)?(?:e[+\-]?\d+)?%?")
_BLOCKS: Final = frozenset(
    ("p", "li", "dt", "dd", "td", "th", "summary", "figcaption", "h1", "h2", "h3", "h4", "small")
)
_WORDS: Final = 6
"""So many of a block's words tell which one it is."""


class Said(NamedTuple):
    """What stands at one place of a page.

    Attributes:
        where: the place, in words: caption, row and column, or the first words of a sentence.
        values: its numbers, verdicts and values in code, in their order.
    """

    where: str
    values: tuple[str, ...]


class Picture(NamedTuple):
    """A picture inside a page: what it shows, in words, and its SHA-256."""

    where: str
    sha256: str


class SectionText(NamedTuple):
    """What a section says by place, its pictures, and the words of its blocks without what is compared."""

    said: dict[tuple[str, ...], Said]
    pictures: list[Picture]
    words: list[str]


def mark_section(name: str, source: str) -> str:
    """Returns a section's HTML with its name, by which it is found again."""
    return f'<section data-section="{name}">{source}</section><!-- {name} -->'


def find_sections(page: str) -> dict[str, str]:
    """Returns the HTML of each section of a page by its name, in the page's order."""
    return dict(_SECTION.findall(page))


def read_section(source: str) -> SectionText:
    """Returns the numbers and pictures of a section's HTML by place."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return SectionText(reader.said, reader.pictures, reader.words)


def read_frame(page: str) -> tuple[list[str], list[str]]:
    """Returns what a page's body says outside its sections: the headings, and whatever else somebody has added."""
    _, _, frame = _SECTION.sub("", page).partition("<body>")
    return _HEADING.findall(frame), read_section(_HEADING.sub("", frame)).words


def numbers_of(values: tuple[str, ...]) -> list[str]:
    """Returns the numbers among values, without sign and percent."""
    found = [number for value in values for number in NUMBER.findall(value)]
    return [number.lstrip("+-\N{MINUS SIGN}").rstrip("%") for number in found]


class _Block:
    """A block of text that is being read: its tag, text, values, and the text between them."""

    def __init__(self, tag: str) -> None:
        self.tag, self.text, self.values, self.words = tag, "", list[str](), ""


class _Reader(HTMLParser):
    """Walks over a section and notes each block's values under its place."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: dict[tuple[str, ...], Said] = {}
        self.pictures: list[Picture] = []
        self.words: list[str] = []
        self._open = [_Block("text")]
        self._linked = False
        """Inside a link of a table, which leads to where a run was published, and is not kept: it is read as none."""
        self._whole: str | None = None
        """The tag of a value that is taken whole: code, or a verdict's span."""
        self._places: Counter[tuple[str, ...]] = Counter()
        self._tables, self._caption, self._title = 0, "", ""
        self._headers: list[str] = []
        self._row, self._column, self._in_head = "", 0, False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        match tag:
            case "table":
                self._tables, self._headers = self._tables + 1, []
                self._caption, self._title = self._title or f"table {self._tables}", ""
            case "thead":
                self._in_head = True
            case "tr":
                self._row, self._column = given.get("id", ""), 0
            case "img":
                digest = hashlib.sha256(given.get("src", "").encode()).hexdigest()
                self.pictures.append(Picture(given.get("alt", ""), digest))
            case "code":
                self._start_value(tag)
            case "a":
                self._linked = self._open[-1].tag == "td"
            case "span" if given.get("class", "").startswith("verdict"):
                self._start_value(tag)
            case _ if tag in _BLOCKS:
                self._open.append(_Block(tag))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._whole:
            self._whole = None
        elif tag == "a":
            self._linked = False
        elif tag == "thead":
            self._in_head = False
        elif tag in _BLOCKS and any(block.tag == tag for block in self._open[1:]):
            while (block := self._open.pop()).tag != tag:
                self._note(block)
            self._note(block)

    def handle_data(self, data: str) -> None:
        block = self._open[-1]
        block.text += data
        if self._whole is not None:
            block.values[-1] += data
        else:
            block.values += NUMBER.findall(data)
            block.words += NOT_PUBLISHED if self._linked else NUMBER.sub(" ", data)

    def close(self) -> None:
        super().close()
        while self._open:
            self._note(self._open.pop())

    def _start_value(self, tag: str) -> None:
        if self._whole is None:
            self._whole = tag
            self._open[-1].values.append("")

    def _note(self, block: _Block) -> None:
        text = " ".join(block.text.split())
        if words := " ".join(block.words.split()):
            self.words.append(words)
        if block.tag == "figcaption":
            self._title = text
        if block.tag == "th" and self._in_head:
            self._headers.append(text)
        elif block.tag == "th":
            self._row = self._row or text
        place: tuple[str, ...] = (block.tag,)
        where = " ".join(re.findall(r"[^\W\d_][\w-]*", text)[:_WORDS])
        if block.tag == "td":
            self._column += 1
            column = self._headers[self._column] if self._column < len(self._headers) else f"column {self._column}"
            place = ("td", str(self._tables), self._row, column)
            where = f"{self._caption}: {self._row}, {column}"
        self._places[place] += 1
        if block.values:
            self.said[*place, str(self._places[place])] = Said(where or block.tag, tuple(block.values))
