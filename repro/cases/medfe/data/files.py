"""Files that are not trusted: which ones under a folder may be opened, and the bytes of one.

Every regular file counts, since a name says nothing about whether it is an image. A link is followed only into DVC's
cache, where DVC itself may have put what it tracks: another one that leaves the tree reads what the user has not named,
and one that stays inside gives the same image twice, perhaps in two splits.
"""

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from repro.cases.medfe.data.decode import UnreadableImageError

MAX_FILE_BYTES = 512 * 2**20
"""Larger files are left out unread; an image within Pillow's pixel limit does not need more."""

LINK = "symbolic link, not followed (put the file itself there)"
SPECIAL = "no regular file"
UNNAMEABLE = "name that is not UTF-8"
NOT_LISTED = "folder that cannot be listed"

MISSING = "file that is not there"
TOO_LARGE = "file of more than 512 MiB"
FORBIDDEN = "file that cannot be opened"


class LeftOut(NamedTuple):
    """A file that is not used, and why."""

    file: str
    reason: str


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


def read_bytes(path: Path) -> bytes:
    """Returns what a file holds.

    Raises:
        UnreadableImageError: no regular file, too large, or not to be opened.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImageError(MISSING)
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableImageError(TOO_LARGE)
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableImageError(MISSING) from None
    except OSError:
        raise UnreadableImageError(FORBIDDEN) from None


_CACHED = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}")
"""How a path in a cache of DVC 3 ends."""


def _refusal(path: Path, name: str) -> str | None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        target = path.resolve()
        if not (_CACHED.fullmatch(str(target)[-len("/files/md5/ab/") - 30 :]) and target.is_file()):
            return LINK
        mode = target.stat().st_mode
    if not stat.S_ISREG(mode):
        return SPECIAL
    return None if name == _printable(name) else UNNAMEABLE


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
