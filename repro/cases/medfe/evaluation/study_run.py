"""One run of a study, evaluated: rows per image after all and after half of the steps, protocols, fills to look at.

Of the evaluation protocols it keeps the means alone: a study has hundreds of runs, and their rows would be the bulk of
its evidence.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro import paths
from repro.case import ProtocolRow, Row
from repro.cases.medfe.checkpoint import load_generator
from repro.cases.medfe.devices import set_up_device
from repro.cases.medfe.evaluation.fills import Fill, measure_fill
from repro.cases.medfe.evaluation.pairs import Batch, Pairs, open_pairs
from repro.cases.medfe.evaluation.rows import protocol_rows, unit_rows
from repro.cases.medfe.evaluation.tables import MEASURES, write_table
from repro.cases.medfe.metrics.protocol import Protocol, headline, select_output, to_byte_scale
from repro.cases.medfe.params.evaluation import CheckpointChoice, EvaluationParams
from repro.cases.medfe.params.runtime import RuntimeParams

SHOWN_PAIRS: Final = 48
HALF_WAY: Final = 0.5
"""Share of the training after which the checkpoint `paths.HALF` was taken."""
CHOICES: Final = list(Protocol._fields)


def evaluate_run(
    trained: Path, prepared: Path, masks: Path, params: EvaluationParams, runtime: RuntimeParams, folder: Path
) -> tuple[list[Row], list[ProtocolRow]]:
    """Returns the rows of a run and its means under every protocol, and writes `evaluate/`, to be looked at.

    `evaluate` holds `images.csv` (rows of the headline protocol, raw and composite) and `fills.npz`.

    Args:
        trained: folder of the training, with the checkpoint after half of the steps.
        prepared: folder of the images.
        masks: folder of the holes.
        params: checkpoint to take and headline protocol.
        runtime: where the network runs.
        folder: existing; takes the folder.

    Raises:
        DivergedError: the model fills with values that are not finite.
        UserError: the holes were made for other images.
    """
    device, pairs, protocol = set_up_device(runtime), open_pairs(prepared, masks), headline(params)
    kept = folder / paths.EVALUATE.name
    kept.mkdir()
    fill = open_fill(trained / paths.CHECKPOINT, params.checkpoint, device)
    results = measure_fill(fill, pairs, protocol, params.batch_size, device)
    write_table(results.images, kept / paths.IMAGES)
    write_fills(fill, pairs, params.batch_size, device, kept / paths.FILLS)
    rows = unit_rows(results.images, results.whole, protocol.output)
    rows += measure_half(trained / paths.HALF, pairs, params, device)
    return rows, protocol_rows(protocol_means(results.protocols, protocol))


def measure_half(checkpoint: Path, pairs: Pairs, params: EvaluationParams, device: torch.device) -> list[Row]:
    """Returns the rows after half of the steps: by the headline protocol alone, which is what a study reads of them."""
    fill, protocol = open_fill(checkpoint, params.checkpoint, device), headline(params)
    results = measure_fill(fill, pairs, protocol, params.batch_size, device, [protocol])
    return unit_rows(results.images, results.whole, protocol.output, HALF_WAY)


def open_fill(checkpoint: Path, which: CheckpointChoice, device: torch.device) -> Fill:
    """Returns what the network of a checkpoint makes of an image with a hole."""
    generator = load_generator(checkpoint, which).to(device).eval()

    def fill(image: Tensor, hole: Tensor) -> Tensor:
        filled: Tensor = generator(image, hole).image
        return filled

    return fill


def protocol_means(rows: pd.DataFrame, headline: Protocol) -> pd.DataFrame:
    """Returns one row per protocol, the headline first: its choices and the mean of each measure over the pairs.

    Args:
        rows: one per pair and protocol.
        headline: the protocol that comes first.
    """
    means = rows.groupby(CHOICES, sort=True)[list(MEASURES)].mean().reset_index()
    first = (means[CHOICES] == [getattr(headline, name) for name in CHOICES]).all(axis=1)
    return pd.concat([means[first], means[~first]], ignore_index=True)


def choose_pairs(images: int, buckets: int) -> list[tuple[int, int]]:
    """Returns at most 48 pairs of image and bucket: spread evenly over the images, one bucket after the other."""
    count = min(SHOWN_PAIRS, images * buckets)
    return [(place * images // count, place % buckets) for place in range(count)]


@torch.inference_mode()
def write_fills(fill: Fill, pairs: Pairs, batch_size: int, device: torch.device, file: Path) -> None:
    """Writes composites of the chosen pairs, rounded: `fills` (N, 3, S, S) uint8, `image` (N,), `bucket` (N,)."""
    chosen = choose_pairs(len(pairs.images), len(pairs.buckets))
    fills = np.concatenate([_composite(fill, batch, device) for batch in pairs.batches(batch_size, chosen)])
    images, buckets = np.array([image for image, _ in chosen]), np.array([pairs.buckets[place] for _, place in chosen])
    np.savez_compressed(file, fills=fills, image=images, bucket=buckets)


def _composite(fill: Fill, batch: Batch, device: torch.device) -> NDArray[np.uint8]:
    truth = torch.from_numpy(batch.truth).to(device).double()
    hole = torch.from_numpy(batch.hole).to(device)[:, None]
    raw = to_byte_scale(fill(torch.where(hole, 0, truth / 127.5 - 1).float(), hole))
    composite: NDArray[np.uint8] = select_output(raw, truth, hole, "composite").round().byte().cpu().numpy()
    return composite
