"""Photographs are read and decoded ahead of their use, in threads, and arrive in the order of their names.

Names flow in, decoded views flow out; at most a few photographs are in memory at once. Threads suffice because
Pillow releases the interpreter lock while it decodes. Knows nothing of splits and squares.
"""

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from repro.medfe.data.decode import UnreadableImageError, decode_image

THREADS = min(4, os.cpu_count() or 1)
"""No effect on what comes out."""

MAX_FILE_BYTES = 512 * 2**20
"""Larger files are left out unread; an image within Pillow's pixel limit does not need more."""

MISSING = "file that is not there"
TOO_LARGE = "file of more than 512 MiB"
FORBIDDEN = "file that cannot be opened"


class View(NamedTuple):
    """One file of a photograph.

    Attributes:
        file: what the file is called in the index.
        image: upright RGB; None where it could not be read.
        conversions: the kinds of conversion that were needed.
        digest: hash of the file's bytes.
        refusal: why it could not be read; empty where it could.
    """

    file: str
    image: Image.Image | None
    conversions: tuple[str, ...]
    digest: bytes
    refusal: str


def read_photographs(
    names: Iterable[str], find_views: Callable[[str], Mapping[str, Path]]
) -> Generator[tuple[str, list[View]]]:
    """Yields each photograph's name and its views, in the order of the names.

    What has not been asked for yet is decoded ahead, but no more than one photograph for each thread.
    """
    remaining = iter(names)
    ahead: deque[tuple[str, Future[list[View]]]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            while True:
                for name in islice(remaining, THREADS - len(ahead)):
                    ahead.append((name, pool.submit(_read_views, find_views(name))))
                if not ahead:
                    return
                name, views = ahead.popleft()
                yield name, views.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_views(files: Mapping[str, Path]) -> list[View]:
    return [read_view(label, path) for label, path in files.items()]


def read_view(file: str, path: Path) -> View:
    """Returns a decoded file, or the reason why it gives no image."""
    content = b""
    try:
        content = _read_bytes(path)
        image, conversions = decode_image(content)
    except UnreadableImageError as error:
        return View(file, None, (), _digest(content), str(error))
    return View(file, image, conversions, _digest(content), "")


def _read_bytes(path: Path) -> bytes:
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


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
