"""Reading the log of a loop: which column is what, and what its words say.

A log is what karpathy/autoresearch's agents write as results.tsv (commit, val_bpb, memory_gb, status keep | discard |
crash, description; a row a run, a crash is 0.000000), or anything near it. It may be read while it is written: a last
line without an end that lacks fields is left out, and said.
"""

import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from repro.errors import UserError
from repro.judge.loop_records import Run

if TYPE_CHECKING:
    import pandas as pd

IDEA: Final = ("commit", "idea", "change", "description")
STATUS: Final = "status"
Said = Literal["keep", "discard", "crash", ""]
WORDS: Final[Mapping[str, Said]] = {
    **dict.fromkeys(("keep", "kept"), "keep"),
    **dict.fromkeys(("discard", "discarded"), "discard"),
    **dict.fromkeys(("crash", "crashed"), "crash"),
    **dict.fromkeys(("", "repeat"), ""),
}
"""What a log may say of a run."""
_NOT_METRICS: Final = frozenset(
    ("memory", "mem", "vram", "gb", "mb", "seed", "step", "time", "second", "sec", "duration", "id", "run", "trial")
)
_LOWER: Final = ("loss", "err", "bpb", "perplexity", "ppl", "nll", "mse", "rmse", "mae", "wer", "fid")
_HIGHER: Final = ("acc", "score", "auc", "f1", "bleu", "reward", "return", "precision", "recall")


class Columns(NamedTuple):
    """Names of the columns of a log."""

    idea: str
    metric: str
    status: str
    """Empty: there is none, so that nothing is said of any run."""


class Log(NamedTuple):
    """A log as it was read."""

    runs: list[Run]
    metric: str
    lower_is_better: bool
    note: str
    """What was left out."""


def read_log(
    source: "str | Path | pd.DataFrame",
    *,
    lower_is_better: bool | None = None,
    metric: str = "",
    tracking_uri: str | None = None,
) -> Log:
    """Reads a log.

    Args:
        source: what `table.read_table` reads, or a table.
        lower_is_better: None: by the metric's name (loss, error, bpb, ... or accuracy, score, ...).
        metric: its column; empty: the first of numbers that is not named like memory, time or a seed.
        tracking_uri: of MLflow.

    Raises:
        UserError: there is no such table, it lacks columns, a word of its status is unknown, or a value is no number.
    """
    import pandas as pd

    table, note = (source, "") if isinstance(source, pd.DataFrame) else _read_complete(str(source), tracking_uri)
    names = {str(name).strip().lower(): str(name) for name in table.columns}
    numbers = [str(name) for name in table.columns if pd.to_numeric(table[name], errors="coerce").notna().any()]
    columns = find_columns(names, numbers, metric)
    said_of = table[columns.status] if columns.status else pd.Series("", table.index)
    words = said_of.fillna("").astype(str).str.strip().str.lower().tolist()
    ideas = table[columns.idea].fillna("").astype(str).str.strip().tolist()
    values = pd.to_numeric(table[columns.metric], errors="coerce").astype(float).tolist()
    runs = []
    for row, (idea, value, word) in enumerate(zip(ideas, values, words, strict=True), start=1):
        if word not in WORDS:
            raise UserError(f"row {row}: status {word!r} is unknown\n  expected keep, discard, crash or nothing")
        if not idea:
            raise UserError(f"row {row}: {columns.idea} is empty\n  expected the name of what was run")
        said = WORDS[word]
        if not math.isfinite(value) and said != "crash":
            shown = table[columns.metric].iloc[row - 1]
            raise UserError(f"row {row}: {columns.metric} is {shown!r}\n  expected a number, or the status crash")
        runs.append(Run(idea, math.nan, "") if said == "crash" else Run(idea, value, said))
    if lower_is_better is None:
        lower_is_better = _find_direction(columns.metric)
    return Log(runs, columns.metric, lower_is_better, note)


def find_columns(names: Mapping[str, str], numbers: Sequence[str], metric: str = "") -> Columns:
    """Finds the columns of a log.

    Args:
        names: in lower case, and as they are.
        numbers: those that hold numbers.
        metric: empty: the first of numbers that can be one.

    Raises:
        UserError: there are none.
    """
    idea = next((name for name in IDEA if name in names), "")
    shown = ", ".join(names.values())
    if not idea:
        raise UserError(f"no log of a loop: columns are {shown}\n  expected commit (or idea), a metric and status")
    taken = {names[idea], names.get(STATUS), names.get("description")}
    free = [name for name in numbers if name not in taken and not _NOT_METRICS & _split(name)]
    if metric and metric not in names.values():
        raise UserError(f"there is no column {metric}\n  expected one of {shown}")
    if not metric and not free:
        raise UserError(f"no column of numbers is a metric: {shown}\n  name it with --outcome")
    return Columns(names[idea], metric or free[0], names.get(STATUS, ""))


def _split(name: str) -> set[str]:
    """Returns the words of a name, singular."""
    return {word.removesuffix("s") for word in re.split(r"[^a-z]+", name.lower())}


def _find_direction(metric: str) -> bool:
    low, high = (any(word in metric.lower() for word in words) for words in (_LOWER, _HIGHER))
    if low == high:
        raise UserError(f"is a lower {metric} better?\n  say it with --outcome {metric}:lower or {metric}:higher")
    return low


def _read_complete(source: str, tracking_uri: str | None) -> "tuple[pd.DataFrame, str]":
    """Reads a table without a last line that is being written."""
    from repro.judge.table import read_table

    file = Path(source)
    if file.suffix.lower() not in (".tsv", ".csv", ".txt") or not file.is_file():
        return read_table(source, tracking_uri), ""
    data = file.read_bytes()
    lines = data.splitlines()
    separator = b"\t" if lines and b"\t" in lines[0] else b","
    if data[-1:] in (b"", b"\n", b"\r") or len(lines) < 2 or lines[-1].count(separator) >= lines[0].count(separator):
        return read_table(source, tracking_uri), ""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / file.name
        whole.write_bytes(data[: -len(lines[-1])])
        return read_table(str(whole), tracking_uri), f"the last line of {file.name} is half written and was left out"
