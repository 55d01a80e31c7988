"""Prepared photographs and masks, tiny, made by the project's own writers in their real on-disk form."""

from pathlib import Path

import numpy as np
from PIL import Image

from repro.cases.medfe.data.prepare import prepare_photographs
from repro.cases.medfe.masks import make_masks
from repro.cases.medfe.params import Params
from tiny import tiny_params

COUNTS = {"validation": 2, "test": 2}


def write_photographs(folder: Path, count: int = 6, size_px: int = 80) -> Path:
    """Writes smooth random pictures, as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize((size_px, size_px), Image.Resampling.BICUBIC).save(folder / f"picture_{index}.png")
    return folder


def on_disk_params(photographs: Path, overrides: dict | None = None) -> Params:
    """Returns params that read those pictures."""
    source = {
        "data.source": "folder",
        "data.root": str(photographs),
        "data.crops_per_photo": 2,
        "data.evaluation_crops_per_photo": 2,
        "masks.pool_size": 12,
        "evaluation.batch_size": 4,
    }
    return tiny_params(source | (overrides or {}))


def write_prepared(root: Path) -> tuple[Params, Path, Path]:
    """Returns the params, and the folders of prepared photographs and of masks."""
    params = on_disk_params(write_photographs(root / "photographs"))
    prepared, masks = root / "prepared", root / "masks"
    prepare_photographs(params.data, prepared)
    counts = {split: len(np.load(prepared / f"{split}_images.npy", mmap_mode="r")) for split in COUNTS}
    make_masks(params.masks, params.data.image_px, counts, masks)
    return params, prepared, masks
