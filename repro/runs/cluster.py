"""Workers on a Ray cluster: the same runs as tasks, sent there with their code and data, and back as archives.

The only module that imports Ray.
"""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from repro import paths
from repro.case import PROJECT_FILE, Case, case_module
from repro.errors import UserError
from repro.extras import explain_missing
from repro.runs.archives import pack
from repro.runs.code import code_files, hash_code
from repro.runs.imports import files_of, imported_files
from repro.runs.inputs import find_keys, folders_of, params_file
from repro.runs.remote import Order, accept, fulfil
from repro.runs.workers import Ended, take

ANSWER_TIMEOUT_S = 4.0
RETRIES = 3
"""How often Ray runs a task again whose worker or node was lost."""


@contextmanager
def cluster_workers(case: Case, address: str, count: int | None, gpus_per_run: float) -> Iterator["ClusterWorkers"]:
    """Connects to a cluster and yields its workers.

    Args:
        case: under audit.
        address: as RAY_ADDRESS holds it.
        count: how many runs at once; None: as many as the cluster has processors.
        gpus_per_run: share of a GPU that each run takes.

    Raises:
        UserError: Ray is not installed, or nobody answers at that address.
    """
    # Ray would start its workers by `uv run` where this process was started so, and install everything anew
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    try:
        import ray
    except ModuleNotFoundError as error:
        raise explain_missing(error) from None
    _check_answer(address)
    with tempfile.TemporaryDirectory() as code:
        shipped = copy_code(case, Path(code))
        try:
            ray.init(address, runtime_env={"working_dir": code}, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"RAY_ADDRESS={address}: {first}\n  unset it to run the runs here") from None
        try:
            processors = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
            yield ClusterWorkers(case, ray, shipped, count or max(1, processors), gpus_per_run)
        finally:
            ray.shutdown()


class ClusterWorkers:
    """Tasks on a cluster that this process is connected to."""

    def __init__(self, case: Case, ray: Any, shipped: tuple[str, ...], count: int, gpus_per_run: float) -> None:
        self._case, self._shipped = case, shipped
        self._ray, self._count, self._gpus_per_run = ray, count, gpus_per_run
        self._task = ray.remote(max_retries=RETRIES)(fulfil)
        self._tasks: dict[str, Any] = {}
        self._held: dict[str, FileLock] = {}
        self._archives: dict[Path, Any] = {}
        self._code = hash_code(case)

    @property
    def slots(self) -> int:
        """See `Workers`."""
        return self._count - len(self._tasks)

    @property
    def running(self) -> list[str]:
        """See `Workers`."""
        return list(self._tasks)

    def start(self, run: str, params: Any) -> bool:
        """See `Workers`; what runs share goes to the cluster once."""
        held = take(run)
        if held is None:
            return False
        self._held[run] = held
        folders = tuple(folders_of(find_keys(self._case, params)).values())
        files = {str(file): file.read_bytes() for file in (params_file(run), paths.RUN_CODE)}
        threads = self._case.threads(params)
        order = Order(run, self._code, self._shipped, files, tuple(map(str, folders)), threads)
        task = self._task.options(num_cpus=threads, num_gpus=self._gpus_per_run, name=f"run {run}")
        self._tasks[run] = task.remote(order, *map(self._send, folders))
        return True

    def ended(self) -> list[Ended]:
        """See `Workers`."""
        by_task = {task: run for run, task in self._tasks.items()}
        if not by_task:
            return []
        ready, _ = self._ray.wait(list(by_task), num_returns=len(by_task), timeout=0)
        return [self._receive(by_task[task], task) for task in ready]

    def stop(self) -> None:
        """See `Workers`."""
        for run, task in self._tasks.items():
            with suppress(Exception):  # the cluster may be gone
                self._ray.cancel(task, force=True)
            self._held.pop(run).release()
        self._tasks.clear()

    def _send(self, folder: Path) -> Any:
        if folder not in self._archives:
            self._archives[folder] = self._ray.put(pack(folder))
        return self._archives[folder]

    def _receive(self, run: str, task: Any) -> Ended:
        del self._tasks[run]
        held = self._held.pop(run)
        try:
            delivery = self._ray.get(task)
            accept(delivery, run)
        except self._ray.exceptions.RayError as error:
            return Ended(run, f"lost on the cluster ({str(error).splitlines()[0]})", lost=True)
        finally:
            held.release()
        return Ended(run, f"killed by signal {delivery.signal}" if delivery.signal else "")


def _check_answer(address: str) -> None:
    """Checks that something listens at an address; Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # "auto", or a form of its own, which Ray judges
    try:
        socket.create_connection((host, int(port)), ANSWER_TIMEOUT_S).close()
    except OSError as error:
        raise UserError(
            f"RAY_ADDRESS={address}: nobody answers there ({error})\n  unset it to run the runs here"
        ) from None


def copy_code(case: Case, folder: Path) -> tuple[str, ...]:
    """Copies what a run needs of this project and of the toolkit, and nothing that git would not track.

    Returns:
        The names of what lies in the folder then.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(paths.PROJECT / "repro", folder / "repro", ignore=ignored)
    shutil.copyfile(PROJECT_FILE, folder / PROJECT_FILE)
    for name in {
        file.parts[0] for file in imported_files(Path(), [*code_files(case), *files_of(Path(), case_module())])
    } - {"repro"}:
        source = Path(name)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copyfile(source, folder / name)
    return tuple(sorted(item.name for item in folder.iterdir()))
