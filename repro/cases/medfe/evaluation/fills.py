"""Any function that fills holes, measured on the test pairs under every protocol and set beside the baselines.

The function, the pairs and the baselines' table flow in; rows, headline figures and a grid flow out. Knows nothing of
networks and checkpoints.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from repro import paths
from repro.cases.medfe.evaluation.pairs import Batch, Pairs
from repro.cases.medfe.evaluation.pictures import choose_cases, draw_cases
from repro.cases.medfe.evaluation.summary import summarise, summarise_learned
from repro.cases.medfe.evaluation.tables import IMAGE_COLUMNS, PROTOCOL_COLUMNS, batch_table, join_tables, write_table
from repro.cases.medfe.metrics.learned import FrechetDistance, NotComputed, PairMetric, open_fid, open_lpips
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.protocol import ALL, Protocol, headline, round_bytes, select_output, to_byte_scale
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.errors import DivergedError
from repro.storage import write_json, written_folder

Fill = Callable[[Tensor, Tensor], Tensor]
"""From image (B, 3, S, S) float32 in [-1, 1], 0 in its hole, and hole (B, 1, S, S) bool to an image of that kind."""


def evaluate_fill(
    fill: Fill, pairs: Pairs, baselines: pd.DataFrame, params: EvaluationParams, device: torch.device, folder: Path
) -> None:
    """Writes `images.csv`, `protocols.csv`, `metrics.json` and `grid.png` of a function that fills holes.

    Raises:
        DivergedError: it fills with values that are not finite.
    """
    protocol = headline(params)
    results = measure_fill(fill, pairs, protocol, params.batch_size, device)
    shown = results.images[results.images["output"] == protocol.output]
    cases = choose_cases(shown)
    fills = [_raw_output(fill, pairs.read(case.image, case.bucket), device).cpu().numpy()[0] for case in cases]
    figures = summarise(results.images, baselines, protocol)
    figures |= summarise_learned(results.images, protocol, results.lpips, results.fid)
    with written_folder(folder) as partial:
        write_table(results.images, partial / paths.IMAGES)
        write_table(results.protocols, partial / paths.PROTOCOLS)
        write_json(partial / paths.METRICS, figures)
        draw_cases(cases, fills, pairs, shown, baselines).save(partial / paths.GRID)


class Results(NamedTuple):
    """What one pass over the pairs gives: two tables, and the metrics by trained networks or why there are none."""

    images: pd.DataFrame
    protocols: pd.DataFrame
    lpips: PairMetric | NotComputed
    fid: FrechetDistance | NotComputed


def measure_fill(
    fill: Fill,
    pairs: Pairs,
    protocol: Protocol,
    batch_size: int,
    device: torch.device,
    protocols: Sequence[Protocol] = ALL,
) -> Results:
    """Returns the measures of every pair: under the given protocols, and those of the headline by output.

    LPIPS and FID take colour images; FID takes bytes, so that it rounds, and holds every true image once per bucket.
    """
    lpips, fid = open_lpips(device), open_fid(len(pairs.images), device)
    images: list[pd.DataFrame] = []
    by_protocol: list[pd.DataFrame] = []
    batches = -(-len(pairs) // batch_size)
    for batch in track(pairs.batches(batch_size), "Evaluation", batches, console=Console(stderr=True)):
        raw = _raw_output(fill, batch, device)
        truth, hole = _truth_and_hole(batch, device)
        for measured, measures in measure(raw, truth, hole, protocols):
            by_protocol.append(batch_table(pairs, batch, measures, measured._asdict()))
            if measured == protocol._replace(output=measured.output):
                distance = _lpips(lpips, raw, truth, hole, measured)
                labels = {"method": "model", "output": measured.output, "lpips": distance}
                images.append(batch_table(pairs, batch, measures, labels))
        if not isinstance(fid, NotComputed):
            fid.update(truth.byte(), real=True)
            fid.update(select_output(raw, truth, hole, protocol.output).round().byte(), real=False)
    return Results(join_tables(images, IMAGE_COLUMNS), join_tables(by_protocol, PROTOCOL_COLUMNS), lpips, fid)


def _lpips(
    lpips: PairMetric | NotComputed, raw: Tensor, truth: Tensor, hole: Tensor, protocol: Protocol
) -> Tensor | float:
    """Returns the distance of each pair in colour, whatever the protocol's colour; NaN where it is not computed."""
    if isinstance(lpips, NotComputed):
        return torch.nan
    return lpips(round_bytes(select_output(raw, truth, hole, protocol.output), protocol.rounding), truth)


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
