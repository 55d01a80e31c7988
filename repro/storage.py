"""Writing that cannot leave anything half-written, and the hashes that results are keyed by.

What takes a place has reached the disk before.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

ABANDONED_S = 7 * 24 * 3600.0
"""Age from which on what another machine, or another container, has left half-written counts as left behind."""


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
    for item in [*partial.rglob("*"), partial]:
        _sync(item)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    _sync(folder.parent)


@contextmanager
def written_file(file: Path) -> Iterator[Path]:
    """Yields a path beside `file` whose content takes its place once the block has ended without an error."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(file)
    partial = _partial(file)
    try:
        yield partial
        _sync(partial)
        partial.replace(file)
        _sync(file.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_json(file: Path, content: Any) -> None:
    """Writes JSON atomically, with sorted keys."""
    with written_file(file) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def hash_json(content: Any) -> str:
    """Returns the SHA-256 of a value that JSON can hold; the order of keys does not count."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def hash_file(file: Path) -> str:
    """Returns the SHA-256 of a file's content, as 64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_tree(path: Path) -> str:
    """Returns the SHA-256 of a file, or of a folder's relative names and contents."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0")
        digest.update(bytes.fromhex(hash_file(file)))
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Waits until a file, or a folder's list of names, has reached the disk; some file systems cannot, for folders."""
    if path.is_symlink():
        return
    folder = path.is_dir()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError) if folder else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _partial(path: Path) -> Path:
    """Returns a new name beside `path`, which tells place and process, and is another one at each call."""
    return path.with_name(f".{path.name}.{_place()}-{os.getpid()}-{secrets.token_hex(4)}.partial")


def _remove_abandoned(path: Path) -> None:
    """Removes what processes that are gone have left half-written of `path`."""
    name = re.compile(rf"\.{re.escape(path.name)}\.([0-9a-f]+)-(\d+)-[0-9a-f]+\.partial")
    for sibling in path.parent.iterdir():
        found = name.fullmatch(sibling.name)
        if found is None or not _is_left_behind(sibling, found[1], int(found[2])):
            continue
        if sibling.is_dir() and not sibling.is_symlink():
            shutil.rmtree(sibling, ignore_errors=True)
        else:
            with suppress(OSError):  # another user's, or gone by now
                sibling.unlink()


def _is_left_behind(partial: Path, place: str, pid: int) -> bool:
    """Tells whether nobody writes a partial any more; elsewhere only its age can tell."""
    if place == _place():
        return not _is_alive(pid)
    try:
        return time.time() - partial.lstat().st_mtime > ABANDONED_S
    except OSError:  # gone by now
        return False


@cache
def _place() -> str:
    """Returns what tells where a process number holds: 8 hex digits of machine, start and container."""
    known = [socket.gethostname()]
    with suppress(OSError):  # not Linux
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hash_json(known)[:8]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
