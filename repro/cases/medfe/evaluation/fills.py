"""Any function that fills holes, measured on the test pairs under every protocol and set beside the baselines."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from repro import paths
from repro.cases.medfe.evaluation.pairs import Batch, Pairs
from repro.cases.medfe.evaluation.pictures import choose_cases, draw_cases
from repro.cases.medfe.evaluation.summary import bucket_means, summarise, write_bucket_means, write_figures
from repro.cases.medfe.evaluation.tables import (
    IMAGE_COLUMNS,
    PROTOCOL_COLUMNS,
    Columns,
    batch_columns,
    join_columns,
    write_table,
)
from repro.cases.medfe.metrics.learned import NotComputed, measure_pairs
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.protocol import ALL, Protocol, headline, round_bytes, select_output, to_byte_scale
from repro.cases.medfe.metrics.records import PAIR_METRICS, SET_METRICS
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.errors import DivergedError
from repro.storage import written_folder

Fill = Callable[[Tensor, Tensor], Tensor]
"""From image (B, 3, S, S) float32 in [-1, 1], 0 in its hole, and hole (B, 1, S, S) bool to an image of that kind."""

FILES: Final = (
    *(paths.METRICS, paths.NOT_COMPUTED),
    *(paths.IMAGES, paths.PROTOCOLS, paths.BUCKET_MEANS, paths.GRID),
)
"""What an evaluation leaves in its folder."""


def evaluate_fill(
    fill: Fill, pairs: Pairs, baselines: pd.DataFrame, params: EvaluationParams, device: torch.device, folder: Path
) -> None:
    """Writes `FILES` of a function that fills holes.

    Raises:
        DivergedError: it fills with values that are not finite.
    """
    protocol = headline(params)
    results = measure_fill(fill, pairs, protocol, params.batch_size, device)
    shown = results.images[results.images["output"] == protocol.output]
    cases = choose_cases(shown)
    fills = [_raw_output(fill, pairs.read(case.image, case.bucket), device).cpu().numpy()[0] for case in cases]
    with written_folder(folder) as partial:
        write_table(results.images, partial / paths.IMAGES)
        write_table(results.protocols, partial / paths.PROTOCOLS)
        write_figures(partial, summarise(results.images, results.whole, results.not_computed, protocol))
        write_bucket_means(partial, bucket_means(results.images, baselines, protocol))
        draw_cases(cases, fills, pairs, shown, baselines).save(partial / paths.GRID)


class Results(NamedTuple):
    """What one pass over the pairs gives.

    Attributes:
        images: one row per pair and output, by the headline's other choices.
        protocols: one row per pair and protocol.
        whole: metrics of all images together, as far as they were computed.
        not_computed: why there is no value of a metric by a trained network.
    """

    images: pd.DataFrame
    protocols: pd.DataFrame
    whole: Mapping[str, float]
    not_computed: Mapping[str, str]


def measure_fill(
    fill: Fill,
    pairs: Pairs,
    protocol: Protocol,
    batch_size: int,
    device: torch.device,
    protocols: Sequence[Protocol] = ALL,
) -> Results:
    """Returns the measures of every pair: under the given protocols, and those of the headline by output.

    Trained networks take colour images; FID takes bytes, so that it rounds, and holds every true image once per bucket.
    """
    by_pair = {metric.name: metric.open_network(device) for metric in PAIR_METRICS}
    by_set = {metric.name: metric.open_network(len(pairs.images), device) for metric in SET_METRICS}
    images: list[Columns] = []
    by_protocol: list[Columns] = []
    batches = -(-len(pairs) // batch_size)
    for batch in track(pairs.batches(batch_size), "Evaluation", batches, console=Console(stderr=True)):
        raw = _raw_output(fill, batch, device)
        truth, hole = _truth_and_hole(batch, device)
        for measured, measures in measure(raw, truth, hole, protocols):
            by_protocol.append(batch_columns(pairs, batch, measures, measured._asdict()))
            if measured == protocol._replace(output=measured.output):
                image = round_bytes(select_output(raw, truth, hole, measured.output), measured.rounding)
                distances = {name: measure_pairs(network, image, truth) for name, network in by_pair.items()}
                labels = {"method": "model", "output": measured.output, **distances}
                images.append(batch_columns(pairs, batch, measures, labels))
        for network in by_set.values():
            if not isinstance(network, NotComputed):
                network.update(truth.byte(), real=True)
                network.update(select_output(raw, truth, hole, protocol.output).round().byte(), real=False)
    opened = {**by_pair, **by_set}
    return Results(
        join_columns(images, IMAGE_COLUMNS),
        join_columns(by_protocol, PROTOCOL_COLUMNS),
        {name: float(item.compute()) for name, item in by_set.items() if not isinstance(item, NotComputed)},
        {name: item.reason for name, item in opened.items() if isinstance(item, NotComputed)},
    )


@torch.inference_mode()
def _raw_output(fill: Fill, batch: Batch, device: torch.device) -> Tensor:
    """Returns what the model makes of a batch: (B, 3, S, S) float64 in [0, 255], clipped, not rounded."""
    truth, hole = _truth_and_hole(batch, device)
    # nobody is handed what lies under the hole, so that no fill can be a copy of it
    raw = fill(torch.where(hole, 0, truth / 127.5 - 1).float(), hole)
    if not bool(raw.isfinite().all()):
        raise DivergedError(
            f"the model fills test image {batch.image[0]} or one after it with values that are not finite.\n"
            "Its training has diverged: lower its learning rates, or evaluate the best checkpoint "
            "(evaluation.checkpoint=best)"
        )
    return to_byte_scale(raw)


def _truth_and_hole(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    truth = torch.from_numpy(batch.truth).to(device).double()
    return truth, torch.from_numpy(batch.hole).to(device)[:, None]
