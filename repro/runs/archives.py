"""Folders as bytes, to be sent between machines, and back.

An archive cannot write outside the folder that it is unpacked to.
"""

import hashlib
import io
import tarfile
from pathlib import Path, PurePosixPath

from repro.errors import UserError


def pack(folder: Path) -> bytes:
    """Returns the files of a folder as one compressed archive, under their relative names."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.add(file, str(file.relative_to(folder)), recursive=False)
    return stream.getvalue()


def hash_bytes(archive: bytes) -> str:
    """Returns the SHA-256 of an archive."""
    return hashlib.sha256(archive).hexdigest()


def unpack(archive: bytes, folder: Path) -> None:
    """Writes the files of an archive into a folder.

    Raises:
        UserError: it is no archive, or holds anything but plain files below that folder; nothing is then written.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members_of:
            members = members_of.getmembers()
            for member in members:
                _check(member)
            for member in members:
                content = members_of.extractfile(member)
                assert content is not None
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"what has come back is no archive ({error})") from None


def _check(member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or ".." in name.parts or not name.parts:
        raise UserError(f"what has come back holds {member.name!r}, which is no file below its folder")
