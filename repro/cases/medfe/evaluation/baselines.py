"""The classical baselines, filled and measured on the same pairs as the model, and before any model exists.

Depends on no parameter of the model or its training, so that no variant of them ever computes this again.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from rich.progress import track

from repro import paths
from repro.cases.medfe.baselines import BASELINES, Filler, Hole, open_filler
from repro.cases.medfe.evaluation.pairs import Batch, Pairs, open_pairs
from repro.cases.medfe.evaluation.tables import IMAGE_COLUMNS, Columns, batch_columns, join_columns, write_table
from repro.cases.medfe.metrics.learned import NotComputed, PairDistance, measure_pairs
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.protocol import Protocol, headline
from repro.cases.medfe.metrics.records import PAIR_METRICS
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.storage import written_folder

FILLED_AT_ONCE = 64
"""Holes in memory at a time; no effect on the numbers."""


def evaluate_baselines(prepared: Path, masks: Path, params: EvaluationParams, folder: Path) -> None:
    """Writes `images.csv` of the baselines; without rows if `params.baselines` is off.

    A baseline keeps the known pixels, so that its output is always a composite; rounding, window and colour are those
    of the headline.

    Raises:
        UserError: the holes were made for other images.
    """
    pairs = open_pairs(prepared, masks)
    with written_folder(folder) as partial:
        table = measure_baselines(pairs, headline(params)) if params.baselines else join_columns([], IMAGE_COLUMNS)
        write_table(table, partial / paths.IMAGES)


def measure_baselines(pairs: Pairs, protocol: Protocol) -> pd.DataFrame:
    """Returns one row per baseline and pair under a protocol, whose output is taken to be the composite."""
    composite = protocol._replace(output="composite")
    networks = {metric.name: metric.open_network(torch.device("cpu")) for metric in PAIR_METRICS}
    tables: list[Columns] = []
    batches = -(-len(pairs) // FILLED_AT_ONCE)
    with open_filler(len(pairs) * pairs.images.shape[-1] ** 2) as filler:
        for batch in track(pairs.batches(FILLED_AT_ONCE), "Baselines", batches, console=Console(stderr=True)):
            tables += _measure_batch(pairs, batch, filler, composite, networks)
    return join_columns(tables, IMAGE_COLUMNS)


def _measure_batch(
    pairs: Pairs,
    batch: Batch,
    filler: Filler,
    protocol: Protocol,
    networks: Mapping[str, PairDistance | NotComputed],
) -> list[Columns]:
    fills = torch.from_numpy(filler([Hole(*pair) for pair in zip(batch.truth, batch.hole, strict=True)]))
    truth, hole = torch.from_numpy(batch.truth).double(), torch.from_numpy(batch.hole)[:, None]
    tables = []
    for number, baseline in enumerate(BASELINES):
        [(_, measures)] = measure(fills[:, number], truth, hole, [protocol])
        distances = {name: measure_pairs(network, fills[:, number], truth) for name, network in networks.items()}
        labels = {"method": baseline, "output": protocol.output, **distances}
        tables.append(batch_columns(pairs, batch, measures, labels))
    return tables
