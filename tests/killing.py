"""What tests share that kill processes of a project: who works there, what has been made, and starting from nothing."""

import shutil
import time
from pathlib import Path

from repro import paths
from sweep_project import Project, read_untimed

MADE = ("results", "data", ".repro", ".dvc/cache", ".dvc/tmp", "reports/build", "mlruns")
MADE_FILES = ("dvc.lock", "ablations/dvc.lock", "mlflow.db", "mlflow.db-journal")
GONE_WITHIN_S = 10


def processes_of(root: Path) -> dict[int, str]:
    """Returns the command of each live process that works in a folder."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(root):
                words = (process / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()
                if words:  # a dead one that is not waited for has none
                    found[int(process.name)] = words
        except OSError:
            continue  # it has ended meanwhile
    return found


def find_left(root: Path, seconds: float = GONE_WITHIN_S) -> dict[int, str]:
    """Returns the processes that still work in a folder after some time."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(root)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def contents_of_runs(project: Project) -> dict[str, bytes]:
    """Returns what all runs hold but for their records, which hold times."""
    runs = project.root / "results" / "runs"
    kept = (file for file in runs.glob("*/*") if file.is_file() and file.name != paths.RUN)
    return {str(file.relative_to(runs)): read_untimed(file) for file in kept}


def forget(root: Path) -> None:
    """Removes all that a project has made, what DVC keeps of it among it."""
    for name in MADE:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in MADE_FILES:
        (root / name).unlink(missing_ok=True)
