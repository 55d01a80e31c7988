"""All metrics of a batch of fills under any number of protocols, in one pass.

Truth, hole and raw output flow in; the measures of each protocol flow out. Protocols share what they can: errors do not
depend on the SSIM window, and the averages of the true image depend on no fill.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import torch
from torch import Tensor

from repro.medfe.metrics.pixels import mean_over, psnr_db
from repro.medfe.metrics.protocol import Protocol, round_bytes, select_colour, select_output
from repro.medfe.metrics.ssim import Averages, fits, ssim, window_averages
from repro.medfe.params.evaluation import Colour, Output, Rounding, SsimWindow

DATA_RANGE: Final = 1.0
"""Images are measured on the scale [0, 1], whatever the protocol rounds them to before."""


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
        self._averages: dict[tuple[Colour, SsimWindow], Averages] = {}

    def image(self, colour: Colour) -> Tensor:
        if colour not in self._images:
            self._images[colour] = select_colour(self._truth, colour) / 255
        return self._images[colour]

    def averages(self, colour: Colour, window: SsimWindow) -> Averages:
        key = (colour, window)
        if key not in self._averages:
            self._averages[key] = window_averages(self.image(colour), window)
        return self._averages[key]


def _measure_image(
    image: Tensor, hole: Tensor, truths: _Truths, colour: Colour, protocols: Iterable[Protocol]
) -> Iterator[tuple[Protocol, Measures]]:
    error = (image - truths.image(colour)).abs()
    squared = error.square()
    pixels = {
        "psnr_hole_db": psnr_db(mean_over(squared, hole), DATA_RANGE),
        "psnr_db": psnr_db(mean_over(squared, None), DATA_RANGE),
        "l1_hole": mean_over(error, hole),
        "l1": mean_over(error, None),
    }
    for protocol in protocols:
        yield protocol, Measures(ssim=_ssim(image, truths, protocol), **pixels)


def _ssim(image: Tensor, truths: _Truths, protocol: Protocol) -> Tensor:
    window = protocol.ssim_window
    if not fits(window, image.shape[-1]):
        return image.new_full((len(image),), torch.nan)
    return ssim(window_averages(image, window), truths.averages(protocol.colour, window), window, DATA_RANGE)
