"""Writing that cannot leave anything half-written, and the hashes that results are keyed by."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the place of `folder` once the block has ended without an error.

    Where `folder` is a link, the folder that it names is replaced, and the link stays.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    partial = _partial(folder)
    partial.mkdir()
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


@contextmanager
def written_file(file: Path) -> Iterator[Path]:
    """Yields a path beside `file` whose content takes its place once the block has ended without an error."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(file)
    partial = _partial(file)
    try:
        yield partial
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def write_json(file: Path, content: Any) -> None:
    """Writes JSON atomically, with sorted keys."""
    with written_file(file) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def hash_json(content: Any) -> str:
    """Returns the SHA-256 of a value that JSON can hold; the order of keys does not count."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def hash_tree(path: Path) -> str:
    """Returns the SHA-256 of a file, or of a folder's relative names and contents."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _partial(path: Path) -> Path:
    """Returns a new name beside `path`, which tells the process, and is another one at each call."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")


def _remove_abandoned(path: Path) -> None:
    """Removes what processes that are gone have left half-written of `path`."""
    name = re.compile(rf"\.{re.escape(path.name)}\.(\d+)(-[0-9a-f]+)?\.partial")
    for sibling in path.parent.iterdir():
        found = name.fullmatch(sibling.name)
        if found is None or _is_alive(int(found[1])):
            continue
        if sibling.is_dir() and not sibling.is_symlink():
            shutil.rmtree(sibling, ignore_errors=True)
        else:
            with suppress(OSError):  # another user's, or gone by now
                sibling.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
