"""Structural similarity with the windows that inpainting papers use, in one separable form.

In float64. An average over every window that lies inside the image is a product with two banded matrices, a band at a
time, or, where all weights are equal, a difference of running sums; both are, for wide windows, hundreds of times
faster than the convolution with the whole window. What depends on the true image alone is computed once and shared by
all fills of it.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.cases.medfe.params.evaluation import SsimWindow

K1: Final = 0.01
K2: Final = 0.03
"""Constants that keep the quotient stable. Source: Wang et al. 2004, section III.B."""


BLOCK: Final = 32
"""Places of the window that one product computes: the narrower the fewer zeros it multiplies, the more calls."""


class Window(NamedTuple):
    """One-dimensional weights, and the factor that makes a variance of n pixels unbiased (1: left as it is)."""

    weights: NDArray[np.float64]
    unbias: float


def ssim_window(name: SsimWindow) -> Window:
    """Returns the window that averages are taken over.

    Source: gaussian_11: Wang et al. 2004 (sigma 1.5, biased variance). uniform_7 and uniform_51: scikit-image's
    `structural_similarity` as the cited scripts call it (flat window, unbiased variance).
    """
    match name:
        case "gaussian_11":
            weights = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
            return Window(weights / weights.sum(), 1.0)
        case "uniform_7":
            return _uniform_window(7)
        case "uniform_51":
            return _uniform_window(51)
        case _:
            assert_never(name)


def _uniform_window(side_px: int) -> Window:
    return Window(np.full(side_px, 1 / side_px), side_px**2 / (side_px**2 - 1))


def fits(name: SsimWindow, side_px: int) -> bool:
    """Returns whether the window lies inside a square image at least once."""
    return side_px >= len(ssim_window(name).weights)


def window_averages(values: Tensor, name: SsimWindow) -> Tensor:
    """Returns the average over the window at each of its P x P places inside the image.

    Args:
        values: (..., S, S) float64.
        name: the window; it must fit.

    Returns:
        (..., P, P) float64.
    """
    width, side_px = len(ssim_window(name).weights), values.shape[-1]
    if np.ptp(ssim_window(name).weights) == 0:
        return _sliding_sums(_sliding_sums(values, -1, width), -2, width) / width**2
    matrix = _averaging_matrix(name, values.device)
    places = side_px - width + 1
    lines = values.reshape(-1, side_px)
    across = values.new_empty(len(lines), places)
    for seen, filled, band in _bands(matrix, width, places):
        torch.mm(lines[:, seen], band, out=across[:, filled])
    across = across.view(-1, side_px, places)
    averages = values.new_empty(len(across), places, places)
    for seen, filled, band in _bands(matrix, width, places):
        torch.bmm(band.T.expand(len(across), -1, -1), across[:, seen], out=averages[:, filled])
    return averages.view(*values.shape[:-2], places, places)


def _sliding_sums(values: Tensor, axis: int, width: int) -> Tensor:
    """Returns the sums of `width` neighbours along an axis, which becomes shorter by `width - 1`."""
    sums = values.cumsum(axis)
    places = sums.shape[axis] - width + 1
    slid = sums.narrow(axis, width - 1, places).clone()
    slid.narrow(axis, 1, places - 1).sub_(sums.narrow(axis, 0, places - 1))
    return slid


def _bands(matrix: Tensor, width: int, places: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yields for each block of places the pixels that it sees, the places themselves, and its part of the matrix."""
    for start in range(0, places, BLOCK):
        size = min(BLOCK, places - start)
        pixels = size + width - 1
        yield slice(start, start + pixels), slice(start, start + size), matrix[:pixels, :size]


def with_products(image: Tensor, truth: Tensor) -> Tensor:
    """Returns what `ssim` needs the averages of: (3, ...), a fill, its square, and its product with the true image."""
    return torch.stack([image, image * image, image * truth])


def ssim(fill: Tensor, truth: Tensor, name: SsimWindow, data_range: float) -> Tensor:
    """Returns the structural similarity of each image: the mean over channels and windows inside the image.

    Args:
        fill: (3, B, C, P, P) float64, averages of a fill `with_products`.
        truth: (2, B, C, P, P) float64, averages of the true image and of its square.
        name: the window that both were averaged over.
        data_range: difference between the largest and the smallest value that an image can hold.

    Returns:
        (B,) float64.

    Source: Wang et al. 2004, equation 13; windows inside the image as in scikit-image and MAT @d273d89.
    Departs: torchmetrics counts windows beyond the border, over reflected pixels, too.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    unbias = ssim_window(name).unbias
    means, squares = fill[0] * truth[0], torch.addcmul(truth[0].square(), fill[0], fill[0])
    covariance = (fill[2] - means) * unbias
    variances = (fill[1] + truth[1] - squares) * unbias
    luminance = (2 * means + c1) / (squares + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).mean(dim=(1, 2, 3))


@lru_cache(maxsize=16)
def _averaging_matrix(name: SsimWindow, device: torch.device) -> Tensor:
    """Returns (BLOCK + k - 1, BLOCK): column i holds the window of k weights from row i on, and zeros."""
    weights = ssim_window(name).weights
    matrix = np.zeros((BLOCK + len(weights) - 1, BLOCK))
    for place in range(BLOCK):
        matrix[place : place + len(weights), place] = weights
    return torch.from_numpy(matrix).to(device)
