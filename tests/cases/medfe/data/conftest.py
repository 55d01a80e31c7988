"""Params and small image files in their real on-disk form; smoothing is replaced by a negative, which is cheap."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from repro.cases.medfe.data import writing
from repro.cases.medfe.params.data import DataParams

STRUCTURE = {
    "method": "rtv",
    "order": "after_resize",
    "rtv_lambda": 0.015,
    "rtv_sigma_px": 3.0,
    "rtv_sharpness": 0.001,
    "rtv_iterations": 3,
}

VALUES: dict[str, Any] = {
    "source": "folder",
    "root": "",
    "image_px": 64,
    "resize": "centre_crop",
    "crops_per_photo": 1,
    "evaluation_crops_per_photo": 1,
    "validation_share": 0.2,
    "test_share": 0.2,
    "split_seed": 0,
    "max_photos": None,
}


@pytest.fixture
def data_params() -> Callable[..., DataParams]:
    def build(order: str = "after_resize", **changed: Any) -> DataParams:
        return DataParams.model_validate(VALUES | changed | {"structure": STRUCTURE | {"order": order}})

    return build


@pytest.fixture
def negative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "smooth_images", lambda images, _: 255 - images)


@pytest.fixture
def write_photographs() -> Callable[..., list[Path]]:
    """Writes noise images of different sizes and contents; the same number always gives the same file."""

    def write(folder: Path, numbers: range, suffix: str = ".png") -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number in numbers:
            noise = np.random.default_rng(number).integers(0, 256, (70 + number % 5, 90, 3), dtype=np.uint8)
            files.append(folder / f"{number:06d}{suffix}")
            Image.fromarray(noise).save(files[-1])
        return files

    return write
