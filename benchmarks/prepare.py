"""Preparation of photographs and masks, against Pillow decoding the same files one after the other.

`python -m benchmarks.prepare SIDE FOLDER` measures one side in its own process.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image

from benchmarks.files import PHOTOGRAPH_PX, write_masks, write_photographs
from benchmarks.timing import Row, compare, measure_here, read_peak_mib, run_apart
from repro import paths
from repro.cases.medfe.data import writing
from repro.cases.medfe.data.prepare import prepare_photographs
from repro.cases.medfe.masks import make_masks
from repro.cases.medfe.params import load_params

MODULE: Final = "benchmarks.prepare"
SIZE_PX: Final = 256
SMALL_PX: Final = 64
PAIRS: Final = 3
DECODED, SMOOTHED, MASKED = 1500, 24, 480
"""Files of the rows: few where each takes long."""
FEW, MANY = 1_000, 10_000
LIMIT_MIB: Final = 1024


def rows() -> Iterator[Row]:
    """Yields the rows of preparation, memory and masks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (DECODED, SMOOTHED, FEW, MANY):
            write_photographs(folder / str(count), count)
        write_masks(folder / "masks", MASKED)
        yield _rate_row(f"prepare, {SIZE_PX} px, without structure targets", "plain", folder / str(DECODED))
        yield _rate_row(f"prepare, {SIZE_PX} px, with structure targets", "whole", folder / str(SMOOTHED))
        yield _memory_row(folder)
        yield _rate_row(f"masks from files, {SIZE_PX} px", "mask_files", folder / "masks")
        yield _strokes_row(folder / "masks")


def _rate_row(work: str, side: str, folder: Path) -> Row:
    count = len(list(folder.iterdir()))
    measured = compare(
        lambda: run_apart(MODULE, side, str(folder)), lambda: run_apart(MODULE, "pillow", str(folder)), PAIRS
    )
    ours, pillow = count / measured.ours.seconds, count / measured.reference.seconds
    cores = os.cpu_count() or 1
    return Row(
        work,
        f"{ours:.0f} images/s",
        f"{pillow:.0f} images/s, Pillow decoding",
        measured.times_faster,
        None,
        f"{cores * pillow:.0f} images/s, decoding on {cores} cores",
    )


def _memory_row(folder: Path) -> Row:
    few, many = (run_apart(MODULE, "memory", str(folder / str(count))).peak_mib for count in (FEW, MANY))
    width, height = PHOTOGRAPH_PX
    return Row(
        f"prepare, memory, {MANY:,} files of {width} x {height} px, {SMALL_PX} px",
        f"{many:.0f} MiB",
        f"{few:.0f} MiB with {FEW:,} files",
        None,
        many / few,
        f"{LIMIT_MIB} MiB",
    )


def _strokes_row(folder: Path) -> Row:
    seconds = run_apart(MODULE, "strokes", str(folder)).seconds
    return Row(f"masks, strokes drawn, {SIZE_PX} px", f"{MASKED / seconds:.0f} masks/s", "", None, None, "")


def prepare(folder: Path, size_px: int, output: Path, iterations: int | None = None) -> None:
    """Prepares a square of each photograph of a folder; the smoothing iterates as params.yaml says, or so often."""
    data = load_params(paths.PARAMS).data
    structure = data.structure.model_copy(update={"rtv_iterations": iterations or data.structure.rtv_iterations})
    changes = {"source": "folder", "root": str(folder), "image_px": size_px, "structure": structure}
    counts = {"crops_per_photo": 1, "evaluation_crops_per_photo": 1, "max_photos": None}
    prepare_photographs(data.model_copy(update=changes | counts), output)


def make(source: str, folder: Path, output: Path) -> None:
    """Makes as many masks as the folder has files."""
    changes = {"source": source, "evaluation_source": source, "root": str(folder), "polarity": "hole_is_white"}
    images = {"validation": 1, "test": 1}
    masks = load_params(paths.PARAMS).masks.model_copy(update=changes | {"pool_size": MASKED - 12})
    make_masks(masks, SIZE_PX, images, output)


def decode(folder: Path) -> None:
    """Decodes every file, one after the other."""
    for file in sorted(folder.iterdir()):
        with Image.open(file) as image:
            image.load()


def main(side: str, folder: Path) -> None:
    """Measures one side in this process."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "output"
        calls: Mapping[str, Callable[[], None]] = {
            "plain": lambda: prepare(folder, SIZE_PX, output),
            "whole": lambda: prepare(folder, SIZE_PX, output),
            "memory": lambda: prepare(folder, SMALL_PX, output, iterations=1),  # more take longer, and no more memory
            "mask_files": lambda: make("files", folder, output),
            "strokes": lambda: make("strokes", folder, output),
            "pillow": lambda: decode(folder),
        }
        if side == "plain":
            writing.smooth_images = _keep
        if side == "memory":
            _measure_once(calls[side])
        else:
            measure_here(calls[side], repeats=1)


def _keep(images: Any, _params: Any) -> Any:
    return images


def _measure_once(call: Callable[[], None]) -> None:
    started = time.perf_counter()
    call()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mib": read_peak_mib()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
