"""Where a table lies and what kind of file it is: what can be said before anything heavy is loaded."""

from pathlib import Path

from repro.errors import UserError
from repro.extras import require
from repro.judge.table_file import MOST_BYTES, find_suffix
from repro.judge.table_header import Headed, read_headed

MLFLOW = "mlflow:"
WANDB = "wandb:"
SERVED = (MLFLOW, WANDB)
"""Runs that lie in a tracker and not in a file."""
PARQUET = (".parquet", ".pq")
JSON = (".jsonl", ".ndjson", ".json")
MOST_TWICE_BYTES = 16 * 1024**2
"""Of a file that is read once for its header alone."""


def check_source(source: str) -> None:
    """Checks that there is a table that can be read, without reading it.

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
    if find_suffix(file) in (".xlsx", ".xls", ".ods"):
        raise UserError(f"{file} is a spreadsheet\n  save it as CSV, and judge that")
    if find_suffix(file) in PARQUET:
        require("parquet")
    return None


def find_header(source: str) -> Headed | None:
    """Returns a table of text with its header; None for others, and for one that takes long to read twice.

    Raises:
        UserError: it has no header.
    """
    file = Path(source)
    if source.startswith(SERVED) or find_suffix(file) in (*PARQUET, *JSON):
        return None
    return read_headed(file) if file.stat().st_size <= MOST_TWICE_BYTES else None
