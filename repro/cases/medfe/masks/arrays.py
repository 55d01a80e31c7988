"""Opens the masks that were made: memory-mapped, eight pixels per byte."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from repro.cases.medfe.data.arrays import SplitName
from repro.checksums import check_file
from repro.errors import UserError

RECORD = "masks.json"


class Masks(NamedTuple):
    """The masks of one split.

    Attributes:
        packed: (P, S, ceil(S / 8)) uint8 for training, (N, B, S, ceil(S / 8)) for evaluation.
        size_px: S.
        buckets: names of the hole-ratio buckets; for evaluation in the order of B.
    """

    packed: npt.NDArray[np.uint8]
    size_px: int
    buckets: tuple[str, ...]

    def read(self, *index: int) -> npt.NDArray[np.bool_]:
        """Returns (..., S, S) bool, True where there is a hole: one mask, or all below a shorter index."""
        return np.unpackbits(self.packed[index], axis=-1, count=self.size_px).astype(bool)


def open_masks(folder: Path, split: SplitName) -> Masks:
    """Opens the masks of one split, which `make_masks` has written to the folder.

    Raises:
        UserError: they are not there, or damaged.
    """
    try:
        record = json.loads((folder / RECORD).read_text())
        packed = np.load(folder / f"{split}.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: no masks for the split {split} ({error}).\nMake them first: dvc repro masks"
        ) from None
    for name in (RECORD, f"{split}.npy"):
        check_file(folder, name, "delete the folder and run: dvc repro masks")
    return Masks(packed, record["size_px"], tuple(record["splits"][split]["buckets"]))
