"""One tidy table, a row a run, from whatever people keep their runs in.

Files are read as text of their own encoding and separator; what a column holds is found here, what it is for in
`roles`. A number that can be read in two ways is refused, not guessed.
"""

import io
import re
from pathlib import Path

import pandas as pd

from repro.errors import UserError
from repro.judge.source import (
    EUROPEAN,
    GROUPED,
    JSON,
    MLFLOW,
    PARQUET,
    PLAIN,
    WANDB,
    check_names,
    check_source,
    decode,
    split_header,
)

ABSENT = ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "None", "none", "<NA>", "#N/A"]


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
        suffix = file.suffix.lower()
        read = _read_parquet if suffix in PARQUET else _read_json if suffix in JSON else _read_text
        table = read(file)
    table = table.dropna(how="all").dropna(axis="columns", how="all").reset_index(drop=True)
    if not len(table):
        raise UserError(f"{source} has no rows\n  expected a header and a row for each run")
    return table


def _read_text(file: Path) -> pd.DataFrame:
    text, separator, names = split_header(file, decode(file))
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=0,
            names=names,
            index_col=False,
            keep_default_na=False,
            na_values=ABSENT,
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


def _read_numbers(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Turns columns of text that are numbers with a comma into numbers, where there is one way to read them."""
    for name in table.columns:
        if not pd.api.types.is_string_dtype(table[name]) and table[name].dtype != object:
            continue
        values = table[name].dropna().map(lambda value: str(value).strip())
        some = list(dict.fromkeys(values))
        if not some or not all(value[:1] in "+-.0123456789iI" for value in some):
            continue
        plain = [bool(PLAIN.fullmatch(value)) for value in some]
        grouped = [bool(GROUPED.fullmatch(value)) for value in some]
        european = [bool(EUROPEAN.fullmatch(value)) for value in some]
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

    text = decode(file)
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
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is no parquet: {' '.join(str(error).split())[:200]}") from None
    table.columns = [str(name) for name in table.columns]
    check_names(str(file), list(table.columns))
    return table


def _name(separator: str) -> str:
    return {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}[separator]
