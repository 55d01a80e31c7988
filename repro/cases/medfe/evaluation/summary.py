"""The headline figures of a run, and its means by hole ratio.

Every image has one hole of every bucket, so that the plain mean over rows is the mean over images x buckets. The images
of one photograph are no independent samples.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from repro import paths
from repro.cases.medfe.evaluation.tables import DECIMALS, write_table
from repro.cases.medfe.metrics.protocol import Protocol
from repro.cases.medfe.metrics.records import COLUMNS, METRICS, ImageMetric
from repro.storage import write_json, written_file

HEADLINES: Final = 8
"""So many numbers `dvc exp show` can hold beside the params without scrolling."""


class Figures(NamedTuple):
    """The headline figures: a number for each metric that was computed, a reason for each other one."""

    numbers: dict[str, float]
    not_computed: dict[str, str]


def summarise(
    model: pd.DataFrame, whole: Mapping[str, float], not_computed: Mapping[str, str], protocol: Protocol
) -> Figures:
    """Returns the headline figures: means over all pairs, and metrics of all images together.

    Args:
        model: the model's rows of `images.csv`, composite and raw.
        whole: metrics of all images together, as far as they were computed.
        not_computed: why there is no value of a metric by a trained network.
        protocol: the headline protocol.
    """
    rows = model[model["output"] == protocol.output]
    numbers, reasons = {}, dict(not_computed)
    for metric in METRICS:
        if metric.name in reasons:
            continue
        if isinstance(metric, ImageMetric) and bool(rows[metric.name].isna().all()):
            reasons[metric.name] = metric.undefined.format(**protocol._asdict())
            continue
        value = whole[metric.name] if metric.name in whole else rows[metric.name].mean(skipna=False)
        numbers[metric.name] = round(float(value), DECIMALS)
    return Figures(dict(list(numbers.items())[:HEADLINES]), reasons)


def bucket_means(model: pd.DataFrame, baselines: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Returns the means of every metric over the pairs of each bucket: one row per method and bucket, the model first.

    Args:
        model: the model's rows of `images.csv`, composite and raw.
        baselines: rows of the baselines on the same pairs; may be empty.
        protocol: the headline protocol; a baseline keeps the known pixels, whatever its output.
    """
    shown = model[model["output"] == protocol.output]
    tables = [_bucket_means(rows) for rows in (shown, baselines) if not rows.empty]
    return pd.concat(tables, ignore_index=True)


def _bucket_means(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby(["method", "bucket"], sort=False)
    means = groups[list(COLUMNS)].mean().assign(pairs=groups.size()).reset_index()
    return means[["method", "bucket", "pairs", *COLUMNS]].sort_values(["method", "bucket"], kind="stable")


def write_figures(folder: Path, figures: Figures) -> None:
    """Writes the numbers, the headline first as DVC then shows it, and the reasons beside them."""
    with written_file(folder / paths.METRICS) as partial:
        partial.write_text(json.dumps(figures.numbers, indent=2) + "\n", encoding="utf-8")
    write_json(folder / paths.NOT_COMPUTED, figures.not_computed)


def write_bucket_means(folder: Path, means: pd.DataFrame) -> None:
    """Writes the means by bucket."""
    write_table(means, folder / paths.BUCKET_MEANS)
