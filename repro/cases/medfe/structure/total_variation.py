"""Structure by relative total variation: texture is what varies a lot within a window and sums up to little.

Per iteration: weights from the current estimate, then one linear system on the photograph itself, images in [0, 1].

Source: Xu, Yan, Xia & Jia 2012, "Structure extraction from texture via relative total variation", sections 3 and
4, with the conventions of their program: the smoothing is halved, the windowed total variation (their outer
Gaussian) is left to the pixel's own gradient, floors are maxima instead of sums, and the window sees zeros
outside the image.
Departs: the systems are solved directly; their program stops at a relative residual of 0.1.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from repro.cases.medfe.structure.solver.grid import solve_grid

WINDOW_FLOOR = 1e-3
"""Least windowed inherent variation that is divided by. Source: the authors' program."""
LEAST_SIGMA_PX = 0.5
"""The window is halved in each iteration, but not below this. Source: the authors' program."""


def relative_total_variation(
    images: Tensor, smoothing: float, sigma_px: float, sharpness: float, iterations: int
) -> Tensor:
    """Returns the structure of images.

    On a CPU each image is smoothed by one thread, and torch's number of threads is how many are smoothed at a time; so
    neither that number nor the rest of the batch changes a bit. On a GPU the batch is smoothed as one.

    Args:
        images: (B, C, H, W) float32 in [0, 1].
        smoothing: weight of the penalty (their lambda).
        sigma_px: scale up to which a pattern counts as texture, pixels.
        sharpness: floor of the pixel's own gradient (their epsilon_s); larger is blurrier.
        iterations: how many times weights and image are updated in turn.

    Returns:
        (B, C, H, W) float32, in [0, 1] up to rounding.
    """
    smooth = partial(_smooth, smoothing=smoothing, sigma_px=sigma_px, sharpness=sharpness, iterations=iterations)
    if images.device.type != "cpu":
        return smooth(images)
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, "smooth", initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return torch.cat(list(pool.map(smooth, images.split(1))))
    finally:
        torch.set_num_threads(threads)  # what the workers set also holds for threads that start later


def _smooth(images: Tensor, *, smoothing: float, sigma_px: float, sharpness: float, iterations: int) -> Tensor:
    structure = images
    for _ in range(iterations):
        right, down = find_weights(structure, sigma_px, sharpness)
        structure = solve_grid(images, smoothing / 2 * right, smoothing / 2 * down, structure)
        sigma_px = max(sigma_px / 2, LEAST_SIGMA_PX)
    return structure


def find_weights(images: Tensor, sigma_px: float, sharpness: float) -> tuple[Tensor, Tensor]:
    """Returns the weights of the edges of the pixel grid, before they are multiplied by the smoothing.

    Args:
        images: (B, C, H, W) floats in [0, 1], the current estimate.
        sigma_px: of the window, pixels.
        sharpness: see `relative_total_variation`.

    Returns:
        Of the same type: those to the right (B, 1, H, W - 1) and down (B, 1, H - 1, W).
    """
    across, along = F.pad(torch.diff(images, dim=-1), (0, 1)), F.pad(torch.diff(images, dim=-2), (0, 0, 0, 1))
    gradient = torch.hypot(across, along).mean(1, keepdim=True).clamp_min(sharpness)
    blurred = _blur(images, sigma_px)
    right = torch.diff(blurred, dim=-1).abs().mean(1, keepdim=True).clamp_min(WINDOW_FLOOR)
    down = torch.diff(blurred, dim=-2).abs().mean(1, keepdim=True).clamp_min(WINDOW_FLOOR)
    return 1 / (right * gradient[..., :-1]), 1 / (down * gradient[..., :-1, :])


def _blur(images: Tensor, sigma_px: float) -> Tensor:
    """Returns the images under a Gaussian window of about five sigma, zeros outside."""
    radius = math.floor(5 * sigma_px + 0.5) // 2
    taps = [math.exp(-(offset**2) / (2 * sigma_px**2)) for offset in range(-radius, radius + 1)]
    for dim in (-1, -2):
        padded = F.pad(images, (radius, radius) if dim == -1 else (0, 0, radius, radius))
        images = torch.zeros_like(images)
        for start, tap in enumerate(taps):
            images.add_(padded.narrow(dim, start, images.shape[dim]), alpha=tap / sum(taps))
    return images
