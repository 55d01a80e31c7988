"""A sweep of as many runs at once as there are cores, against one run at a time: `repro sweep -j N` and `-j 1`.

Both run in one clone of the last commit, in turns, on studies whose runs differ in the learning rate only, so that no
result of one serves another. With N at once N times as many runs are run, so that an ideal sweep takes as long. What a
sweep does before and after its runs is in the time; what all runs share was made before.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from benchmarks.pipeline import run, seconds_of
from benchmarks.timing import Row
from repro import paths

SMOKE: Final = "ablations/smoke.yaml"
PAIRS: Final = 3
LEARNING_RATE: Final = 1e-3
RUNS: Final = 2
"""Of a sweep that runs one at a time: two variants with one seed."""

SHARE: Final = 0.85
"""Of the ideal rate, that is wanted."""


def rows() -> Iterator[Row]:
    """Yields the row of the sweep."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        run(["git", "clone", "--quiet", str(paths.PROJECT), str(clone)], Path(name))
        rounds = count()
        _sweep_s(clone, next(rounds), seeds=1, jobs=cores)  # makes what all runs share
        times = [
            (_sweep_s(clone, next(rounds), cores, cores), _sweep_s(clone, next(rounds), 1, 1)) for _ in range(PAIRS)
        ]
    ours, alone = (statistics.median(seconds) for seconds in zip(*times, strict=True))
    yield Row(
        f"sweep, {cores} runs at once, smoke.yaml",
        f"{60 * RUNS * cores / ours:.1f} runs/min",
        f"{60 * RUNS / alone:.1f} runs/min, one at a time",
        cores * statistics.median(one / many for many, one in times),
        None,
        f"{cores} times faster; {SHARE * cores:.2f} wanted",
    )


def _sweep_s(clone: Path, round_: int, seeds: int, jobs: int) -> float:
    """Plans a study whose runs no other round has; returns the seconds that its sweep takes."""
    study = YAML().load(clone / SMOKE)
    study |= {"seeds": seeds, "details": {"loss.adv": ["hinge"]}, "claims": [], "controls": {}}
    study["settings"]["optimisation.learning_rate"] = LEARNING_RATE * (1 + round_ / 1000)
    file = f"ablations/round{round_}.yaml"
    YAML().dump(study, clone / file)
    run([sys.executable, "-m", "repro", "plan", file], clone)
    return seconds_of([sys.executable, "-m", "repro", "sweep", file, "-j", str(jobs)], clone)
