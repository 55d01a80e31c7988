"""Folders outside the project that only this user can write: from one process to the next, or for a moment.

Code is run from them, so that nobody else may have had a hand in it: what lies under a name that anybody can guess is
used only where it is this user's own; otherwise a fresh one is made.
"""

import grp
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repro import paths
from repro.errors import UserError

SITE_CACHE = "DVC_SITE_CACHE_DIR"
"""The variable by which DVC is told where it remembers files."""


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """Yields the folder of that name among the temporary files: kept if it is this user's own, else a passing one.

    Args:
        name: of the folder; the number of the user is added.

    Raises:
        UserError: others can rename what lies among the temporary files.
    """
    if (folder := kept_folder(name)) is not None:
        yield folder
        return
    with passing_folder(name) as passing:
        yield passing


def kept_folder(name: str) -> Path | None:
    """Returns the folder of that name among the temporary files, made if need be; None: it is not this user's own.

    Args:
        name: of the folder; the number of the user is added.

    Raises:
        UserError: others can rename what lies among the temporary files.
    """
    folder = _around() / f"{name}-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    return folder if _is_own(folder) else None


@contextmanager
def passing_folder(name: str) -> Iterator[Path]:
    """Yields a new folder among the temporary files, or in the project where others can rename these; removes it.

    Args:
        name: that its own begins with.
    """
    passing = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_around_or_project()))
    try:
        yield passing
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def keep_dvc_apart() -> None:
    """Has DVC remember files where only this user can write, unless the environment names a place.

    Left alone it does so below /var/tmp/dvc, which everybody can write, and runs what is pickled there. A folder among
    the temporary files is local and so fast; where none of this user's own is to be had, it is in the project.
    """
    if SITE_CACHE in os.environ:
        return
    try:
        folder = kept_folder("repro-dvc")
    except UserError:
        folder = None
    if folder is None:
        folder = (paths.state() / "dvc").absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[SITE_CACHE] = str(folder)


def _is_own(folder: Path) -> bool:
    """Tells whether a name is that of a folder, and no link, of this user that no other can write."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not _is_open(found)


def _around() -> Path:
    """Returns the folder of temporary files.

    Raises:
        UserError: others can rename what lies there.
    """
    folder = Path(tempfile.gettempdir()).resolve()
    trusted = {0, os.getuid()}
    with suppress(OSError, ValueError):  # in a container without rights of its own that is how root's files look
        trusted.add(int(Path("/proc/sys/kernel/overflowuid").read_text()))
    for each in (folder, *folder.parents):
        found = each.stat()
        if found.st_uid not in trusted or (_is_open(found) and not found.st_mode & stat.S_ISVTX):
            raise UserError(
                f"{each}: other users can replace what lies there, so that no code is run from {folder}\n"
                "  name another folder for temporary files in TMPDIR"
            )
    return folder


def _around_or_project() -> Path:
    try:
        return _around()
    except UserError:
        state = paths.state().absolute()
        state.mkdir(parents=True, exist_ok=True)
        return state


def _is_open(found: os.stat_result) -> bool:
    """Tells whether others can write a folder; the group that many systems give each user is no others."""
    return bool(found.st_mode & stat.S_IWOTH) or (bool(found.st_mode & stat.S_IWGRP) and not _is_private(found.st_gid))


def _is_private(group: int) -> bool:
    try:
        return grp.getgrgid(group).gr_name == pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return False
