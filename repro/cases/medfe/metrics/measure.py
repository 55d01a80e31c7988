"""All image metrics of a batch of fills under any number of protocols, in one pass.

Protocols share what they can: errors do not depend on the SSIM window, and the averages of the true image depend on no
fill. A processor takes few pixels at a time, which stay in its cache.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import torch
from torch import Tensor

from repro.cases.medfe.metrics.comparison import Comparison, Truths
from repro.cases.medfe.metrics.protocol import Protocol, round_bytes, select_colour, select_output
from repro.cases.medfe.metrics.records import IMAGE_METRICS
from repro.cases.medfe.params.evaluation import Colour, Output, Rounding

PIXELS_AT_ONCE: Final = 2**16
"""On a processor; no effect on the numbers."""

Measures = Mapping[str, Tensor]
"""By name of the metric, in the order of the records: (B,) float64."""


def measure(
    raw: Tensor, truth: Tensor, hole: Tensor, protocols: Sequence[Protocol]
) -> Iterator[tuple[Protocol, Measures]]:
    """Yields each protocol's measures of a batch; protocols that measure the same image follow each other.

    Args:
        raw: (B, 3, S, S) float64 in [0, 255], the fill before it is composited.
        truth: (B, 3, S, S) float64 in [0, 255].
        hole: (B, 1, S, S) bool, True in the hole.
        protocols: what to measure by, in any order.
    """
    images = max(1, PIXELS_AT_ONCE // hole[0].numel()) if raw.device.type == "cpu" else len(raw)
    chunks = zip(raw.split(images), truth.split(images), hole.split(images), strict=True)
    parts = [list(_measure_chunk(*chunk, protocols)) for chunk in chunks]
    for same in zip(*parts, strict=True):
        yield same[0][0], {name: torch.cat([part[name] for _, part in same]) for name in same[0][1]}


def _measure_chunk(
    raw: Tensor, truth: Tensor, hole: Tensor, protocols: Sequence[Protocol]
) -> Iterator[tuple[Protocol, Measures]]:
    truths = Truths(truth)
    for (output, rounding, colour), group in groupby(sorted(protocols, key=_image_of), key=_image_of):
        image = round_bytes(select_output(raw, truth, hole, output), rounding)
        fill = Comparison(select_colour(image, colour) / 255, truths, hole, colour)
        for protocol in group:
            yield protocol, {metric.name: metric.compute(fill, protocol) for metric in IMAGE_METRICS}


def _image_of(protocol: Protocol) -> tuple[Output, Rounding, Colour]:
    return protocol.output, protocol.rounding, protocol.colour
