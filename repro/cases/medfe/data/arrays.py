"""The prepared images on disk: one .npy array per split and kind, appended to while it is made, opened as a memory map.

Neither writing nor reading holds an array in memory, however many images there are.
"""

import csv
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt

from repro.checksums import check_file
from repro.errors import UserError

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)

INDEX = "index.csv"
AGAIN = "delete the folder and run: dvc repro prepare"
COLUMNS = ("split", "index", "photograph", "file", "left", "top", "side_px")
"""`side_px` is empty where the whole photograph was squashed to a square."""


class Split(NamedTuple):
    """The images of one split, in a fixed order.

    Attributes:
        images: (N, 3, S, S) uint8 RGB, memory-mapped and read-only.
        structure: the same shape and type: the structure target of each image.
        photographs: N names; images with the same name show the same photograph.
    """

    images: npt.NDArray[np.uint8]
    structure: npt.NDArray[np.uint8]
    photographs: list[str]


class AppendedArray:
    """A .npy file that grows by one item at a time; its header is put right when it is closed."""

    def __init__(self, file: Path, item_shape: tuple[int, ...]) -> None:
        self._item_shape = item_shape
        self._stream: BinaryIO = file.open("wb")
        self.length = 0
        self._write_header()

    def append(self, items: npt.NDArray[np.uint8]) -> None:
        """Adds items at the end.

        Args:
            items: (K, *item_shape) uint8.
        """
        if items.shape[1:] != self._item_shape or items.dtype != np.uint8:
            raise ValueError(f"expected (K, {self._item_shape}) uint8, got {items.shape} {items.dtype}")
        self._stream.write(np.ascontiguousarray(items).data)
        self.length += len(items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write_header()
        self._stream.close()

    def _write_header(self) -> None:
        # numpy pads the header so that the first axis can grow without moving what follows
        self._stream.seek(0)
        header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (self.length, *self._item_shape)}
        np.lib.format.write_array_header_1_0(self._stream, header)


def images_file(folder: Path, split: SplitName) -> Path:
    """Returns where the images of a split lie."""
    return folder / f"{split}_images.npy"


def structure_file(folder: Path, split: SplitName) -> Path:
    """Returns where the structure targets of a split lie."""
    return folder / f"{split}_structure.npy"


def count_images(folder: Path) -> dict[SplitName, int]:
    """Returns how many images each split holds.

    Raises:
        UserError: as `open_split`.
    """
    return {split: len(open_split(folder, split).images) for split in SPLITS}


def open_split(folder: Path, split: SplitName) -> Split:
    """Returns the images of one split without reading them into memory.

    Raises:
        UserError: the folder does not hold prepared photographs, they are damaged, or they do not fit together.
    """
    try:
        images = np.load(images_file(folder, split), mmap_mode="r", allow_pickle=False)
        structure = np.load(structure_file(folder, split), mmap_mode="r", allow_pickle=False)
        photographs = _read_photographs(folder / INDEX, split)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: no prepared photographs for the split {split} ({error}).\nPrepare them first: dvc repro prepare"
        ) from None
    for file in (images_file(folder, split), structure_file(folder, split), folder / INDEX):
        check_file(folder, file.name, AGAIN)
    if not len(images) == len(structure) == len(photographs):
        raise UserError(
            f"{folder}: {len(images)} images, {len(structure)} structure images and {len(photographs)} rows of {INDEX} "
            f"in the split {split}.\nThese must be equal; {AGAIN}"
        )
    return Split(images, structure, photographs)


def _read_photographs(index: Path, split: SplitName) -> list[str]:
    with index.open(newline="", encoding="utf-8") as stream:
        return [row["photograph"] for row in csv.DictReader(stream) if row["split"] == split]
