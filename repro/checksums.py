"""The SHA-256 of what lies in a folder, kept beside it: bytes that the disk has changed are found before they are used.

In the form that `sha256sum -c SHA256SUMS` reads too.
"""

from collections.abc import Collection
from functools import cache
from pathlib import Path

from repro.errors import UserError
from repro.storage import hash_file

CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: Path, names: Collection[str] | None = None) -> None:
    """Writes the SHA-256 of every file below a folder, or of those named that are there, into its file `CHECKSUMS`."""
    found = folder.rglob("*") if names is None else (folder / name for name in names)
    files = sorted(item for item in found if item.is_file() and item.name != CHECKSUMS)
    lines = [f"{hash_file(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def check_file(folder: Path, name: str, remedy: str) -> None:
    """Checks that a file is as it was when its folder was written; once for each state of the file in this process.

    Args:
        folder: holds `CHECKSUMS`.
        name: of the file below it, with `/` between folders.
        remedy: what mends it, a command or a short sentence.

    Raises:
        UserError: it is missing, another one, or the folder has no checksums.
    """
    try:
        status = (folder / name).stat()
        expected = _checksums(folder).get(name)
        found = _hash_unchanged(folder / name, status.st_mtime_ns, status.st_size, status.st_ino)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / name} cannot be checked ({error})\n  {remedy}") from None
    if found != expected:
        raise UserError(f"{folder / name} is damaged: its SHA-256 is not the one in {CHECKSUMS}\n  {remedy}")


def check_folder(folder: Path, remedy: str) -> None:
    """Checks that every listed file of a folder is as it was when the folder was written; see `check_file`.

    Raises:
        UserError: one is missing or another one, or the folder has no checksums.
    """
    try:
        names = _checksums(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be checked ({error})\n  {remedy}") from None
    for name in names:
        check_file(folder, name, remedy)


def _checksums(folder: Path) -> dict[str, str]:
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


@cache
def _hash_unchanged(file: Path, mtime_ns: int, size: int, inode: int) -> str:  # noqa: ARG001
    return hash_file(file)
