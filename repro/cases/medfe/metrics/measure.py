"""All metrics of a batch of fills under any number of protocols, in one pass.

Truth, hole and raw output flow in; the measures of each protocol flow out. Protocols share what they can: errors do not
depend on the SSIM window, and the averages of the true image depend on no fill. A processor takes few pixels at a time,
which stay in its cache.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import torch
from torch import Tensor

from repro.cases.medfe.metrics.pixels import mean_over, psnr_db
from repro.cases.medfe.metrics.protocol import Protocol, round_bytes, select_colour, select_output
from repro.cases.medfe.metrics.ssim import fits, ssim, window_averages, with_products
from repro.cases.medfe.params.evaluation import Colour, Output, Rounding, SsimWindow

DATA_RANGE: Final = 1.0
"""Images are measured on the scale [0, 1], whatever the protocol rounds them to before."""

PIXELS_AT_ONCE: Final = 2**16
"""On a processor; no effect on the numbers."""


class Measures(NamedTuple):
    """Each (B,) float64; errors on the scale [0, 1]; SSIM is NaN where its window does not fit into the image."""

    psnr_hole_db: Tensor
    psnr_db: Tensor
    ssim: Tensor
    l1_hole: Tensor
    l1: Tensor


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
        measures = zip(*(measured for _, measured in same), strict=True)
        yield same[0][0], Measures(*(torch.cat(values) for values in measures))


def _measure_chunk(
    raw: Tensor, truth: Tensor, hole: Tensor, protocols: Sequence[Protocol]
) -> Iterator[tuple[Protocol, Measures]]:
    truths = _Truths(truth)
    for (output, rounding, colour), group in groupby(sorted(protocols, key=_image_of), key=_image_of):
        image = round_bytes(select_output(raw, truth, hole, output), rounding)
        yield from _measure_image(select_colour(image, colour) / 255, hole, truths, colour, group)


def _image_of(protocol: Protocol) -> tuple[Output, Rounding, Colour]:
    return protocol.output, protocol.rounding, protocol.colour


class _Truths:
    """The true images by colour, and their averages by window, each computed when it is first asked for."""

    def __init__(self, truth: Tensor) -> None:
        self._truth = truth
        self._images: dict[Colour, Tensor] = {}
        self._averages: dict[tuple[Colour, SsimWindow], Tensor] = {}

    def image(self, colour: Colour) -> Tensor:
        if colour not in self._images:
            self._images[colour] = select_colour(self._truth, colour) / 255
        return self._images[colour]

    def averages(self, colour: Colour, window: SsimWindow) -> Tensor:
        """Returns (2, B, C, P, P), of the image and of its square."""
        key = (colour, window)
        if key not in self._averages:
            image = self.image(colour)
            self._averages[key] = window_averages(torch.stack([image, image * image]), window)
        return self._averages[key]


def _measure_image(
    image: Tensor, hole: Tensor, truths: _Truths, colour: Colour, protocols: Iterable[Protocol]
) -> Iterator[tuple[Protocol, Measures]]:
    truth = truths.image(colour)
    error = (image - truth).abs()
    squared = error.square()
    pixels = {
        "psnr_hole_db": psnr_db(mean_over(squared, hole), DATA_RANGE),
        "psnr_db": psnr_db(mean_over(squared, None), DATA_RANGE),
        "l1_hole": mean_over(error, hole),
        "l1": mean_over(error, None),
    }
    products = with_products(image, truth)
    for protocol in protocols:
        window = protocol.ssim_window
        if fits(window, image.shape[-1]):
            structure = ssim(window_averages(products, window), truths.averages(colour, window), window, DATA_RANGE)
        else:
            structure = image.new_full((len(image),), torch.nan)
        yield protocol, Measures(ssim=structure, **pixels)
