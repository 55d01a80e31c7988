"""Where a table lies, what kind of file it is, and its header: all that can be said before anything heavy is loaded.

Text is read in its own encoding and with the separator that its header has. What is not there, is no table, or has no
such column is refused from here in a fraction of the time that the reading takes.
"""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from repro.errors import UserError
from repro.extras import require

MOST_BYTES = 2 * 1024**3
"""Of a file: beyond, a table is one of steps or items, not of runs."""
SEPARATORS = ",\t;|"
HEAD_BYTES = 1024**2
"""Of a file, that hold its header."""
PARQUET = (".parquet", ".pq")
JSON = (".jsonl", ".ndjson", ".json")
MLFLOW = "mlflow:"
WANDB = "wandb:"
EUROPEAN = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)


class Header(NamedTuple):
    """The first lines of a text file.

    Attributes:
        names: of its columns.
        numbers: those whose first value is a number.
    """

    names: list[str]
    numbers: list[str]


def check_source(source: str) -> None:
    """Checks that there is a table that can be read, without reading it: nothing heavy is loaded for that.

    Raises:
        UserError: there is no such file, it is no table, or its reader is not installed.
    """
    if source.startswith(MLFLOW):
        return require("mlflow")
    if source.startswith(WANDB):
        if len([part for part in source.removeprefix(WANDB).split("/") if part]) != 2:
            raise UserError(f"{source}: expected {WANDB}ENTITY/PROJECT")
        return require("wandb")
    file = Path(source)
    if file.is_dir():
        raise UserError(
            f"{file} is a folder\n  expected a table: CSV, TSV, JSON lines or parquet, or mlflow:EXPERIMENT"
        )
    if not file.is_file():
        remedy = f"judge {MLFLOW}EXPERIMENT, or a table exported from there" if ":" in str(file) else "check the path"
        raise UserError(f"{file}: no such file\n  {remedy}")
    size = file.stat().st_size
    if not size:
        raise UserError(f"{file} is empty\n  expected a header and a row for each run")
    if size > MOST_BYTES:
        raise UserError(f"{file} has {size / 1024**3:.1f} GiB, more than 2\n  keep one row for each run, the last step")
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise UserError(f"{file} is a spreadsheet\n  save it as CSV, and judge that")
    if file.suffix.lower() in PARQUET:
        require("parquet")
    return None


def read_header(source: str) -> Header | None:
    """Reads the first lines of a table that is a text file; None of others, or where the header has no end in them.

    Raises:
        UserError: they are no header.
    """
    file = Path(source)
    if source.startswith((MLFLOW, WANDB)) or file.suffix.lower() in (*PARQUET, *JSON):
        return None
    text = decode(file, HEAD_BYTES)
    if "\n" not in text.strip("\r\n"):
        return None
    text, separator, names = split_header(file, text)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    _, first = next(rows, []), next((row for row in rows if any(row)), [])
    return Header(names, [name for name, value in zip(names, first, strict=False) if _is_number(value.strip())])


def decode(file: Path, most: int = -1) -> str:
    """Returns the text of a file, or of its first bytes."""
    with file.open("rb") as stream:
        data = stream.read(most)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in data[:4096]:
        head = data[:4096]
        odd, even = head[1::2].count(0), head[::2].count(0)
        if max(odd, even) < len(head) // 4:
            raise UserError(f"{file} is no text: it has zero bytes\n  expected CSV, TSV, JSON lines or parquet")
        encoding = "utf-16-le" if odd > even else "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=most < 0)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{file}, line {line}: no {encoding.removesuffix('-sig')}\n  save it as UTF-8") from None


def split_header(file: Path, text: str) -> tuple[str, str, list[str]]:
    """Returns the text from its header on, its separator and the names of the columns."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # what spreadsheets put first
        text = text.lstrip("\r\n").partition("\n")[2]
    separator = _find_separator(file, text)
    return text, separator, _read_names(file, text, separator)


def _find_separator(file: Path, text: str) -> str:
    """Returns the separator that gives the header the most fields, and the first lines as many."""
    lines = [line for line in text[:65536].split("\n")[:20] if line.strip()]
    if len(lines) > 20 or not lines:
        raise UserError(f"{file} has no lines")

    def fields(separator: str) -> tuple[bool, int]:
        counts = [len(row) for row in csv.reader(lines[:-1] if len(lines) > 2 else lines, delimiter=separator) if row]
        return len(set(counts)) == 1 and counts[0] > 1, counts[0]

    return max(SEPARATORS, key=fields)


def _read_names(file: Path, text: str, separator: str) -> list[str]:
    raw = next((row for row in csv.reader(io.StringIO(text), delimiter=separator) if row), [])
    names = [" ".join(name.split()) for name in raw]
    if all(PLAIN.fullmatch(name) for name in names if name) and any(names):
        raise UserError(f"{file}: its first line holds numbers\n  expected a header that names the columns")
    names = [name or ("row" if not place else f"column {place + 1}") for place, name in enumerate(names)]
    check_names(str(file), names)
    return names


def check_names(source: str, names: Sequence[str]) -> None:
    """Refuses columns of one name."""
    twice = [name for place, name in enumerate(names) if name in names[:place]] if len(set(names)) < len(names) else []
    if twice:
        places = [place + 1 for place, name in enumerate(names) if name == twice[0]]
        raise UserError(
            f"{source}: columns {' and '.join(map(str, places[:2]))} are both called {twice[0]!r}\n"
            "  give every column a name of its own"
        )


def _is_number(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in (PLAIN, GROUPED, EUROPEAN))
