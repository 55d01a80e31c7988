"""Random changes of a training image each time it is drawn; its structure image changes alike."""

from typing import assert_never

import numpy as np
import numpy.typing as npt
from PIL import Image

from repro.cases.medfe.params.augmentation import ImageAugmentation

UPSAMPLING = 350 / 256
"""Side before the crop over side after it. Source: Shift-Net @a353431."""
CROP = 0.75
"""Least side of a random crop, as a share of the side; our inference."""

Pixels = npt.NDArray[np.uint8]


def augment_image(
    image: Pixels, structure: Pixels, augmentation: ImageAugmentation, rng: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Returns changed copies of an image and its structure image.

    Args:
        image: (3, S, S) uint8.
        structure: (3, S, S) uint8.
        augmentation: what is done, with the same geometry to both.
        rng: the generator of this draw.

    Returns:
        The pair, (3, S, S) uint8 each.
    """
    pair, size_px = np.stack([image, structure]), image.shape[-1]
    match augmentation:
        case "none":
            changed = pair
        case "flip":
            changed = _flip(pair, rng)
        case "resize_crop_flip":
            upsampled = _resize(pair, round(size_px * UPSAMPLING))
            changed = _flip(_crop(upsampled, size_px, rng), rng)
        case "random_crop_flip":
            side_px = int(rng.integers(round(CROP * size_px), size_px, endpoint=True))
            changed = _flip(_resize(_crop(pair, side_px, rng), size_px), rng)
        case _:
            assert_never(augmentation)
    return changed[0], changed[1]


def _flip(pair: Pixels, rng: np.random.Generator) -> Pixels:
    return pair[..., ::-1].copy() if rng.random() < 0.5 else pair


def _crop(pair: Pixels, side_px: int, rng: np.random.Generator) -> Pixels:
    top, left = rng.integers(0, pair.shape[-1] - side_px, 2, endpoint=True)
    return pair[..., top : top + side_px, left : left + side_px]


def _resize(pair: Pixels, side_px: int) -> Pixels:
    """Resizes (2, 3, S, S) bilinearly, with antialiasing where it downsamples."""
    resized = [
        np.asarray(Image.fromarray(pixels.transpose(1, 2, 0)).resize((side_px, side_px), Image.Resampling.BILINEAR))
        for pixels in np.ascontiguousarray(pair)
    ]
    return np.ascontiguousarray(np.stack(resized).transpose(0, 3, 1, 2))
