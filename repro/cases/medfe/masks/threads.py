"""A function of many items, called in threads under a progress bar; results arrive in order, few at a time.

Pays where the function gives up the interpreter lock, as Pillow does while it decodes and resizes.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import track

THREADS = min(4, os.cpu_count() or 1)
"""No effect on what comes out."""

AT_ONCE = 64
"""Results in memory at a time."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(function: Callable[[Item], Result], items: Sequence[Item], description: str) -> Iterator[Result]:
    """Yields the result for each item; what a call raises is raised in its place.

    Args:
        function: must be safe to call in several threads at once.
        items: in the order in which results are wanted.
        description: of the items, for the bar, which shows on a terminal only.
    """
    console, hidden = Console(stderr=True), not sys.stderr.isatty()
    yield from track(_results(function, items), description, len(items), console=console, disable=hidden)


def _results(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), AT_ONCE):
            yield from pool.map(function, items[start : start + AT_ONCE])
