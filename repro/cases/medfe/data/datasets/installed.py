"""The colour photographs that are installed with scikit-image and scikit-learn; nothing is downloaded.

Drawings, charts, microscopy, medical and grey images of these packages are left out. `CREDITS.md` names the
photographers and the licences.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.errors import UserError

PHOTOGRAPHS: Mapping[str, tuple[str, ...]] = {
    "astronaut": ("skimage/data/astronaut.png",),
    "chelsea": ("skimage/data/chelsea.png",),
    "china": ("sklearn/datasets/images/china.jpg",),
    "coffee": ("skimage/data/coffee.png",),
    "flower": ("sklearn/datasets/images/flower.jpg",),
    "hubble_deep_field": ("skimage/data/hubble_deep_field.jpg",),
    "motorcycle": ("skimage/data/motorcycle_left.png", "skimage/data/motorcycle_right.png"),
    "rocket": ("skimage/data/rocket.jpg",),
}
"""Files of each photograph; the stereo pair of the motorcycle shows one scene."""


def open_photos() -> Catalogue:
    """Returns the installed photographs.

    Raises:
        UserError: one of the packages does not hold them.
    """
    for name in PHOTOGRAPHS:
        for file in _find_views(name).values():
            if not file.is_file():
                raise UserError(
                    f"data.source=photos: {file.name} is missing from the installed package {file.parts[-3]}.\n"
                    "Install the pinned versions of the README, or set data.source=folder and data.root."
                )
    return Catalogue({"train": list(PHOTOGRAPHS)}, _find_views, left_out=())


def _find_views(photograph: str) -> dict[str, Path]:
    return {label: _package_file(label) for label in PHOTOGRAPHS[photograph]}


def _package_file(label: str) -> Path:
    package, _, inside = label.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"data.source=photos: the package {package} is not installed; see the README.")
    return Path(spec.origin).parent / inside
