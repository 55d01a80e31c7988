"""A project of its own for every test that needs one: a git and DVC repository with a planned study of tiny runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ruamel.yaml import YAML

from git_project import copy_project
from prepared_on_disk import write_photographs
from repro.checksums import CHECKSUMS

DEAD_SERVER = "http://127.0.0.1:1"
"""Where nobody answers: the runs of most tests are not published, which takes seconds, and none of them is lost."""
TIMEOUT_S = 600
"""Of any program or condition that a test waits for: long, since a machine may have much else to do."""
STUDY = "ablations/tiny.yaml"
DECLARED = {
    "title": "Does a tiny study run to its end?",
    "reading": "paper",
    "scale": "screening",
    "settings": {
        "data.source": "folder",
        "data.root": "../photographs",
        "data.crops_per_photo": 2,
        "data.evaluation_crops_per_photo": 1,
        "masks.pool_size": 12,
        "model.base_width": 4,
        "model.stream_layers": 2,
        "loss.vgg_width": 0.0625,
        "training.steps": 12,
        "training.batch_size": 2,
        "training.log_every_steps": 1,
        "training.validate_every_steps": 12,
        "training.checkpoint_every_steps": 2,
    },
    "details": {"loss.adv": ["hinge"]},
    "design": "one_at_a_time",
    "seeds": 1,
    "baseline_seeds": 2,
    "metrics": {"psnr_hole_db": {"direction": "higher", "margin": 0.3, "why": "a test"}},
}


class Project:
    """A repository with the code of this one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def plan(self, **changes: object) -> None:
        """Declares the study, with changes, and freezes it."""
        with (self.root / STUDY).open("w") as stream:
            YAML().dump(DECLARED | changes, stream)
        self.run("-m", "repro", "plan", STUDY)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts Python as in a fresh shell."""
        pipe = subprocess.PIPE
        command = [sys.executable, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=clean() | environment,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def run(self, *arguments: str, **environment: str) -> str:
        """Runs Python to its end, which has to be a good one, and returns what it has said."""
        process = self.start(*arguments, **environment)
        try:
            said, _ = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()  # has no effect on one that has ended
        assert process.returncode == 0, said
        return said

    def sweep(self, *options: str, **environment: str) -> str:
        """Runs the study to its end, and returns what the sweep has said."""
        return self.run("-m", "repro", "sweep", STUDY, *options, **environment)

    def start_sweep(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        """Starts the study."""
        return self.start("-m", "repro", "sweep", STUDY, *options, **environment)

    def tables(self) -> dict[str, bytes]:
        """Returns the tables of every run: its rows, those by protocol, and what the case keeps of each image."""
        runs = self.root / "results" / "runs"
        files = sorted([*runs.glob("[!.]*/*.csv"), *runs.glob("[!.]*/evaluate/*.csv")])
        return {str(file.relative_to(runs)): file.read_bytes() for file in files}


def read_untimed(file: Path) -> bytes:
    """Returns the bytes of a file of a run; of checksums without those of records, which hold times."""
    if file.name != CHECKSUMS:
        return file.read_bytes()
    return b"".join(line for line in file.read_bytes().splitlines(keepends=True) if not line.endswith(b".json\n"))


def _heed_interrupts() -> None:
    """Has Ctrl-C end a process also where the tests run in the background, whose children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def clean() -> dict[str, str]:
    """Returns the environment of a fresh shell in which no run is published."""
    return {"MLFLOW_TRACKING_URI": DEAD_SERVER} | fresh_shell()


def fresh_shell() -> dict[str, str]:
    """Returns the environment of a fresh shell, one thread and byte code written."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "PYTEST_"))}
    for name in ("PYTHONDONTWRITEBYTECODE", "RAY_ADDRESS"):
        kept.pop(name, None)
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "OMP_NUM_THREADS": "1"}


def children_of(process: int) -> list[int]:
    """Returns the ids of the processes that a process has started and that still run."""
    found = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in found.read_text().split()] if found.is_file() else []


def runs_of(sweep: int) -> list[int]:
    """Returns the ids of the processes that make the runs of a sweep, which its server has started."""
    return [run for server in children_of(sweep) if is_server(server) for run in children_of(server)]


def is_server(process: int) -> bool:
    """Tells whether a process is one that runs are forked from, or such a run."""
    return b"repro.runs.fork_server\0" in _command(process)


def is_run(process: int) -> bool:
    """Tells whether a process makes a run and was not forked."""
    return b"repro.runs.run\0" in _command(process) and not is_server(process)  # which is told the command


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(holds: Callable[[], object], seconds: float = TIMEOUT_S) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def kill(process: int) -> None:
    """Ends a process without a word."""
    os.kill(process, signal.SIGKILL)


def write_project(root: Path) -> None:
    """Writes a project with a planned study, and runs the study undisturbed."""
    copy_project(root, ("dvc.lock", "ablations/dvc.lock", "ablations/dvc.yaml", "ablations/plans/"))
    write_photographs(root.parent / "photographs")
    project = Project(root)
    project.plan()
    said = project.sweep("-j", "2", MLFLOW_TRACKING_URI="")
    assert "3 runs published" in said
