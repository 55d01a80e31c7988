"""Filled images beside the true ones, and what metrics share of them, each part computed when first asked for."""

from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from repro.cases.medfe.metrics.pixels import mean_over, psnr_db
from repro.cases.medfe.metrics.protocol import select_colour
from repro.cases.medfe.metrics.ssim import fits, ssim, window_averages, with_products
from repro.cases.medfe.params.evaluation import Colour, SsimWindow

DATA_RANGE: Final = 1.0
"""Images are measured on the scale [0, 1], whatever the protocol rounds them to before."""


class Truths:
    """The true images by colour, and their averages by window: no fill and no rounding changes them.

    Args:
        truth: (B, 3, S, S) float64 in [0, 255].
    """

    def __init__(self, truth: Tensor) -> None:
        self._truth = truth
        self._images: dict[Colour, Tensor] = {}
        self._averages: dict[tuple[Colour, SsimWindow], Tensor] = {}

    def image(self, colour: Colour) -> Tensor:
        """Returns (B, C, S, S) in [0, 1]."""
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


class Comparison:
    """A batch of filled images beside the true ones; what metrics are computed from.

    Attributes:
        image: (B, C, S, S) float64 in [0, 1], the filled images as the protocol measures them.
        truth: like `image`.
        hole: (B, 1, S, S) bool, True in the hole.
    """

    def __init__(self, image: Tensor, truths: Truths, hole: Tensor, colour: Colour) -> None:
        self.image, self.truth, self.hole = image, truths.image(colour), hole
        self._truths, self._colour = truths, colour

    @cached_property
    def error(self) -> Tensor:
        """Absolute error (B, C, S, S)."""
        return (self.image - self.truth).abs()

    @cached_property
    def squared_error(self) -> Tensor:
        """Squared error (B, C, S, S)."""
        return self.error.square()

    @cached_property
    def mae_hole(self) -> Tensor:
        """Mean absolute error over the hole (B,)."""
        return mean_over(self.error, self.hole)

    @cached_property
    def mae(self) -> Tensor:
        """Mean absolute error over the whole image (B,)."""
        return mean_over(self.error, None)

    @cached_property
    def mse_hole(self) -> Tensor:
        """Mean squared error over the hole (B,)."""
        return mean_over(self.squared_error, self.hole)

    @cached_property
    def mse(self) -> Tensor:
        """Mean squared error over the whole image (B,)."""
        return mean_over(self.squared_error, None)

    def psnr_db(self, mse: Tensor) -> Tensor:
        """Returns the peak signal-to-noise ratio (B,) of a mean squared error (B,), see `pixels.psnr_db`."""
        return psnr_db(mse, DATA_RANGE)

    def ssim(self, window: SsimWindow) -> Tensor:
        """Returns the structural similarity (B,); NaN where the window does not fit into the image."""
        if not fits(window, self.image.shape[-1]):
            return self.image.new_full((len(self.image),), torch.nan)
        fill = window_averages(self._products, window)
        return ssim(fill, self._truths.averages(self._colour, window), window, DATA_RANGE)

    @cached_property
    def _products(self) -> Tensor:
        return with_products(self.image, self.truth)
