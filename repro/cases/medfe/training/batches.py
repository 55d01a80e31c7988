"""Training batches: what sample number p looks like depends on the seed and on p alone, never on the batch size."""

from pathlib import Path
from typing import Any, NamedTuple, assert_never

import numpy as np
import torch
from torch import Tensor

from repro.cases.medfe.augmentation import augment_image, augment_mask
from repro.cases.medfe.data.arrays import open_split
from repro.cases.medfe.masks import open_masks
from repro.cases.medfe.model.discriminator import local_size
from repro.cases.medfe.params.augmentation import AugmentationParams, ImageAugmentation
from repro.cases.medfe.params.loss.adversarial import LocalRegion
from repro.processes import ALONE, Process
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


class ByteBatch(NamedTuple):
    """A batch whose images are bytes still, a quarter of what floats would be, to be copied to the device."""

    images: Tensor
    """(B, 3, S, S) uint8."""
    structures: Tensor
    """(B, 3, S, S) uint8."""
    hole: Tensor
    """As in `Batch`, and what follows too."""
    corners: Tensor
    mix: Tensor

    def to_batch(self, layout: torch.memory_format = torch.preserve_format) -> Batch:
        """Returns the batch on the device of these tensors."""
        image, structure = (scale_bytes(item).contiguous(memory_format=layout) for item in self[:2])
        return Batch(image, structure, self.hole, self.corners, self.mix)


class IndexedBatch(NamedTuple):
    """A batch of images that are on the device already: which ones, and in which order their columns come."""

    images: Tensor
    """(B,) int64: places among the images of the split."""
    columns: Tensor
    """(B, S) int64: which column of the image stands at each place."""
    hole: Tensor
    """As in `Batch`, and what follows too."""
    corners: Tensor
    mix: Tensor

    def look_up(self, images: Tensor, structures: Tensor) -> ByteBatch:
        """Returns the batch from all images and all structure images, (N, 3, S, S) uint8 each, on the same device."""
        columns = self.columns[:, None, None, :].expand(-1, *images.shape[1:])
        image, structure = (torch.gather(array[self.images], 3, columns) for array in (images, structures))
        return ByteBatch(image, structure, self.hole, self.corners, self.mix)


class TrainingBatches:
    """Draws batches from the prepared arrays and the pool of masks.

    Order, masks, augmentation and regions have a random stream each, derived from the seed. Of several processes each
    draws its own rows of the same batches.
    """

    def __init__(
        self,
        prepared: Path,
        masks: Path,
        augmentation: AugmentationParams,
        region: LocalRegion,
        seed: int,
        size: int,
        process: Process = ALONE,
    ) -> None:
        self.split, self.masks = open_split(prepared, "train"), open_masks(masks, "train")
        self.augmentation, self.region = augmentation, region
        self.seed, self.size, self.process = seed, size, process
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step; samples are numbered through from the first step."""
        return self.draw(step).to_batch()

    def draw(self, step: int) -> ByteBatch:
        """Returns the batch of a step as bytes."""
        pairs = [self._images(number) for number in self._numbers(step)]
        images, structures = (torch.from_numpy(np.stack(items)) for items in zip(*pairs, strict=True))
        return ByteBatch(images, structures, *self._holes(step))

    def draw_indices(self, step: int) -> IndexedBatch:
        """Returns the batch of a step without its images; for augmentations of which `permutes_columns` is true."""
        numbers = self._numbers(step)
        images = torch.tensor([self._index(number) for number in numbers])
        columns = torch.from_numpy(np.stack([self._columns(number) for number in numbers]))
        return IndexedBatch(images, columns, *self._holes(step))

    def _numbers(self, step: int) -> range:
        rows = self.size // self.process.ranks
        first = step * self.size + self.process.rank * rows
        return range(first, first + rows)

    def _images(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        index, rng = self._index(number), numpy_generator(self.seed, "training/image", number)
        return augment_image(self.split.images[index], self.split.structure[index], self.augmentation.image, rng)

    def _columns(self, number: int) -> np.ndarray:
        """Returns (S,) int64: the augmentation applied to the numbers of the columns instead of to an image."""
        rng = numpy_generator(self.seed, "training/image", number)
        columns: Any = np.arange(self.split.images.shape[-1])[None, None]
        return augment_image(columns, columns, self.augmentation.image, rng)[0][0, 0]

    def _holes(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Returns holes, corners and mix, as in `Batch`."""
        holes, corners, mixes = zip(*(self._hole(number) for number in self._numbers(step)), strict=True)
        mix = torch.tensor(mixes, dtype=torch.float32).view(-1, 1, 1, 1)
        return torch.from_numpy(np.stack(holes)[:, None]), torch.tensor(corners), mix

    def _hole(self, number: int) -> tuple[np.ndarray, tuple[int, int], float]:
        pick = numpy_generator(self.seed, "training/masks", number).integers(len(self.masks.packed))
        hole = self.masks.read(int(pick))
        hole = augment_mask(hole, self.augmentation.mask, numpy_generator(self.seed, "training/mask", number))
        rng = numpy_generator(self.seed, "training/region", number)
        return hole, place_region(hole, self.region, rng), float(rng.random())

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


def permutes_columns(augmentation: ImageAugmentation) -> bool:
    """Tells whether an augmentation only puts an image's columns in another order, as a flip does."""
    match augmentation:
        case "none" | "flip":
            return True
        case "resize_crop_flip" | "random_crop_flip":
            return False
        case _:
            assert_never(augmentation)


def scale_bytes(images: Tensor) -> Tensor:
    """Returns float32 in [-1, 1] for uint8 of any shape, on the same device."""
    return images.to(torch.float32).div_(127.5).sub_(1)
