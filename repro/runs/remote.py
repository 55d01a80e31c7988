"""What a machine of a cluster does: it unpacks code and inputs once, makes a run, and packs it.

Only bytes come and go, so that nothing need be shared but the network.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from repro import paths
from repro.errors import UserError
from repro.own_folder import own_folder
from repro.processes import alone
from repro.runs.archives import hash_bytes, pack, unpack
from repro.runs.attached import ATTACHED, Attached
from repro.runs.outputs import remove
from repro.storage import hash_json, hash_tree, written_file, written_folder

TOOLKIT, WORKING = "repro", "project"
"""Folders that come with a task: the toolkit's package, which whoever makes runs imports, and the folder to run in."""
CACHES = shutil.ignore_patterns("__pycache__", "*.pyc")
STATE = Path(".repro") / "runs"
"""Where the stage keeps log and failure of a run, below the folder that it runs in."""


class Order(NamedTuple):
    """One run to be made.

    Attributes:
        run: id.
        code: hash of all files that have come with the task.
        files: relative names with contents: the run's params.
        folders: relative names of what runs share, each with the hash of its archive, in the order of the archives that
            come with the order.
        threads: of torch.
    """

    run: str
    code: str
    files: dict[str, bytes]
    folders: tuple[tuple[str, str], ...]
    threads: int

    @property
    def place(self) -> str:
        """The name of the folder that the run is made in: a hash of all that it holds before any run."""
        return hash_json([self.code, sorted(self.folders)])[:32]


class Delivery(NamedTuple):
    """What has become of an order.

    Attributes:
        archive: the run's folder; empty where it has failed.
        log: what the process has said.
        failure: the record of a failure; empty where there is none.
        status: exit status of the process; negative: the signal that has ended it.
    """

    archive: bytes
    log: bytes
    failure: bytes
    status: int


def fulfil(order: Order, *archives: bytes) -> Delivery:
    """Makes a run in a folder of this machine, which later orders with the same code and inputs use again."""
    with own_folder("repro-runs") as own:
        root = own / order.place
        _unpack_once(order, archives, root)
        project = root / WORKING
        log, failure = project / STATE / f"{order.run}.log", project / STATE / f"{order.run}.json"
        with alone(root / "orders" / f"{order.run}.lock", f"waiting for another order of {order.run}"):
            for name, content in order.files.items():
                with written_file(project / name) as partial:
                    partial.write_bytes(content)
            log.parent.mkdir(parents=True, exist_ok=True)
            failure.unlink(missing_ok=True)  # of an order before
            status = _run(order, root, log)
            folder = project / paths.RUNS / order.run
            archive = pack(folder) if status == 0 else b""
            shutil.rmtree(folder, ignore_errors=True)
            return Delivery(archive, log.read_bytes(), failure.read_bytes() if failure.is_file() else b"", status)


def _run(order: Order, root: Path, log: Path) -> int:
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    environment |= {"PYTHONPATH": str(root), "OMP_NUM_THREADS": str(order.threads)}
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "repro.runs.run", order.run, ATTACHED]
        return Attached(command, cwd=root / WORKING, stdout=stream, stderr=subprocess.STDOUT, env=environment).wait()


def _unpack_once(order: Order, archives: Iterable[bytes], root: Path) -> None:
    """Copies the code that has come with the task, and unpacks what runs share; a folder that is there holds all."""
    with alone(root.with_suffix(".lock"), "waiting for another process that unpacks code and inputs"):
        if root.is_dir():
            return
        with written_folder(root) as partial:
            for name in (TOOLKIT, WORKING):
                shutil.copytree(paths.PROJECT / name, partial / name, ignore=CACHES)
            if hash_tree(partial) != order.code:
                raise UserError("the code that has come with the task is not that which was sent")
            for (name, sent), archive in zip(order.folders, archives, strict=True):
                if hash_bytes(archive) != sent:
                    raise UserError(f"{name} is not what was sent")
                unpack(archive, partial / WORKING / name)


def accept(delivery: Delivery, run: str) -> None:
    """Puts what has come back where a process of this machine would have put it.

    Raises:
        UserError: what has come back is no folder of a run, and no record of a failure.
    """
    state = paths.state() / "runs"
    state.mkdir(parents=True, exist_ok=True)
    (state / f"{run}.log").write_bytes(delivery.log)
    if delivery.archive:
        remove(paths.RUNS / run)
        with written_folder(paths.RUNS / run) as partial:
            unpack(delivery.archive, partial)
        (state / f"{run}.json").unlink(missing_ok=True)
    elif delivery.failure:
        try:
            json.loads(delivery.failure)
        except ValueError:
            raise UserError("what has come back is no record of a failure") from None
        remove(paths.RUNS / run)
        (state / f"{run}.json").write_bytes(delivery.failure)
