"""Numbers as people and spreadsheets write them: 1,234.5 and 1.234,5, 78.3%, a dash for none, a printed minus.

A column is turned into numbers where all of it can be read in one way; one that can be read in two is refused.
"""

import re
from pathlib import Path

import pandas as pd

from repro.errors import UserError
from repro.judge.table_header import PLAIN

_EUROPEAN = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_DASHES = frozenset({"-", "--", "---", "\u2013", "\u2014", ".", "?", "None", "none"})
"""What stands for no number in a column of numbers; in one of text, none is an option."""
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


def read_numbers(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Turns columns of text that hold numbers into numbers, and those of true, false, 1 and 0 into booleans.

    Raises:
        UserError: a number can be read in two ways.
    """
    for name in table.columns:
        if pd.api.types.is_string_dtype(table[name]) or table[name].dtype == object:
            table[name] = _read_column(file, str(name), table[name])
    return table


def _read_column(file: Path, name: str, column: "pd.Series[str]") -> "pd.Series[float]":
    text = column.where(column.isna(), column.astype(str).str.strip().str.replace("\u2212", "-", regex=False))
    some = [value for value in dict.fromkeys(text.dropna()) if value not in _DASHES]
    if some and all(value.lower() in _BOOLEANS for value in some) and not all(map(PLAIN.fullmatch, some)):
        known = text.map(lambda value: _BOOLEANS.get(str(value).lower(), value), na_action="ignore").astype(object)
        return known.astype(bool) if len(some) == text.nunique(dropna=False) else known  # type: ignore[return-value]
    percent = bool(some) and all(value.endswith("%") for value in some)
    if percent:
        text = text.str.rstrip("%").str.rstrip()
        some = [value.rstrip("%").rstrip() for value in some]
    if not some or not all(value[:1] in "+-.0123456789iI" for value in some):
        return column  # type: ignore[return-value]
    dashed = text.where(~text.isin(_DASHES))
    plain = [bool(PLAIN.fullmatch(value)) for value in some]
    grouped = [bool(_GROUPED.fullmatch(value)) for value in some]
    european = [bool(_EUROPEAN.fullmatch(value)) for value in some]
    if all(plain):
        return pd.to_numeric(dashed)
    if not any("," in value for value in some):
        return column  # type: ignore[return-value]
    if all(a or b for a, b in zip(plain, grouped, strict=True)):
        if all(european) and not any("." in value for value in some):
            example = next(value for value in some if "," in value)
            raise UserError(
                f"{file}, column {name!r}: {example} is {example.replace(',', '')} or {example.replace(',', '.')}\n"
                "  write decimals with a point and thousands without a mark"
            )
        return pd.to_numeric(dashed.str.replace(",", "", regex=False))
    if all(european):
        return pd.to_numeric(dashed.str.replace(".", "", regex=False).str.replace(",", ".", regex=False))
    return column  # type: ignore[return-value]
