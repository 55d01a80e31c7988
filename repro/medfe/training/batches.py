"""Training batches: what sample number p looks like depends on the seed and on p alone, never on the batch size."""

from pathlib import Path
from typing import NamedTuple, assert_never

import numpy as np
import torch
from torch import Tensor

from repro.medfe.augmentation import augment_image, augment_mask
from repro.medfe.data.arrays import open_split
from repro.medfe.masks import open_masks
from repro.medfe.model.discriminator import local_size
from repro.medfe.params.augmentation import AugmentationParams
from repro.medfe.params.loss.adversarial import LocalRegion
from repro.randomness import numpy_generator


class Batch(NamedTuple):
    """What one training step sees."""

    image: Tensor
    """(B, 3, S, S) float32 in [-1, 1]."""
    structure: Tensor
    """(B, 3, S, S) float32 in [-1, 1]."""
    hole: Tensor
    """(B, 1, S, S) bool, True in the hole."""
    corners: Tensor
    """(B, 2) int64: top and left pixel of the local discriminator's region."""
    mix: Tensor
    """(B, 1, 1, 1) float32 in [0, 1], for the gradient penalty."""

    def to(self, device: torch.device) -> "Batch":
        """Returns the batch on a device."""
        return Batch(*(item.to(device, non_blocking=True) for item in self))


class TrainingBatches:
    """Draws batches from the prepared arrays and the pool of masks.

    Order, masks, augmentation and regions come from streams of their own, derived from the seed.
    """

    def __init__(
        self, prepared: Path, masks: Path, augmentation: AugmentationParams, region: LocalRegion, seed: int, size: int
    ) -> None:
        self.split, self.masks = open_split(prepared, "train"), open_masks(masks, "train")
        self.augmentation, self.region = augmentation, region
        self.seed, self.size = seed, size
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step; samples are numbered through from the first step."""
        samples = [self._sample(step * self.size + place) for place in range(self.size)]
        images, structures, holes, corners, mixes = zip(*samples, strict=True)
        return Batch(
            to_unit_range(np.stack(images)),
            to_unit_range(np.stack(structures)),
            torch.from_numpy(np.stack(holes)[:, None]),
            torch.tensor(corners),
            torch.tensor(mixes, dtype=torch.float32).view(-1, 1, 1, 1),
        )

    def _sample(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int], float]:
        index = self._index(number)
        pick = numpy_generator(self.seed, "training/masks", number).integers(len(self.masks.packed))
        hole = self.masks.read(int(pick))
        hole = augment_mask(hole, self.augmentation.mask, numpy_generator(self.seed, "training/mask", number))
        image, structure = augment_image(
            self.split.images[index],
            self.split.structure[index],
            self.augmentation.image,
            numpy_generator(self.seed, "training/image", number),
        )
        rng = numpy_generator(self.seed, "training/region", number)
        return image, structure, hole, place_region(hole, self.region, rng), float(rng.random())

    def _index(self, number: int) -> int:
        epoch, place = divmod(number, len(self.split.images))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = numpy_generator(self.seed, "training/order", epoch).permutation(len(self.split.images))
        return int(self._order[place])


def place_region(hole: np.ndarray, region: LocalRegion, rng: np.random.Generator) -> tuple[int, int]:
    """Returns the top left pixel of the local region of a hole (S, S) bool."""
    size_px = hole.shape[-1]
    room = size_px - local_size(size_px)
    top, left = (int(corner) for corner in rng.integers(0, room + 1, size=2))
    match region:
        case "random_crop" | "none":
            return top, left
        case "hole_box":
            if not hole.any():
                return top, left
            middle = [(np.flatnonzero(hole.any(axis=axis)).take([0, -1]).sum() + 1) // 2 for axis in (1, 0)]
            return tuple(int(np.clip(place - local_size(size_px) // 2, 0, room)) for place in middle)  # type: ignore[return-value]
        case _:
            assert_never(region)


def to_unit_range(images: np.ndarray) -> Tensor:
    """Returns float32 in [-1, 1] for uint8 of any shape."""
    return torch.from_numpy(images).to(torch.float32).div_(127.5).sub_(1)
