"""Writing that cannot leave anything half-written, and the hashes that results are keyed by."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the place of `folder` once the block has ended without an error."""
    partial = _partial(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
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
    return path.with_name(f".{path.name}.{os.getpid()}.partial")
