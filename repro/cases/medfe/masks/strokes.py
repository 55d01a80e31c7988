"""Irregular free-form holes: strokes of a round brush whose width, heading and length are random.

Source: free-form masks of Yu et al. 2019 (generative_inpainting @3a53243); the numbers are our inference.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

BRUSH = (1 / 32, 1 / 8)
"""Least and largest width of a brush, as a share of the side."""
SEGMENT = (1 / 16, 1 / 4)
"""Least and largest length of a straight piece, as a share of the side."""
TURN = 0.8
"""Standard deviation of the turn between two pieces, radians."""
SEGMENTS = 8
"""Most pieces of one stroke."""


def draw_strokes(rng: np.random.Generator, size_px: int, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Returns a mask of strokes.

    Strokes are added until a ratio drawn from the range is reached. A piece that would overshoot the range is
    taken back, and all later ones are half as wide and long, so that drawing always ends.

    Args:
        rng: the generator of this mask.
        size_px: side of the mask.
        low: the hole ratio is larger than this.
        high: and not larger than this.

    Returns:
        (size_px, size_px) bool, True where there is a hole.
    """
    hole = np.zeros((size_px, size_px), np.uint8)
    goal, scale = rng.uniform(low, high) * hole.size, 1.0
    while np.count_nonzero(hole) <= goal:
        trial = hole.copy()
        _draw_stroke(rng, trial, scale, goal)
        covered = np.count_nonzero(trial)
        if covered <= high * hole.size:
            hole = trial
        elif np.count_nonzero(hole) > low * hole.size and scale < 1 / size_px:
            break
        else:
            scale /= 2
    return hole.astype(bool)


def _draw_stroke(rng: np.random.Generator, hole: npt.NDArray[np.uint8], scale: float, goal: float) -> None:
    """Draws one stroke into the mask, its width and lengths times `scale`; it ends once `goal` pixels are covered."""
    size_px = len(hole)
    width_px = max(1, round(rng.uniform(*BRUSH) * size_px * scale))
    heading = rng.uniform(0, 2 * math.pi)
    x, y = rng.uniform(0, size_px - 1, 2)
    for _ in range(rng.integers(1, SEGMENTS, endpoint=True)):
        length_px = rng.uniform(*SEGMENT) * size_px * scale
        heading += rng.normal(0, TURN)
        end_x = min(max(x + length_px * math.cos(heading), 0.0), size_px - 1.0)
        end_y = min(max(y + length_px * math.sin(heading), 0.0), size_px - 1.0)
        cv2.line(hole, (round(x), round(y)), (round(end_x), round(end_y)), 1, width_px)
        x, y = end_x, end_y
        if np.count_nonzero(hole) > goal:
            return
