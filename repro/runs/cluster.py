"""Workers on a Ray cluster: the same runs as tasks, sent there with their code and data, and back as archives.

The only module that imports Ray.
"""

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from repro import paths
from repro.case import PROJECT_FILE, Case, case_module
from repro.deadline import within
from repro.errors import UserError
from repro.extras import explain_missing
from repro.own_folder import passing_folder
from repro.runs.archives import hash_bytes, pack
from repro.runs.code import code_files
from repro.runs.imports import files_of, imported_files
from repro.runs.inputs import find_keys, folders_of, params_file
from repro.runs.remote import CACHES, TOOLKIT, WORKING, Order, accept, fulfil
from repro.runs.workers import Ended, take
from repro.storage import hash_tree

ANSWER_TIMEOUT_S = 4.0
"""Of the first answer, in all."""
HTTP2_SETTINGS, HTTP2_HEAD_BYTES = 4, 9
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, HTTP2_SETTINGS, 0, 0, 0, 0, 0])
"""A client's preface with empty settings, which a server answers with its own. Source: RFC 9113, sections 3.4, 4.1."""
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
    with passing_folder("repro-code") as code:
        copy_code(case, code)
        sent = hash_tree(code)
        try:
            ray.init(address, runtime_env={"working_dir": str(code)}, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"RAY_ADDRESS={address}: {first}\n  unset it to run the runs here") from None
        try:
            processors = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
            yield ClusterWorkers(case, ray, sent, count or max(1, processors), gpus_per_run)
        finally:
            ray.shutdown()


class ClusterWorkers:
    """Tasks on a cluster that this process is connected to."""

    def __init__(self, case: Case, ray: Any, code: str, count: int, gpus_per_run: float) -> None:
        self._case, self._code = case, code
        self._ray, self._count, self._gpus_per_run = ray, count, gpus_per_run
        self._task = ray.remote(max_retries=RETRIES)(fulfil)
        self._tasks: dict[str, Any] = {}
        self._held: dict[str, FileLock] = {}
        self._archives: dict[Path, tuple[Any, str]] = {}

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
        files = {str(params_file(run)): params_file(run).read_bytes()}
        threads = self._case.threads(params)
        sent, hashes = zip(*map(self._send, folders), strict=True) if folders else ((), ())
        named = tuple(zip(map(str, folders), hashes, strict=True))
        order = Order(run, self._code, files, named, threads)
        task = self._task.options(num_cpus=threads, num_gpus=self._gpus_per_run, name=f"run {run}")
        self._tasks[run] = task.remote(order, *sent)
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

    def _send(self, folder: Path) -> tuple[Any, str]:
        """Returns where the archive of a folder lies on the cluster, and its hash."""
        if folder not in self._archives:
            archive = pack(folder)
            self._archives[folder] = self._ray.put(archive), hash_bytes(archive)
        return self._archives[folder]

    def _receive(self, run: str, task: Any) -> Ended:
        del self._tasks[run]
        held = self._held.pop(run)
        try:
            delivery = self._ray.get(task)
            accept(delivery, run)
        except self._ray.exceptions.RayError as error:
            return Ended(run, f"lost on the cluster ({_first_line(error)})", lost=True)
        except (UserError, OSError) as error:
            return Ended(run, f"lost on its way back ({_first_line(error)})", lost=True)
        finally:
            held.release()
        return Ended.by(run, delivery.status)


def _check_answer(address: str) -> None:
    """Checks that a cluster listens at an address; Ray itself would try for minutes.

    Raises:
        UserError: nobody answers there in time, or something else.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # "auto", or a form of its own, which Ray judges
    try:
        within(ANSWER_TIMEOUT_S, lambda: _greet(host, int(port)))
    except (OSError, OverflowError) as error:
        raise UserError(
            f"RAY_ADDRESS={address}: no cluster answers there ({error})\n  unset it to run the runs here"
        ) from None


def _greet(host: str, port: int) -> None:
    """Opens a connection as gRPC does, which Ray speaks, and reads the head of the first answer."""
    with socket.create_connection((host, port), ANSWER_TIMEOUT_S) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() not in ("0", "false", ""):
            return
        connection.sendall(HTTP2_GREETING)
        said = b""
        while len(said) < HTTP2_HEAD_BYTES and (more := connection.recv(HTTP2_HEAD_BYTES - len(said))):
            said += more
    if len(said) < HTTP2_HEAD_BYTES or said[3] != HTTP2_SETTINGS:
        raise ConnectionError("what answers there is not Ray")


def _first_line(error: Exception) -> str:
    """Returns what an error says, or that which a task has ended with, in one line."""
    said = str(getattr(error, "cause", None) or error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)


def copy_code(case: Case, folder: Path) -> None:
    """Copies what a run needs of the toolkit and of this project: code, and the hash that results are recorded under.

    The two lie apart, as an installed toolkit does: code is found in the working folder, and hashed, where it is here.
    """
    project = folder / WORKING
    shutil.copytree(paths.PROJECT / TOOLKIT, folder / TOOLKIT, ignore=CACHES)
    (project / paths.RUN_CODE).parent.mkdir(parents=True)
    for file in (PROJECT_FILE, paths.RUN_CODE):
        shutil.copyfile(file, project / file)
    code = imported_files(Path(), [*code_files(case), *files_of(Path(), case_module())])
    for name in {file.parts[0] for file in code}:
        if Path(name).is_dir():
            shutil.copytree(name, project / name, ignore=CACHES)
        else:
            shutil.copyfile(name, project / name)
