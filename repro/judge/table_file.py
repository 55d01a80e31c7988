"""The text of a file: unpacked where it is compressed, decoded by its own mark. Knows no columns."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

from repro.errors import UserError

MOST_BYTES = 2 * 1024**3
"""Of a file, unpacked: beyond, a table is one of steps or items, not of runs."""
PACKED = (".gz", ".bz2", ".xz", ".zip")
_MARKS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}


def find_suffix(file: Path) -> str:
    """Returns the suffix that says what a file holds, whatever it is packed in.

    Example:
        >>> find_suffix(Path("runs.JSONL.gz"))
        '.jsonl'
    """
    name = file.with_suffix("") if file.suffix.lower() in PACKED else file
    return name.suffix.lower()


def read_text(file: Path) -> str:
    """Returns the text of a file, its lines ended by a newline alone.

    Raises:
        UserError: it is no text, is packed in a way that cannot be undone, or is in no encoding that it names.
    """
    data = _unpack(file, file.read_bytes())
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        encoding = "utf-32"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in data[:4096]:
        head = data[:4096]
        odd, even = head[1::2].count(0), head[::2].count(0)
        if max(odd, even) < len(head) // 4:
            raise UserError(f"{file} is no text: it has zero bytes\n  expected CSV, TSV, JSON lines or parquet")
        encoding = "utf-16-le" if odd > even else "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}, line {line}: no {encoding.removesuffix('-sig')}\n"
            "  save it as UTF-8 (spreadsheets: CSV UTF-8; else: iconv -f cp1252 -t utf-8)"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _unpack(file: Path, data: bytes) -> bytes:
    kind = next((kind for mark, kind in _MARKS.items() if data.startswith(mark)), "")
    if not kind:
        return data
    try:
        if kind == "zip":
            return _unpack_zip(file, data)
        with _open(kind, data) as stream:
            found = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error):
        raise UserError(f"{file}: what was packed with {kind} is broken\n  unpack it, and judge the table") from None
    if len(found) > MOST_BYTES:
        raise UserError(f"{file} holds more than 2 GiB\n  keep one row for each run, the last step")
    return found


def _open(kind: str, data: bytes) -> io.BufferedIOBase:
    packed = io.BytesIO(data)
    match kind:
        case "gzip":
            return gzip.GzipFile(fileobj=packed)
        case "bzip2":
            return bz2.BZ2File(packed)
        case _:
            return lzma.LZMAFile(packed)


def _unpack_zip(file: Path, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [
            item for item in archive.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX")
        ]
        if len(members) != 1:
            named = ", ".join(item.filename for item in members[:4])
            raise UserError(f"{file} holds {len(members)} files ({named})\n  unpack it, and judge one of them")
        if members[0].file_size > MOST_BYTES:
            raise UserError(f"{file} holds more than 2 GiB\n  keep one row for each run, the last step")
        try:
            return archive.read(members[0])
        except RuntimeError:  # it wants a password
            raise UserError(f"{file} is locked by a password\n  unpack it, and judge the table") from None
