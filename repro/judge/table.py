"""One tidy table, a row a run, from whatever people keep their runs in.

Files are read as text of their own encoding and separator; what a column holds is found here, what it is for in
`roles`. A number that can be read in two ways is refused, not guessed.
"""

import csv
import io
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pandas as pd

from repro.errors import UserError

MOST_BYTES = 2 * 1024**3
"""Of a file: beyond, a table is one of steps or items, not of runs."""
SEPARATORS = ",\t;|"
MLFLOW = "mlflow:"
WANDB = "wandb:"
_ABSENT = ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "None", "none", "<NA>", "#N/A"]
_EUROPEAN = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)


def read_table(source: str, tracking_uri: str | None = None) -> pd.DataFrame:
    """Reads a table.

    Args:
        source: a file (.csv, .tsv, .txt, .jsonl, .json, .parquet), `mlflow:EXPERIMENT`, or `wandb:ENTITY/PROJECT`.
        tracking_uri: of MLflow; None: its own default.

    Returns:
        Columns of numbers, booleans or text, in their order; whole rows and columns without a value are dropped.

    Raises:
        UserError: there is no such table, or it cannot be read in one way only.
    """
    if source.startswith(MLFLOW):
        table = _read_mlflow(source.removeprefix(MLFLOW), tracking_uri)
    elif source.startswith(WANDB):
        from repro.judge.found_wandb import search_wandb

        table = search_wandb(source.removeprefix(WANDB))
    else:
        file = Path(source)
        _check_file(file)
        match file.suffix.lower():
            case ".parquet" | ".pq":
                table = _read_parquet(file)
            case ".jsonl" | ".ndjson" | ".json":
                table = _read_json(file)
            case ".xlsx" | ".xls" | ".ods":
                raise UserError(f"{file} is a spreadsheet\n  save it as CSV, and judge that")
            case _:
                table = _read_text(file)
    table = table.dropna(how="all").dropna(axis="columns", how="all").reset_index(drop=True)
    if not len(table):
        raise UserError(f"{source} has no rows\n  expected a header and a row for each run")
    return table


def _check_file(file: Path) -> None:
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


def _decode(file: Path) -> str:
    data = file.read_bytes()
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
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{file}, line {line}: no {encoding.removesuffix('-sig')}\n  save it as UTF-8") from None


def _read_text(file: Path) -> pd.DataFrame:
    text = _decode(file)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # what spreadsheets put first
        text, first = text.split("\n", 1)[1], ""
    separator = _find_separator(file, text)
    names = _read_header(file, text, separator)
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=0,
            names=names,
            index_col=False,
            keep_default_na=False,
            na_values=_ABSENT,
            low_memory=False,
            skip_blank_lines=True,
            on_bad_lines="error",
        )
    except pd.errors.ParserError as error:
        told = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if told:
            said = f"line {told[2]} has {told[3]} fields, the header {told[1]}"
            raise UserError(f"{file}: {said}\n  put text that holds a {_name(separator)} in quotes") from None
        raise UserError(f"{file}: {' '.join(str(error).split())}\n  is a quote left open?") from None
    return _read_numbers(file, table)


def _find_separator(file: Path, text: str) -> str:
    """Returns the separator that gives the header the most fields, and the first lines as many."""
    lines = [line for line in text[:65536].split("\n")[:20] if line.strip()]
    if len(lines) > 20 or not lines:
        raise UserError(f"{file} has no lines")

    def fields(separator: str) -> tuple[bool, int]:
        counts = [len(row) for row in csv.reader(lines[:-1] if len(lines) > 2 else lines, delimiter=separator) if row]
        return len(set(counts)) == 1 and counts[0] > 1, counts[0]

    return max(SEPARATORS, key=fields)


def _read_header(file: Path, text: str, separator: str) -> list[str]:
    raw = next((row for row in csv.reader(io.StringIO(text), delimiter=separator) if row), [])
    names = [" ".join(name.split()) for name in raw]
    if all(_PLAIN.fullmatch(name) for name in names if name) and any(names):
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


def _read_numbers(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Turns columns of text that are numbers with a comma into numbers, where there is one way to read them."""
    for name in table.columns:
        if not pd.api.types.is_string_dtype(table[name]) and table[name].dtype != object:
            continue
        values = table[name].dropna().map(lambda value: str(value).strip())
        some = list(dict.fromkeys(values))
        if not some or not all(value[:1] in "+-.0123456789iI" for value in some):
            continue
        plain = [bool(_PLAIN.fullmatch(value)) for value in some]
        grouped = [bool(_GROUPED.fullmatch(value)) for value in some]
        european = [bool(_EUROPEAN.fullmatch(value)) for value in some]
        if all(plain):
            table[name] = pd.to_numeric(table[name])
        elif not any("," in value for value in some):
            continue
        elif all(a or b for a, b in zip(plain, grouped, strict=True)):
            if all(european) and not any("." in value for value in some):
                example = next(value for value in some if "," in value)
                raise UserError(
                    f"{file}, column {name!r}: {example} is {example.replace(',', '')} or {example.replace(',', '.')}\n"
                    "  write decimals with a point and thousands without a mark"
                )
            table[name] = pd.to_numeric(table[name].str.replace(",", "", regex=False))
        elif all(european):
            pointed = table[name].astype(str).str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            table[name] = pd.to_numeric(pointed.where(table[name].notna()))
    return table


def _read_json(file: Path) -> pd.DataFrame:
    import json

    text = _decode(file)
    rows: list[object] = []
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"{file}, line {error.lineno}: no JSON ({error.msg})") from None
    else:
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                rows += [json.loads(line)] if line.strip() else []
            except json.JSONDecodeError as error:
                raise UserError(f"{file}, line {number}: no JSON ({error.msg})\n  expected an object a line") from None
    odd = next((place for place, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise UserError(f"{file}: row {odd} is no object\n  expected {{...}} for each run")
    table = pd.json_normalize(rows)  # type: ignore[arg-type]
    for name in table.columns:
        if table[name].map(lambda value: isinstance(value, list | dict)).any():
            table[name] = table[name].map(lambda value: json.dumps(value) if isinstance(value, list | dict) else value)
    return table


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(f"{file}: parquet is read by pyarrow\n  pip install pyarrow, or save it as CSV") from None
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is no parquet: {' '.join(str(error).split())[:200]}") from None
    table.columns = [str(name) for name in table.columns]
    check_names(str(file), list(table.columns))
    return table


def _read_mlflow(experiment: str, tracking_uri: str | None) -> pd.DataFrame:
    try:
        from repro.tracking.found_runs import search_runs
    except ImportError:
        raise UserError("runs in MLflow are read by mlflow\n  install the extra: repro-audit[mlflow]") from None
    return search_runs(experiment, tracking_uri)


def _name(separator: str) -> str:
    return {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}[separator]
