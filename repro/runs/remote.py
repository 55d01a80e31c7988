"""What a machine of a cluster does: it unpacks code and inputs once, makes a run, and packs it.

Only bytes come and go, so that nothing need be shared but the network.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from repro import paths
from repro.processes import alone
from repro.runs.archives import pack, unpack
from repro.runs.run import ATTACHED
from repro.storage import written_file, written_folder

STATE = Path(".repro") / "runs"
"""Where the stage keeps log and failure of a run, below the folder that it runs in."""


class Order(NamedTuple):
    """One run to be made.

    Attributes:
        run: id.
        code: hash of the code, by which the folder is named.
        shipped: names of the files and folders of code that have come with the task.
        files: relative names with contents: the run's params, and what the stage reads beside them.
        folders: relative names of what runs share, in the order of the archives that come with the order.
        threads: of torch.
    """

    run: str
    code: str
    shipped: tuple[str, ...]
    files: dict[str, bytes]
    folders: tuple[str, ...]
    threads: int


class Delivery(NamedTuple):
    """What has become of an order.

    Attributes:
        archive: the run's folder; empty where it has failed.
        log: what the process has said.
        failure: the record of a failure; empty where there is none.
        signal: that has ended the process; 0: none.
    """

    archive: bytes
    log: bytes
    failure: bytes
    signal: int


def fulfil(order: Order, *archives: bytes) -> Delivery:
    """Makes a run in a folder of this machine, which later orders with the same code use again."""
    root = Path(tempfile.gettempdir()) / f"repro-runs-{os.getuid()}" / order.code[:16]
    _unpack_code(root, order.shipped)
    for name, archive in zip(order.folders, archives, strict=True):
        _unpack_once(archive, root / name)
    for name, content in order.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    log = root / STATE / f"{order.run}.log"
    with alone(root / "orders" / f"{order.run}.lock", f"waiting for another order of {order.run}"):
        log.parent.mkdir(parents=True, exist_ok=True)
        status = _run(order, root, log)
        folder, failure = root / paths.RUNS / order.run, root / STATE / f"{order.run}.json"
        archive = pack(folder) if status == 0 else b""
        shutil.rmtree(folder, ignore_errors=True)
        return Delivery(archive, log.read_bytes(), failure.read_bytes() if failure.is_file() else b"", max(0, -status))


def _run(order: Order, root: Path, log: Path) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DVC_ROOT")}
    environment["OMP_NUM_THREADS"] = str(order.threads)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "repro.runs.run", order.run, ATTACHED],
            cwd=root,
            stdin=subprocess.PIPE,  # the run ends with this process
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            return process.wait()
        finally:
            process.kill()
            assert process.stdin is not None
            process.stdin.close()


def _unpack_code(root: Path, shipped: tuple[str, ...]) -> None:
    """Copies the code that this process runs, where it has come with the task."""
    with alone(root.with_suffix(".lock"), "waiting for another process that unpacks the code"):
        for name in shipped:
            source, target = paths.PROJECT / name, root / name
            if source.is_dir() and not target.is_dir():
                with written_folder(target) as partial:
                    shutil.copytree(source, partial, dirs_exist_ok=True)
            elif source.is_file() and not target.is_file():
                with written_file(target) as partial:
                    shutil.copyfile(source, partial)


def _unpack_once(archive: bytes, folder: Path) -> None:
    with alone(folder.with_suffix(".lock"), f"waiting for another process that unpacks {folder.name}"):
        if not folder.is_dir():
            with written_folder(folder) as partial:
                unpack(archive, partial)


def accept(delivery: Delivery, run: str) -> None:
    """Puts what has come back where a process of this machine would have put it.

    Raises:
        UserError: the archive is no folder of a run.
    """
    state = paths.state() / "runs"
    state.mkdir(parents=True, exist_ok=True)
    (state / f"{run}.log").write_bytes(delivery.log)
    if delivery.archive:
        with written_folder(paths.RUNS / run) as partial:
            unpack(delivery.archive, partial)
        (state / f"{run}.json").unlink(missing_ok=True)
    elif delivery.failure:
        json.loads(delivery.failure)
        shutil.rmtree(paths.RUNS / run, ignore_errors=True)
        (state / f"{run}.json").write_bytes(delivery.failure)
