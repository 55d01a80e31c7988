"""One tidy table, a row a run, from whatever people keep their runs in.

Files are read as text of their own encoding and separator; what a column holds is found here, what it is for in
`roles`.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from repro.errors import UserError
from repro.judge.table_file import MOST_BYTES, find_suffix, read_text
from repro.judge.table_text import check_names, read_lines

MLFLOW = "mlflow:"
WANDB = "wandb:"


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
        match find_suffix(file):
            case ".parquet" | ".pq":
                table = _read_parquet(file)
            case ".jsonl" | ".ndjson" | ".json":
                table = _read_json(file)
            case ".xlsx" | ".xls" | ".ods":
                raise UserError(f"{file} is a spreadsheet\n  save it as CSV, and judge that")
            case _:
                table = read_lines(file)
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


def _read_json(file: Path) -> pd.DataFrame:
    rows = _read_rows(file, read_text(file))
    odd = next((place for place, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise UserError(f"{file}: row {odd} is no object\n  expected {{...}} for each run")
    table = pd.json_normalize(rows)
    for name in table.columns:
        if table[name].map(lambda value: isinstance(value, list | dict)).any():
            table[name] = table[name].map(lambda value: json.dumps(value) if isinstance(value, list | dict) else value)
    return table


def _read_rows(file: Path, text: str) -> list[Any]:
    """Returns the objects of a list, of lines, of the only list in an object, or of columns as pandas writes them."""
    lines = text.split("\n")
    if text.lstrip().startswith("[") or find_suffix(file) == ".json":
        try:
            whole = json.loads(text)
        except json.JSONDecodeError as error:
            if text.lstrip().startswith("[") or error.msg != "Extra data":
                raise UserError(f"{file}, line {error.lineno}: no JSON ({error.msg})") from None
        else:
            return _list_rows(whole)
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise UserError(f"{file}, line {number}: no JSON ({error.msg})\n  expected an object a line") from None
    return rows


def _list_rows(whole: Any) -> list[Any]:
    if isinstance(whole, dict):
        lists = [value for value in whole.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        if len(lists) == 1:
            return list(lists[0])
        columns = list(whole.values())
        if len(columns) > 1 and all(
            isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns
        ):
            return [{name: column[row] for name, column in whole.items()} for row in columns[0]]
        return [whole]
    return whole if isinstance(whole, list) else [whole]


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
