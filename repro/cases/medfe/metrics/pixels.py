"""Metrics that compare pixel by pixel: mean squared and absolute error over the hole or the whole image, and PSNR.

In float64. Each image weighs the same, however large its hole.
"""

from typing import Final

import torch
from torch import Tensor

PSNR_CAP_DB: Final = 100.0
"""PSNR of equal images, which by the formula is infinite; finite, so that means over images stay finite.

Our choice: an image of 256 px that differs by one grey level in one place has 101 dB.
"""


def mean_over(values: Tensor, hole: Tensor | None) -> Tensor:
    """Returns each image's mean over its channels and pixels.

    Args:
        values: (B, C, H, W) float64.
        hole: (B, 1, H, W) bool: only where it is True; None: everywhere.

    Returns:
        (B,) float64.

    Raises:
        ValueError: an image has no hole, and thus no mean over it.
    """
    if hole is None:
        return values.mean(dim=(1, 2, 3))
    pixels = hole.sum(dim=(1, 2, 3))
    if not bool((pixels > 0).all()):
        raise ValueError("an image without a hole has no mean over its hole")
    by_pixel = values.sum(dim=1, keepdim=True)  # first, so that the hole is cut from one channel
    return torch.where(hole, by_pixel, 0).sum(dim=(1, 2, 3)) / (pixels * values.shape[1])


def psnr_db(squared_error: Tensor, data_range: float) -> Tensor:
    """Returns the peak signal-to-noise ratio in dB, at most `PSNR_CAP_DB`.

    Args:
        squared_error: (B,) float64, mean squared error of each image.
        data_range: difference between the largest and the smallest value that an image can hold.
    """
    return (10 * torch.log10(data_range**2 / squared_error)).clamp(max=PSNR_CAP_DB)
