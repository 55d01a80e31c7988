"""Regular holes: a random box, and the square in the centre."""

import math

import numpy as np
import numpy.typing as npt

ASPECT = 3.0
"""A box is at most so many times as long as wide; our inference."""


def draw_box(rng: np.random.Generator, size_px: int, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Returns one box of random aspect and place; arguments as `draw_strokes`."""
    while True:
        area_px = rng.uniform(low, high) * size_px**2
        aspect = math.exp(rng.uniform(-math.log(ASPECT), math.log(ASPECT)))
        height = min(size_px, max(1, round(math.sqrt(area_px * aspect))))
        width = min(size_px, max(1, round(area_px / height)))
        if low < height * width / size_px**2 <= high:
            break
    top, left = rng.integers(0, size_px - height + 1), rng.integers(0, size_px - width + 1)
    hole = np.zeros((size_px, size_px), bool)
    hole[top : top + height, left : left + width] = True
    return hole


def draw_centre(_rng: np.random.Generator, size_px: int, _low: float, _high: float) -> npt.NDArray[np.bool_]:
    """Returns the centre square of half the side; its ratio is a quarter, whatever is asked for."""
    hole = np.zeros((size_px, size_px), bool)
    start = size_px // 4
    hole[start : start + size_px // 2, start : start + size_px // 2] = True
    return hole
