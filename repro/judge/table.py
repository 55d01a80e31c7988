"""One tidy table, a row a run, from whatever people keep their runs in.

Files are read as text of their own encoding and separator; what a column holds is found here, what it is for in
`roles`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repro.errors import UserError
from repro.judge.source import JSON, MLFLOW, PARQUET, WANDB, check_source
from repro.judge.table_file import find_suffix, read_text
from repro.judge.table_header import check_names
from repro.judge.table_text import read_lines


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
    check_source(source)
    if source.startswith(MLFLOW):
        from repro.tracking.found_runs import search_runs

        table = search_runs(source.removeprefix(MLFLOW), tracking_uri)
    elif source.startswith(WANDB):
        from repro.judge.found_wandb import search_wandb

        table = search_wandb(source.removeprefix(WANDB))
    else:
        file = Path(source)
        suffix = find_suffix(file)
        read = _read_parquet if suffix in PARQUET else _read_json if suffix in JSON else read_lines
        table = read(file)
    table = table.dropna(how="all").dropna(axis="columns", how="all").reset_index(drop=True)
    if not len(table):
        raise UserError(f"{source} has no rows\n  expected a header and a row for each run")
    return table


def _read_json(file: Path) -> pd.DataFrame:
    rows = _read_rows(file, read_text(file))
    odd = next((place for place, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise UserError(f"{file}: row {odd} is no object\n  expected {{...}} for each run")
    return _show_nested(pd.json_normalize(rows))


def _show_nested(table: pd.DataFrame) -> pd.DataFrame:
    """Writes lists and objects that stand in a field as text, so that they can be told apart."""
    for name in [name for name in table if pd.api.types.is_object_dtype(table[name])]:
        nested = table[name].map(lambda value: isinstance(value, list | dict | np.ndarray))
        if nested.any():
            table[name] = table[name].where(~nested, table[name][nested].map(_show_value))
    return table


def _show_value(value: Any) -> str:
    return json.dumps(value, default=lambda item: item.tolist() if isinstance(item, np.ndarray) else str(item))


def _read_rows(file: Path, text: str) -> list[Any]:
    """Returns the objects of a list, of lines, of the only list in an object, or of columns as pandas writes them."""
    lines = text.split("\n")
    if text.lstrip().startswith("[") or find_suffix(file) == ".json":
        try:
            whole = _parse(str(file), text)
        except json.JSONDecodeError as error:
            if text.lstrip().startswith("[") or error.msg != "Extra data":
                raise UserError(f"{file}, line {error.lineno}: no JSON ({error.msg})") from None
        else:
            return _list_rows(whole)
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows += [_parse(f"{file}, line {number}", line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise UserError(f"{file}, line {number}: no JSON ({error.msg})\n  expected an object a line") from None
    return rows


def _parse(where: str, text: str) -> Any:
    """Returns what a text in JSON says.

    Raises:
        JSONDecodeError: it is none.
        UserError: it is nested too deep, or has a number that cannot be held.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise UserError(f"{where}: nested too deep\n  expected an object for each run") from None
    except ValueError as error:  # thousands of digits
        raise UserError(f"{where}: a number cannot be read ({str(error).partition(';')[0]})") from None


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
        table = pd.read_parquet(file)
    except Exception as error:  # of many kinds, as the reader's own are
        raise UserError(f"{file} is no parquet: {' '.join(str(error).split())[:200]}") from None
    if any(name is not None for name in table.index.names):  # columns, as pandas keeps them
        table = table.reset_index()
    table.columns = [str(name) for name in table.columns]
    check_names(str(file), list(table.columns))
    return _show_nested(table)
