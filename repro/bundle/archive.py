"""A bundle as bytes: a zip archive that depends on its content alone, and the reading of one that nobody vouches for.

Members are stored as they are: the libraries that compress differ in the last byte, and tables and pictures are
compressed already. Nothing is ever unpacked to the disk.
"""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from repro.audit.ledger.yaml_text import check_regular
from repro.errors import UserError

MOST_MEMBERS: Final = 2000
MOST_BYTES: Final = 512 << 20
"""Of all members together, unpacked; a study's bundle has a few MB."""
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The time that a zip archive can begin with; a bundle has none of its own."""
_ODD: Final = re.compile(r"[\x00-\x1f\x7f\\:]")
_FAULTS: Final = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, OSError)
"""What reading a broken archive can raise."""


class Archive(NamedTuple):
    """An archive that was read.

    Attributes:
        members: content by name, of those that could be read.
        damaged: one line for each that could not, and for bytes between members that are others than are written.
    """

    members: dict[str, bytes]
    damaged: list[str]


def pack_archive(members: Mapping[str, bytes]) -> bytes:
    """Returns the archive of some members; the same members give the same bytes, wherever."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, members[name])
    return stream.getvalue()


def read_archive(file: Path) -> Archive:
    """Reads an archive, into memory.

    Raises:
        UserError: it is no archive, larger than a bundle can be, or holds what no bundle holds: a name twice, a path
            that leads outside, a link.
    """
    try:
        check_regular(file, "expected a bundle")
        if file.stat().st_size > MOST_BYTES:
            raise UserError(f"{file} is larger than a bundle can be ({MOST_BYTES >> 20} MB)")
        packed = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            listed = archive.infolist()
            _check(file, listed)
            members, damaged = _read(archive, listed)
    except _FAULTS as error:
        raise UserError(f"{file} is no archive, or is damaged as a whole ({error})") from None
    if not damaged and pack_archive(members) != packed:
        damaged = [_tell_container(packed, members, [info.filename for info in listed])]
    return Archive(members, damaged)


def _check(file: Path, listed: list[zipfile.ZipInfo]) -> None:
    if len(listed) > MOST_MEMBERS or sum(info.file_size for info in listed) > MOST_BYTES:
        raise UserError(f"{file} unpacks to more than a bundle can be ({MOST_MEMBERS} files, {MOST_BYTES >> 20} MB)")
    seen: set[str] = set()
    for info in listed:
        name, path = info.orig_filename, PurePosixPath(info.orig_filename)
        shown = ascii(name)
        if name.casefold() in seen:
            raise UserError(f"{file} holds {shown} twice")
        if path.is_absolute() or ".." in path.parts or _ODD.search(name) or not path.parts or str(path) != name:
            raise UserError(f"{file} holds {shown}, which is no file below its folder")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{file} holds {shown}, which is a link or no plain file")
        seen.add(name.casefold())


def _read(archive: zipfile.ZipFile, listed: list[zipfile.ZipInfo]) -> tuple[dict[str, bytes], list[str]]:
    members, damaged = {}, []
    for info in listed:
        try:
            with archive.open(info) as stream:
                content = stream.read(info.file_size + 1)
            if len(content) != info.file_size:
                raise ValueError(f"{len(content)} bytes, {info.file_size} announced")
            members[info.filename] = content
        except _FAULTS as error:
            damaged.append(f"{info.filename}: damaged ({error})")
    return members, damaged


def _tell_container(packed: bytes, members: Mapping[str, bytes], order: list[str]) -> str:
    """Returns where an archive whose members are whole differs from the one that these would make."""
    if order != sorted(order):
        return "the archive: its members are in another order than `repro export` writes them"
    ours = pack_archive(members)
    place = next((i for i, (one, other) in enumerate(zip(ours, packed, strict=False)) if one != other), len(ours))
    with zipfile.ZipFile(io.BytesIO(ours)) as archive:
        heads = [(info.header_offset, info.filename) for info in archive.infolist()]
        start = archive.start_dir
    inside = max((head for head in heads if head[0] <= place), default=(0, "?"))[1]
    where = "its table of contents" if place >= start else f"the header of {inside}"
    return f"the archive: byte {place}, in {where}, is another than `repro export` writes; it was repacked or damaged"
