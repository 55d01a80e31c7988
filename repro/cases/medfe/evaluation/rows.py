"""What a study reads of an evaluation: a value per test image and metric, and the means under every protocol.

The values are those that the tables hold, to the same decimals, so that a study says what its tables say.
"""

from collections.abc import Mapping

import pandas as pd

from repro.case import ProtocolRow, Row
from repro.cases.medfe.evaluation.tables import DECIMALS, MEASURES
from repro.cases.medfe.metrics.protocol import Protocol
from repro.cases.medfe.metrics.records import IMAGE_METRICS, PAIR_METRICS, SET_METRICS

ALL_IMAGES = "all"
"""The unit of a metric that has one value for all images together."""


def unit_rows(images: pd.DataFrame, whole: Mapping[str, float], output: str, train_fraction: float = 1.0) -> list[Row]:
    """Returns the rows of the headline output: the mean over the holes of an image, for each image and metric.

    A metric by a trained network that cannot be computed on this machine has no rows; one that could be and was not,
    e.g. a FID of too few images, is NaN.

    Args:
        images: one row per pair and output.
        whole: metrics of all images together, as far as they were computed.
        output: that of the headline protocol.
        train_fraction: share of the training after which they were measured.
    """
    names = [*(metric.name for metric in IMAGE_METRICS), *(m.name for m in PAIR_METRICS if not m.obstacle())]
    shown = images[images["output"] == output]
    table = shown[["image"]].join(shown[names].map(_as_written))
    means = table.groupby("image", sort=False)[names].mean(skipna=False)
    rows = [
        Row(int(str(image)), name, float(value), train_fraction)
        for name in names
        for image, value in zip(means.index, means[name].tolist(), strict=True)
    ]
    measured = [metric.name for metric in SET_METRICS if metric.name in whole or not metric.obstacle()]
    return rows + [Row(ALL_IMAGES, name, whole.get(name, float("nan")), train_fraction) for name in measured]


def protocol_rows(means: pd.DataFrame) -> list[ProtocolRow]:
    """Returns a row for each protocol and metric, from one row per protocol with a mean of each metric."""
    return [
        ProtocolRow({name: str(row[name]) for name in Protocol._fields}, metric, _as_written(float(row[metric])))
        for row in means.to_dict("records")
        for metric in MEASURES
    ]


def _as_written(value: float) -> float:
    return float(f"{value:.{DECIMALS}f}")
