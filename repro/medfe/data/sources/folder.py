"""Any tree of image files.

A walk of the tree flows in as names relative to its root. What a file holds is not looked at here: its name says
nothing about whether it is an image. Links are not followed: one that leaves the tree reads what the user has not
named, and one that stays inside gives the same photograph twice, perhaps in two splits.
"""

import os
import stat
from pathlib import Path

from repro.errors import UserError
from repro.medfe.data.sources.catalogue import Catalogue, LeftOut, locate

LINK = "symbolic link"
SPECIAL = "no regular file"
UNNAMEABLE = "name that is not UTF-8"
NOT_LISTED = "folder that cannot be listed"


def open_folder(root: str) -> Catalogue:
    """Returns all files under a folder as photographs, sorted by name.

    Raises:
        UserError: there is no such folder, or no file in it.
    """
    folder = locate(root)
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


def list_files(folder: Path) -> tuple[list[str], list[LeftOut]]:
    """Returns the names of the regular files under a folder, sorted, with `/` between folders; and all others."""
    names: list[str] = []
    left_out: list[LeftOut] = []

    def note_unlisted(error: OSError) -> None:
        left_out.append(LeftOut(_printable(os.path.relpath(error.filename, folder)), NOT_LISTED))

    for place, folders, files in os.walk(folder, onerror=note_unlisted):
        for file in [*files, *(item for item in folders if (Path(place) / item).is_symlink())]:
            path = Path(place) / file
            name = path.relative_to(folder).as_posix()
            reason = _refusal(path, name)
            if reason is None:
                names.append(name)
            else:
                left_out.append(LeftOut(_printable(name), reason))
    return sorted(names), sorted(left_out)


def _refusal(path: Path, name: str) -> str | None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return LINK
    if not stat.S_ISREG(mode):
        return SPECIAL
    return None if name == _printable(name) else UNNAMEABLE


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
