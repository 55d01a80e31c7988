"""Photographs are read and decoded ahead of their use, in threads, and arrive in the order of their names.

At most a few photographs, or some dozens of small ones, are in memory at once. Threads suffice because Pillow releases
the interpreter lock while it decodes.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from repro.cases.medfe.data.decode import UnreadableImageError, decode_image
from repro.cases.medfe.data.files import read_bytes

THREADS = min(4, os.cpu_count() or 1)
"""No effect on what comes out."""

AHEAD = 8 * THREADS
"""Most photographs that are decoded ahead, so that no thread waits while crops are written."""
AHEAD_BYTES = 8 * 2**20
"""And most bytes of their files, beyond one photograph for each thread: large photographs must not fill the memory."""

SMALLEST_SIDE_PX = 16
"""Photographs with a shorter side are left out. Source: our inference; upsampled they are blur."""
TOO_SMALL = f"shorter side below {SMALLEST_SIDE_PX} px"


class View(NamedTuple):
    """One file of a photograph.

    Attributes:
        file: what the file is called in the index.
        image: upright RGB; None where it could not be read or is too small.
        conversions: the kinds of conversion that were needed.
        digest: hash of the file's bytes.
        refusal: why there is no image; empty where there is one.
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

    What has not been asked for yet is decoded ahead: one photograph for each thread, and more while they are small.
    """
    remaining = iter(names)
    ahead: deque[_Ordered] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            while True:
                while _has_room(ahead) and (name := next(remaining, None)) is not None:
                    views = find_views(name)
                    ahead.append(_Ordered(name, _file_bytes(views), pool.submit(_read_views, views)))
                if not ahead:
                    return
                ordered = ahead.popleft()
                yield ordered.name, ordered.views.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Ordered(NamedTuple):
    """A photograph that is being decoded, or waits for it or for its use."""

    name: str
    file_bytes: int
    views: Future[list[View]]


def _has_room(ahead: Collection[_Ordered]) -> bool:
    small = sum(ordered.file_bytes for ordered in ahead) < AHEAD_BYTES
    return len(ahead) < (AHEAD if small else THREADS)


def _file_bytes(files: Mapping[str, Path]) -> int:
    total = 0
    for path in files.values():
        with suppress(OSError):  # `read_view` says what is wrong with it
            total += path.stat().st_size
    return total


def _read_views(files: Mapping[str, Path]) -> list[View]:
    return [read_view(label, path) for label, path in files.items()]


def read_view(file: str, path: Path) -> View:
    """Returns a decoded file, or the reason why it gives no image that can be used."""
    content = b""
    try:
        content = read_bytes(path)
        image, conversions = decode_image(content)
        if min(image.size) < SMALLEST_SIDE_PX:
            raise UnreadableImageError(TOO_SMALL)
    except UnreadableImageError as error:
        return View(file, None, (), _digest(content), str(error))
    return View(file, image, conversions, _digest(content), "")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
