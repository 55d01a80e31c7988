"""Which of several processes this is, and how one waits for another; nothing heavy is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout


class Process(NamedTuple):
    """One of the processes that work on one thing together."""

    rank: int
    """From 0; the first one writes, locks and speaks for all."""
    ranks: int
    """How many they are."""
    local_rank: int
    """Its rank among those on the same machine."""
    local_ranks: int

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes, locks and speaks."""
        return self.rank == 0


ALONE = Process(0, 1, 0, 1)


def this_process() -> Process:
    """Returns what `torchrun` has told this process in its environment; `ALONE` where nobody has."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not all(name in os.environ for name in names):
        return ALONE
    return Process(*(int(os.environ[name]) for name in names))


@contextmanager
def alone(lock: Path, waiting: str) -> Iterator[None]:
    """Holds a lock file; where another process has it, says `waiting` on standard error, and waits."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        print(waiting, file=sys.stderr, flush=True)
        held.acquire()
    try:
        yield
    finally:
        held.release()
