"""Lines of text as a table, where each has as many fields as the header."""

import csv
import io
import re
import warnings
from pathlib import Path

import pandas as pd

from repro.errors import UserError
from repro.judge.table_header import read_headed
from repro.judge.table_numbers import read_numbers

ABSENT = ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "<NA>", "#N/A"]


def read_lines(file: Path) -> pd.DataFrame:
    """Reads a table of text.

    Raises:
        UserError: it has no header, or lines with other numbers of fields than that.
    """
    text, separator, names = read_headed(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it tells of fields that are left out
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
                skipinitialspace=separator == "|",
                on_bad_lines="error",
            )
    except pd.errors.ParserError as error:
        raise UserError(_tell_broken(file, str(error), separator)) from None
    except pd.errors.ParserWarning:
        told = f"Expected {len(names)} fields in line 2, saw {_count_fields(text, separator)}"
        raise UserError(_tell_broken(file, told, separator)) from None
    return read_numbers(file, table)


def _count_fields(text: str, separator: str) -> int:
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    return max(len(row) for row, _ in zip(rows, range(1000), strict=False))


def _tell_broken(file: Path, error: str, separator: str) -> str:
    told = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error)
    if not told:
        return f"{file}: {' '.join(error.split())}\n  is a quote left open?"
    said = f"{file}: line {told[2]} has {told[3]} fields, the header {told[1]}"
    if told[1] == "1" or told[2] == "2":
        return f"{said}\n  expected a header that names every column in the first line"
    name = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}[separator]
    return f"{said}\n  put text that holds a {name} in quotes"
