"""Random changes of a training mask each time it is drawn."""

from typing import assert_never

import cv2
import numpy as np
import numpy.typing as npt

from repro.cases.medfe.params.augmentation import MaskAugmentation

DILATION = 5 / 256
"""A hole is dilated by at most this share of the side; our inference, the readme gives no number."""
CROP = 0.75
"""Least side of the square that is cut out, as a share of the side; our inference."""

Mask = npt.NDArray[np.bool_]


def augment_mask(hole: Mask, augmentation: MaskAugmentation, rng: np.random.Generator) -> Mask:
    """Returns a changed copy of a mask.

    Args:
        hole: (S, S) bool, True where there is a hole.
        augmentation: what is done.
        rng: the generator of this draw.

    Returns:
        (S, S) bool.
    """
    match augmentation:
        case "none":
            return hole.copy()
        case "flip":
            vertical, horizontal = (int(step) for step in rng.choice([1, -1], 2))
            return hole[::vertical, ::horizontal].copy()
        case "rotate_dilate_crop":
            return _rotate_dilate_crop(hole, rng)
        case _:
            assert_never(augmentation)


def _rotate_dilate_crop(hole: Mask, rng: np.random.Generator) -> Mask:
    """Rotates by any angle, dilates the hole, crops a square and upsamples it; all without grey in between.

    A mask that would have no hole left, or nothing else, is returned as it came.
    """
    size_px = len(hole)
    centre = ((size_px - 1) / 2, (size_px - 1) / 2)
    rotation = cv2.getRotationMatrix2D(centre, rng.uniform(0, 360), 1.0)
    changed = cv2.warpAffine(hole.astype(np.uint8), rotation, (size_px, size_px), flags=cv2.INTER_NEAREST)

    grow_px = int(rng.integers(0, round(DILATION * size_px), endpoint=True))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow_px + 1, 2 * grow_px + 1))
    changed = cv2.dilate(changed, disc)

    side_px = int(rng.integers(round(CROP * size_px), size_px, endpoint=True))
    top, left = rng.integers(0, size_px - side_px, 2, endpoint=True)
    cut = changed[top : top + side_px, left : left + side_px]
    result = cv2.resize(cut, (size_px, size_px), interpolation=cv2.INTER_NEAREST).astype(bool)
    return result if 0 < result.mean() < 1 else hole.copy()
