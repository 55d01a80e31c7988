"""Photographs and masks as files, in the form in which data sets come."""

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from repro.cases.medfe.data.datasets.installed import open_photos
from repro.cases.medfe.masks.buckets import BUCKETS
from repro.cases.medfe.masks.strokes import draw_strokes

PHOTOGRAPH_PX: Final = (341, 256)
"""Width and height: a photograph of 4:3 whose shorter side has the paper's 256 px."""
MASK_PX: Final = 512
"""Side of NVIDIA's published mask files."""
QUALITY: Final = 90


def write_photographs(folder: Path, count: int) -> None:
    """Writes JPEG files, each a random part of one of the installed photographs; no two are alike."""
    folder.mkdir(parents=True)
    catalogue = open_photos()
    files = [file for name in catalogue.published["train"] for file in catalogue.find_views(name).values()]
    photographs = [Image.open(file).convert("RGB") for file in files]
    rng = np.random.default_rng(0)
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        largest = min(photograph.width, photograph.height * 4 // 3)
        width = int(rng.integers(largest // 2, largest))
        height = width * 3 // 4
        left = int(rng.integers(0, photograph.width - width, endpoint=True))
        top = int(rng.integers(0, photograph.height - height, endpoint=True))
        part = photograph.resize(PHOTOGRAPH_PX, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
        part.save(folder / f"{number:06d}.jpg", quality=QUALITY)


def write_masks(folder: Path, count: int) -> None:
    """Writes PNG files, white in the hole, all buckets in turn."""
    folder.mkdir(parents=True)
    for number in range(count):
        bucket = BUCKETS[number % len(BUCKETS)]
        hole = draw_strokes(np.random.default_rng(number), MASK_PX, bucket.low, bucket.high)
        Image.fromarray(hole.astype(np.uint8) * np.uint8(255)).save(folder / f"{number:06d}.png")
