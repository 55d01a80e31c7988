"""What the runs of studies share: prepared photographs, and the holes drawn for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def make_photographs(values: Mapping[str, Any], _: Mapping[str, Path], folder: Path) -> None:
    """Writes the folder of prepared photographs; see `prepare_photographs`."""
    from repro.cases.medfe.data.prepare import prepare_photographs
    from repro.cases.medfe.params.data import DataParams

    prepare_photographs(DataParams.model_validate(values["data"]), folder)


def make_holes(values: Mapping[str, Any], inputs: Mapping[str, Path], folder: Path) -> None:
    """Writes the folder of holes, one set for each of the photographs' squares; see `make_masks`."""
    from repro.cases.medfe.data.arrays import count_images
    from repro.cases.medfe.masks import make_masks
    from repro.cases.medfe.params.masks import MasksParams

    masks, images = MasksParams.model_validate(values["masks"]), count_images(inputs["photographs"])
    make_masks(masks, values["data"]["image_px"], images, folder)
