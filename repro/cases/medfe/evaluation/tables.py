"""The tables of results: one row per method, image, hole and output, written the same way twice.

Which metrics they hold follows from the records of `repro.cases.medfe.metrics.records`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
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

_TEXT = ("method", "photograph", "bucket", "output", "rounding", "ssim_window", "colour")


def batch_table(pairs: Pairs, batch: Batch, measures: Measures, labels: Mapping[str, Any]) -> pd.DataFrame:
    """Returns one row per pair of a batch.

    Args:
        pairs: where the batch comes from.
        batch: the pairs.
        measures: (B,) each.
        labels: further columns: one value for all rows, or (B,) values.
    """
    return pd.DataFrame(
        {
            "image": batch.image,
            "photograph": [pairs.photographs[image] for image in batch.image],
            "bucket": batch.bucket,
            "hole_ratio": batch.hole.mean(axis=(1, 2)),
            **{name: _array(values) for name, values in measures.items()},
            **{name: _array(values) for name, values in labels.items()},
        }
    )


def _array(values: Any) -> Any:
    return values.cpu().numpy() if isinstance(values, Tensor) else values


def join_tables(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """Returns the rows of all tables with these columns, sorted by everything that names a row."""
    if not tables:
        return pd.DataFrame(columns=list(columns))
    named = [name for name in columns if name not in (*COLUMNS, "photograph", "hole_ratio")]
    return pd.concat(tables)[list(columns)].sort_values(named, kind="stable", ignore_index=True)


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
