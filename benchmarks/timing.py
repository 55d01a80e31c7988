"""Timing in pairs: ours and the reference take turns, each in a process of its own, and so meet the same noise."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One row of the table; every module of this package that measures something gives its rows by `rows()`."""

    work: str
    ours: str
    """Our figure with its unit."""
    reference: str
    """The reference's figure of the same run, and what the reference is."""
    ratio: float | None
    """How many times faster ours is."""
    memory: float | None
    """Our peak memory as a share of the reference's."""
    bound: str
    """What the machine allows, as measured; empty where no bound can be computed."""


class Figures(NamedTuple):
    """What one process measured."""

    seconds: float
    """Median of the timed calls."""
    peak_mib: float
    """Largest resident memory of the whole process."""


class Comparison(NamedTuple):
    """Ours beside the reference; ratios are medians of the pairs' ratios."""

    ours: Figures
    reference: Figures
    times_faster: float
    memory_ratio: float


def measure_here(call: Callable[[], object], repeats: int) -> None:
    """Times a call after one warm-up and prints the figures as JSON; for the processes of `compare`."""
    print(json.dumps({"seconds": time_call(call, repeats), "peak_mib": read_peak_mib()}))


def time_call(call: Callable[[], object], repeats: int) -> float:
    """Returns the median of the seconds that a call takes, after one warm-up."""
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def read_peak_mib() -> float:
    """Returns the largest resident memory of this process so far.

    From Linux's /proc: what `getrusage` says would include the parent's, as it was when it started this process.
    """
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


class Clock(NamedTuple):
    """Time of all processors since the machine was started, in ticks."""

    stolen: int
    """In which something here wanted to run, and the host ran something else."""
    busy: int
    """In which something here ran."""


def read_clock() -> Clock:
    """Returns the time so far; from Linux's /proc/stat, nothing elsewhere. Source: proc(5)."""
    file = Path("/proc/stat")
    if not file.is_file():
        return Clock(0, 0)
    user, nice, system, _, _, interrupts, soft, stolen, *_ = map(int, file.read_text().splitlines()[0].split()[1:])
    return Clock(stolen, user + nice + system + interrupts + soft)


def stolen_share(before: Clock, after: Clock) -> float:
    """Returns the share that the host took of the time that was wanted here; 0 on a quiet machine."""
    stolen, busy = after.stolen - before.stolen, after.busy - before.busy
    return stolen / max(1, stolen + busy)


def run_apart(module: str, *arguments: str) -> Figures:
    """Runs `python -m module arguments` and returns the figures that it prints last."""
    return Figures(**read_apart(module, *arguments))


def read_apart(
    module: str, *arguments: str, folder: Path | None = None, changes: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Runs `python -m module arguments`; returns the JSON that it prints last.

    Args:
        module: that is run.
        arguments: of it.
        folder: that it runs in; None: that of this process.
        changes: of the environment, which is else that of this process.

    Raises:
        subprocess.CalledProcessError: it failed; its own message is on stderr.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = os.environ | (changes or {})
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(ours: Callable[[], Figures], reference: Callable[[], Figures], pairs: int) -> Comparison:
    """Measures in turns and returns medians."""
    measured = [(ours(), reference()) for _ in range(pairs)]

    def middle(which: int) -> Figures:
        return Figures(*(statistics.median(pair[which][field] for pair in measured) for field in (0, 1)))

    return Comparison(
        middle(0),
        middle(1),
        statistics.median(pair[1].seconds / pair[0].seconds for pair in measured),
        statistics.median(pair[0].peak_mib / pair[1].peak_mib for pair in measured),
    )
