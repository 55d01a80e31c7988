"""Any tree of image files: every regular file in it counts as a photograph."""

from repro import paths
from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.cases.medfe.data.files import list_files
from repro.errors import UserError


def open_folder(root: str) -> Catalogue:
    """Returns all files under a folder as photographs, sorted by name.

    Raises:
        UserError: there is no such folder, or no file in it.
    """
    folder = paths.locate(root)
    if not folder.is_dir():
        raise UserError(
            f"data.root={root}: there is no such folder; data.source=folder reads all images under it.\n"
            "Put the path of a folder of images there, e.g. -S data.root=my_photographs"
        )
    names, left_out = list_files(folder)
    if not names:
        raise UserError(
            f"data.root={root}: no file in this folder that could be an image ({len(left_out)} left out).\n"
            "Put PNG, JPEG, WebP, BMP, TIFF, GIF or PPM files there, in subfolders or not."
        )
    return Catalogue({"train": names}, lambda name: {name: folder / name}, left_out)
