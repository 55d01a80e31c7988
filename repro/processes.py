"""Which of several processes this is, and how one waits for another; nothing heavy is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from repro.errors import UserError


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
    """Returns what `torchrun` has told this process in its environment; `ALONE` where nobody has.

    Raises:
        UserError: it cannot be so.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not all(name in os.environ for name in names):
        return ALONE
    told = " ".join(f"{name}={os.environ[name]!r}" for name in names)
    if not all(os.environ[name].isdecimal() and os.environ[name].isascii() for name in names):
        raise UserError(
            f"{told}: expected whole numbers, as torchrun sets them\n  unset these variables to train alone"
        )
    process = Process(*(int(os.environ[name]) for name in names))
    if process.rank >= process.ranks or process.local_rank >= process.local_ranks:
        raise UserError(f"{told}: a rank counts from 0 up to their number\n  unset these variables to train alone")
    return process


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
