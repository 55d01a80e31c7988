"""The images and holes that every method is measured on: each test image with one fixed hole of each bucket.

Always in the same order: image by image, and within an image bucket by bucket.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from repro.cases.medfe.data.arrays import open_split
from repro.cases.medfe.masks import open_masks
from repro.errors import UserError


class Batch(NamedTuple):
    """Some pairs.

    Attributes:
        image: (B,) which test image.
        bucket: (B,) name of the hole-ratio bucket.
        truth: (B, 3, S, S) uint8 RGB.
        hole: (B, S, S) bool, True in the hole.
    """

    image: list[int]
    bucket: list[str]
    truth: NDArray[np.uint8]
    hole: NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Every test image with every bucket.

    Attributes:
        images: (N, 3, S, S) uint8 RGB, as a rule a memory map.
        photographs: (N,) which photograph each image was cut from.
        buckets: names of the hole-ratio buckets.
        read_hole: from image and number of the bucket to (S, S) bool, True in the hole.
    """

    images: NDArray[np.uint8]
    photographs: list[str]
    buckets: tuple[str, ...]
    read_hole: Callable[[int, int], NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.images) * len(self.buckets)

    def batches(self, batch_size: int, chosen: Sequence[tuple[int, int]] | None = None) -> Iterator[Batch]:
        """Yields all pairs, or those of the chosen images and numbers of buckets, at most `batch_size` at a time."""
        places = [divmod(pair, len(self.buckets)) for pair in range(len(self))] if chosen is None else chosen
        for start in range(0, len(places), batch_size):
            yield self._read(places[start : start + batch_size])

    def read(self, image: int, bucket: str) -> Batch:
        """Returns one pair as a batch of one."""
        return self._read([(image, self.buckets.index(bucket))])

    def _read(self, places: Sequence[tuple[int, int]]) -> Batch:
        return Batch(
            image=[image for image, _ in places],
            bucket=[self.buckets[bucket] for _, bucket in places],
            truth=np.stack([self.images[image] for image, _ in places]),
            hole=np.stack([self.read_hole(image, bucket) for image, bucket in places]),
        )


def open_pairs(prepared: Path, masks: Path) -> Pairs:
    """Opens the test split and its holes.

    Raises:
        UserError: the holes were made for other images.
    """
    split, holes = open_split(prepared, "test"), open_masks(masks, "test")
    if len(holes.packed) != len(split.images) or holes.size_px != split.images.shape[-1]:
        raise UserError(
            f"{masks} holds holes for {len(holes.packed)} test images of {holes.size_px} px, but {prepared} holds "
            f"{len(split.images)} of {split.images.shape[-1]} px.\nMake both anew: dvc repro"
        )
    return Pairs(split.images, split.photographs, holes.buckets, holes.read)
