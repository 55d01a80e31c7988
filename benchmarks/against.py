"""`python -m benchmarks step against COMMIT`: a training step of the working tree beside that of a commit.

Both sides take turns, each in a process of its own, in one environment and on one thread. What is compared is processor
time, which a busy machine changes less than time by the clock; the ratio of a round is that of its two processes. The
first step has the same weights and the same batch on both sides, so that its terms tell whether both compute the same.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from repro import paths

CASES: Final = ("paper:screening:8", "paper:laptop:8", "release:gpu:1", "release:gpu:4")
"""Reading, scale and batch."""

STEPS: Final = {"screening": 20, "laptop": 10, "gpu": 1}
"""That are timed in a turn, after two that warm up; by scale."""

KEPT_MEMORY: Final = {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=9223372036854775807"}
"""What `keep_freed_memory` sets, for commits that have it somewhere else, or not at all."""

TURN: Final = """
import json, statistics, sys, time
import torch
from benchmarks.step import make_step
reading, scale, batch, steps = sys.argv[1:]
step = make_step(reading, scale, int(batch))
torch.set_num_threads(1)
terms = {name: float(term) for name, term in step().items()}
step()
seconds = []
for _ in range(int(steps)):
    started = time.process_time()
    step()
    seconds.append(time.process_time() - started)
print(json.dumps({"seconds": statistics.median(seconds), "terms": terms}))
"""
"""Runs in the tree that it measures, and needs no more of it than `benchmarks.step.make_step`."""


class Turn(NamedTuple):
    """What one process measured."""

    seconds: float
    """Median of its steps, in seconds of processor time."""
    terms: dict[str, float]
    """Of the first step."""


def main(arguments: Sequence[str]) -> int:
    """Prints a row for each case; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks step against", description=__doc__)
    parser.add_argument("commit", help="what to compare with, as git names it")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side (default: 5)")
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="READING:SCALE:BATCH")
    given = parser.parse_args(arguments)
    with worktree(given.commit) as reference:
        print("| step on one thread | ours, CPU s | reference, CPU s | times faster | terms differ by |")
        print("|---|---|---|---|---|", flush=True)
        for case in given.cases:
            print(compare(case, reference, given.rounds), flush=True)
    return 0


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """Yields a temporary folder that holds a commit's files; git forgets it afterwards.

    Raises:
        subprocess.CalledProcessError: there is no such commit; git says so on standard error.
    """
    git = ("git", "-C", str(paths.PROJECT), "worktree")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "reference")
        subprocess.run([*git, "add", "--quiet", "--detach", tree, commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


def compare(case: str, reference: Path, rounds: int) -> str:
    """Returns the row of a case: medians over rounds, and the ratio with its smallest and largest value."""
    pairs = [(take_turn(paths.PROJECT, case), take_turn(reference, case)) for _ in range(rounds)]
    ours, theirs = (statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1))
    ratios = sorted(pair[1].seconds / pair[0].seconds for pair in pairs)
    spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"| {case} | {ours:.4f} | {theirs:.4f} | {spread} | {difference(pairs[0]):.1e} |"


def take_turn(tree: Path, case: str) -> Turn:
    """Measures a case in a process of its own, with the code of a tree and the environment of this process."""
    reading, scale, batch = case.split(":")
    command = [sys.executable, "-c", TURN, reading, scale, batch, str(STEPS[scale])]
    environment = os.environ | KEPT_MEMORY | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Turn(**json.loads(done.stdout.splitlines()[-1]))


def difference(pair: tuple[Turn, Turn]) -> float:
    """Returns the largest relative difference between the terms of two first steps, infinite if others are there."""
    one, other = (turn.terms for turn in pair)
    if one.keys() != other.keys():
        return float("inf")
    return max(abs(one[name] - other[name]) / max(abs(other[name]), 1e-12) for name in one)
