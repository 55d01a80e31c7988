"""The preparation report: what was read, converted, left out, upsampled, and how large the photographs were.

It counts, and writes what cannot be counted, the names of files that were left out, to a file at once: a data set of
millions must not fill the memory.
"""

import csv
from array import array
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from repro.cases.medfe.data.arrays import SPLITS, SplitName
from repro.cases.medfe.data.files import LeftOut

LEFT_OUT = "left_out.csv"
REPORT = "report.json"

EXAMPLES = 10
"""How many files that were left out the report names; the file names all."""


class PreparationReport:
    """Counts of one preparation, per split where that makes sense."""

    def __init__(self, folder: Path) -> None:
        self.photographs: Counter[SplitName] = Counter()
        self.images: Counter[SplitName] = Counter()
        """Crops of these photographs."""
        self.upsampled: Counter[SplitName] = Counter()
        """Crops of fewer pixels than `data.image_px`."""
        self._conversions: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._examples: list[LeftOut] = []
        self._several_views: dict[str, list[str]] = {}
        self._several_count = 0
        self._widths_px = array("L")
        self._heights_px = array("L")
        self._left_out = folder / LEFT_OUT
        self._write_row("file", "reason", mode="w")

    @property
    def files_read(self) -> int:
        """How many files gave an image."""
        return len(self._widths_px)

    @property
    def files_left_out(self) -> int:
        """How many files gave none."""
        return self._reasons.total()

    def leave_out(self, item: LeftOut) -> None:
        """Counts a file that is not used."""
        self._reasons[item.reason] += 1
        if len(self._examples) < EXAMPLES:
            self._examples.append(item)
        self._write_row(*item, mode="a")

    def add_photograph(self, split: SplitName, photograph: str, views: dict[str, Image.Image]) -> None:
        """Counts a photograph that is used, with its files."""
        self.photographs[split] += 1
        for image in views.values():
            self._widths_px.append(image.width)
            self._heights_px.append(image.height)
        if len(views) > 1:
            self._several_count += 1
            if len(self._several_views) < EXAMPLES:
                self._several_views[photograph] = list(views)

    def add_conversions(self, kinds: tuple[str, ...]) -> None:
        """Counts the kinds of conversion that one file needed."""
        self._conversions.update(kinds)

    def summary(self) -> dict[str, Any]:
        """Returns all counts in a form that JSON can hold."""
        return {
            "photographs": {split: self.photographs[split] for split in SPLITS},
            "images": {split: self.images[split] for split in SPLITS},
            "upsampled_images": {split: self.upsampled[split] for split in SPLITS},
            "files_read": self.files_read,
            "files_converted": dict(self._conversions),
            "files_left_out": self.files_left_out,
            "left_out_reasons": dict(self._reasons),
            "left_out_examples": [item._asdict() for item in self._examples],
            "photographs_of_several_files": self._several_count,
            "several_files_examples": self._several_views,
            "file_width_px": _summary(self._widths_px),
            "file_height_px": _summary(self._heights_px),
        }

    def _write_row(self, *row: str, mode: str) -> None:
        with self._left_out.open(mode, newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow(row)


def _summary(values: "array[int]") -> dict[str, float]:
    return {"smallest": min(values), "median": median(values), "largest": max(values)} if values else {}
