"""What the pipeline costs beside its work: start-up, a `dvc repro` that has nothing to do, a run of a sweep.

`dvc repro` runs in a clone of the last commit whose results come from the project's cache. The run is a tiny one in a
tree of its own; its reference calls the same functions in a process that has loaded them already.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.run import RUN, write_tree
from benchmarks.timing import Row
from repro import paths
from repro.errors import UserError

REPEATS: Final = 3
HELP_LIMIT_S: Final = 0.4
RUN_LIMIT_S: Final = 1.5
IMPORTS: Final = "import torch, torchvision"


def rows() -> Iterator[Row]:
    """Yields the rows of start-up, no-op and run."""
    yield _help_row()
    yield _nothing_row()
    yield _run_row()


def _help_row() -> Row:
    ours = _median_s([sys.executable, "-m", "repro", "--help"])
    typer = _median_s([sys.executable, "-c", "import typer, typer.rich_utils"])
    return Row(
        "start-up, repro --help", f"{ours:.2f} s", f"{typer:.2f} s, import of typer", None, None, f"{HELP_LIMIT_S} s"
    )


def _nothing_row() -> Row:
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        run(["git", "clone", "--quiet", str(paths.PROJECT), str(clone)], Path(name))
        dvc = [sys.executable, "-m", "dvc"]
        run([*dvc, "config", "--local", "cache.dir", str(paths.PROJECT / ".dvc" / "cache")], clone)
        run([*dvc, "checkout", "--quiet"], clone)
        if json.loads(run([*dvc, "status", "--json", "dvc.yaml"], clone)):
            raise UserError("the last commit has stages to run; commit their results first, for a no-op to be measured")
        ours = _median_s([*dvc, "repro", "--quiet"], clone)
        bare = _median_s([*dvc, "root"], clone)
    return Row("dvc repro with nothing to do", f"{ours:.2f} s", f"{bare:.2f} s, dvc root", None, None, "")


def _run_row() -> Row:
    """Returns by how much a run's process takes longer than the functions that it calls, imports of torch aside."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        write_tree(tree)
        measured = [_run_seconds(tree) for _ in range(REPEATS)]
    beyond = statistics.median(whole - functions - loading for whole, functions, loading in measured)
    functions, loading = (statistics.median(times) for times in list(zip(*measured, strict=True))[1:])
    return Row(
        "overhead of a sweep's run",
        f"{beyond:.2f} s beyond the reference",
        f"{functions:.2f} s its functions, {loading:.2f} s {IMPORTS}",
        None,
        None,
        f"{RUN_LIMIT_S} s",
    )


def _run_seconds(tree: Path) -> tuple[float, float, float]:
    """Returns the seconds of a run's process, of the functions that it calls, and of loading torch."""
    shutil.rmtree(tree / paths.RESULTS, ignore_errors=True)
    whole = seconds_of([sys.executable, "-m", "repro.runs.run", RUN], tree)
    functions = float(run([sys.executable, "-m", "benchmarks.run", "time"], tree).splitlines()[-1])
    return whole, functions, seconds_of([sys.executable, "-c", IMPORTS], tree)


def _median_s(command: list[str], folder: Path = paths.PROJECT) -> float:
    run(command, folder)
    return statistics.median(seconds_of(command, folder) for _ in range(REPEATS))


def seconds_of(command: list[str], folder: Path) -> float:
    """Returns the seconds that a command takes in a folder."""
    started = time.perf_counter()
    run(command, folder)
    return time.perf_counter() - started


def run(command: list[str], folder: Path) -> str:
    """Runs a command in a folder and returns what it prints.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
