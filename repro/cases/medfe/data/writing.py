"""Crops are resized to squares, smoothed to structure targets and written, in small groups.

The structure target is made after the resize or before it, as `data.structure.order` says.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Self, assert_never

import numpy as np
import numpy.typing as npt
from PIL import Image

from repro.cases.medfe.data.arrays import AppendedArray, SplitName, images_file, structure_file
from repro.cases.medfe.data.crops import CropBox, resize_to_square
from repro.cases.medfe.params.data import DataParams
from repro.cases.medfe.structure import smooth_images

GROUP_PX = 2**19
"""Pixels that are smoothed and written together; no effect on the numbers.

Enough to smooth in long vectors, and few, because nothing else is cut in the meantime.
"""

LARGEST_SMOOTHED_PX = 512
"""Before the resize, a larger crop is first downsampled to this side: the cost of smoothing grows with the area.

Departs: from a smoothing of the photograph exactly as it was shot, where that is larger or is squashed to a square.
"""


class RowWriter(Protocol):
    """What writes one row of the index; a writer of the module csv is one."""

    def writerow(self, row: tuple[object, ...], /) -> object:
        """Writes one row."""
        ...


class SplitWriter:
    """Writes the images of one split."""

    def __init__(self, folder: Path, split: SplitName, params: DataParams, index: RowWriter) -> None:
        self.split = split
        self._params = params
        self._index = index
        self._written = 0
        self._images: list[npt.NDArray[np.uint8]] = []
        self._structure: list[npt.NDArray[np.uint8]] = []
        shape = (3, params.image_px, params.image_px)
        self._open = ExitStack()
        self._image_array = self._open.enter_context(AppendedArray(images_file(folder, split), shape))
        self._structure_array = self._open.enter_context(AppendedArray(structure_file(folder, split), shape))

    def append(self, photograph: str, file: str, box: CropBox, pixels: Image.Image) -> None:
        """Adds one image.

        Args:
            photograph: name of the photograph.
            file: name of its file.
            box: where the pixels come from in the photograph.
            pixels: RGB at the photograph's own resolution; larger than `image_px` or not.
        """
        side_px = box.width_px if box.width_px == box.height_px else ""
        row = self.split, self._written + len(self._images), photograph, file, box.left, box.top, side_px
        self._index.writerow(row)
        self._images.append(to_array(resize_to_square(pixels, self._params.image_px)))
        if self._params.structure.order == "before_resize":
            self._structure.append(self._smooth_before_resize(pixels))
        if len(self._images) * self._params.image_px**2 >= GROUP_PX:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is None:
                self._flush()

    def _flush(self) -> None:
        if not self._images:
            return
        images = np.stack(self._images)
        match self._params.structure.order:
            case "after_resize":
                structure = smooth_images(images, self._params.structure)
            case "before_resize":
                structure = np.stack(self._structure)
            case _:
                assert_never(self._params.structure.order)
        self._image_array.append(images)
        self._structure_array.append(structure)
        self._written += len(images)
        self._images, self._structure = [], []

    def _smooth_before_resize(self, pixels: Image.Image) -> npt.NDArray[np.uint8]:
        side_px = min(max(pixels.size), LARGEST_SMOOTHED_PX)
        smoothed = smooth_images(to_array(resize_to_square(pixels, side_px))[None], self._params.structure)[0]
        return to_array(resize_to_square(Image.fromarray(smoothed.transpose(1, 2, 0)), self._params.image_px))


def to_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Returns an RGB image as (3, H, W) uint8."""
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))
