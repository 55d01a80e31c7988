"""A function of many items, called in threads; results arrive in the order of the items, few at a time.

Pays where the function gives up the interpreter lock, as Pillow does while it decodes and resizes.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = min(4, os.cpu_count() or 1)
"""No effect on what comes out."""

AT_ONCE = 64
"""Results in memory at a time."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields the result for each item; what a call raises is raised in its place."""
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), AT_ONCE):
            yield from pool.map(function, items[start : start + AT_ONCE])
