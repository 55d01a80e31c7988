"""Structural similarity with the windows that inpainting papers use, in one separable form.

Two images flow in, one number per image flows out, in float64. An average over every window that lies inside the image
is a product with two banded matrices, which is exact and, for wide windows, hundreds of times faster than the
convolution with the whole window. What depends on the true image alone is computed once and shared by all fills of it.
"""

from functools import lru_cache
from typing import Final, NamedTuple, assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.medfe.params.evaluation import SsimWindow

K1: Final = 0.01
K2: Final = 0.03
"""Constants that keep the quotient stable. Source: Wang et al. 2004, section III.B."""


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


class Averages(NamedTuple):
    """Of one batch of images under one window: its values, means and variances at each place of the window."""

    image: Tensor
    mean: Tensor
    variance: Tensor


def window_averages(image: Tensor, name: SsimWindow) -> Averages:
    """Returns the averages that `ssim` compares.

    Args:
        image: (B, C, S, S) float64.
        name: the window; it must fit.
    """
    mean = _average(image, name)
    variance = (_average(image * image, name) - mean * mean) * ssim_window(name).unbias
    return Averages(image, mean, variance)


def ssim(first: Averages, second: Averages, name: SsimWindow, data_range: float) -> Tensor:
    """Returns the structural similarity of each image: the mean over channels and windows inside the image.

    Args:
        first: averages of one batch (B, C, S, S).
        second: averages of the other, under the same window.
        name: that window.
        data_range: difference between the largest and the smallest value that an image can hold.

    Returns:
        (B,) float64.

    Source: Wang et al. 2004, equation 13; windows inside the image as in scikit-image and MAT @d273d89.
    Departs: torchmetrics counts windows beyond the border, over reflected pixels, too.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    product = first.mean * second.mean
    covariance = (_average(first.image * second.image, name) - product) * ssim_window(name).unbias
    luminance = (2 * product + c1) / (first.mean**2 + second.mean**2 + c1)
    structure = (2 * covariance + c2) / (first.variance + second.variance + c2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _average(image: Tensor, name: SsimWindow) -> Tensor:
    matrix = _averaging_matrix(name, image.shape[-1], image.device)
    return matrix.T @ (image @ matrix)


@lru_cache(maxsize=16)
def _averaging_matrix(name: SsimWindow, side_px: int, device: torch.device) -> Tensor:
    """Returns (S, S - k + 1): column i holds the window of k weights from row i on, and zeros."""
    weights = ssim_window(name).weights
    places = side_px - len(weights) + 1
    matrix = np.zeros((side_px, places))
    for place in range(places):
        matrix[place : place + len(weights), place] = weights
    return torch.from_numpy(matrix).to(device)
