"""The tables of results: one row per method, image, hole and output, written the same way twice.

Which metrics they hold follows from the records of `repro.cases.medfe.metrics.records`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from repro.cases.medfe.evaluation.pairs import Batch, Pairs
from repro.cases.medfe.metrics.measure import Measures
from repro.cases.medfe.metrics.records import COLUMNS, IMAGE_METRICS
from repro.errors import UserError
from repro.storage import written_file

MEASURES: Final = tuple(metric.name for metric in IMAGE_METRICS)
"""Metrics that every protocol has."""
IMAGE_COLUMNS: Final = ("method", "image", "photograph", "bucket", "hole_ratio", "output", *COLUMNS)
PROTOCOL_COLUMNS: Final = (
    *("image", "photograph", "bucket", "hole_ratio", "output", "rounding", "ssim_window", "colour"),
    *MEASURES,
)

DECIMALS: Final = 6
"""Coarser than the last bits in which a batch of one and a batch of many differ, finer than any difference of use."""

Columns = Mapping[str, NDArray[Any]]
"""By name, all of one length. A table of pandas for each batch and protocol would take longer than the measures."""

_TEXT = ("method", "photograph", "bucket", "output", "rounding", "ssim_window", "colour")


def batch_columns(pairs: Pairs, batch: Batch, measures: Measures, labels: Mapping[str, Any]) -> Columns:
    """Returns the columns of a table with one row per pair of a batch.

    Args:
        pairs: where the batch comes from.
        batch: the pairs.
        measures: (B,) each.
        labels: further columns: one value for all rows, or (B,) values.
    """
    rows = {
        "image": batch.image,
        "photograph": [pairs.photographs[image] for image in batch.image],
        "bucket": batch.bucket,
        "hole_ratio": batch.hole.mean(axis=(1, 2)),
        **{name: _array(values) for name, values in measures.items()},
        **{name: _array(values) for name, values in labels.items()},
    }
    return {name: np.broadcast_to(values, len(batch.image)) for name, values in rows.items()}


def _array(values: Any) -> Any:
    return values.cpu().numpy() if isinstance(values, Tensor) else values


def join_columns(tables: Sequence[Columns], columns: tuple[str, ...]) -> pd.DataFrame:
    """Returns the table of all rows with these columns, sorted by everything that names a row."""
    if not tables:
        return pd.DataFrame(columns=list(columns))
    named = [name for name in columns if name not in (*COLUMNS, "photograph", "hole_ratio")]
    joined = pd.DataFrame({name: np.concatenate([table[name] for table in tables]) for name in columns})
    return joined.sort_values(named, kind="stable", ignore_index=True)


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Writes a CSV file; a number that was not computed is left empty."""
    with written_file(file) as partial:
        table.to_csv(partial, index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")


def read_table(file: Path) -> pd.DataFrame:
    """Reads a CSV file of `write_table`; names stay text, whatever they look like.

    Raises:
        UserError: there is no such file.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing.\nRun the stages that come before this one: dvc repro")
    names = pd.read_csv(file, nrows=0).columns
    text = {name: str for name in names if name in _TEXT}
    empty = {name: [""] for name in names if name not in _TEXT}
    return pd.read_csv(file, dtype=text, na_values=empty, keep_default_na=False)
