"""Any tree of image files: every regular file in it counts as a photograph.

A tree that is split already, into folders of the usual names, keeps its split.
"""

from collections.abc import Mapping

from repro import paths
from repro.cases.medfe.data.arrays import SplitName
from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.cases.medfe.data.files import LeftOut, list_files
from repro.errors import UserError

SPLIT_FOLDERS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""What the folders of a split are called, in small or capital letters."""
OUTSIDE = "outside the folders of the split"


def open_folder(root: str) -> Catalogue:
    """Returns all files under a folder as photographs, sorted by name.

    Where it holds a folder `train` and one for validation or test, these are the splits; one that is missing is cut
    from `train`, and what lies outside them is left out.

    Raises:
        UserError: there is no such folder, or no file in it or in one of its splits.
    """
    folder = paths.locate(root)
    if not folder.is_dir():
        raise UserError(
            f"data.root={root}: there is no such folder; data.source=folder reads all images under it.\n"
            "Put the path of a folder of images there, e.g. -S data.root=my_photographs"
        )
    names, left_out = list_files(folder)
    if not names:
        reasons = ", ".join(sorted({item.reason for item in left_out}))
        raise UserError(
            f"data.root={root}: no file in this folder that could be an image ({len(left_out)} left out"
            f"{': ' + reasons if reasons else ''}).\n"
            "Put PNG, JPEG, WebP, BMP, TIFF, GIF or PPM files there, in subfolders or not."
        )
    splits = _find_splits([item.name for item in folder.iterdir() if item.is_dir()])
    if not ("train" in splits.values() and len(set(splits.values())) > 1):
        return Catalogue({"train": names}, lambda name: {name: folder / name}, left_out)
    published: dict[SplitName, list[str]] = {split: [] for split in splits.values()}
    outside: list[LeftOut] = []
    for name in names:
        first, inside, _ = name.partition("/")
        if inside and first in splits:
            published[splits[first]].append(name)
        else:
            outside.append(LeftOut(name, OUTSIDE))
    empty = sorted(first for first, split in splits.items() if not published[split])
    if empty:
        raise UserError(f"data.root={root}: no image in its folder {empty[0]}\n  put some there, or remove the folder")
    return Catalogue(published, lambda name: {name: folder / name}, [*left_out, *outside])


def _find_splits(folders: list[str]) -> dict[str, SplitName]:
    return {name: SPLIT_FOLDERS[name.lower()] for name in sorted(folders) if name.lower() in SPLIT_FOLDERS}
