"""A process that has loaded what a case names, and from which each run is forked: the run finds it loaded.

Run as a module it is that process; `ForkServer` is its handle. A forked run is in all else what a command would have
started: it has a session, a log and an end of standard input of its own, and what it makes has the same bits. It starts
the command instead, and loads everything itself, where the case names nothing, where a file that was loaded has changed
since, and where a library has started a thread, which no fork takes along.

A run ends with the server, and the server with the process that holds its handle, however these end.
"""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from repro.case import load_case
from repro.runs import run as run_stage
from repro.runs.attached import ATTACHED, kill_group
from repro.runs.code import hash_code
from repro.runs.record import log_file

GRACE_S = 10.0
LOOK_EVERY_S = 0.02
LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries of numerics read, as they are loaded, of how many threads to use."""
NO_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""The allocator of Arrow, which pandas loads, would start one."""


class ForkServer:
    """The handle of a server.

    Args:
        command: what a run starts that has to load everything itself, before its id.
        threads: of each run; a server serves runs of one number of threads, as libraries read it when they are loaded.

    Attributes:
        running: the runs that have been started and have not been reported as ended.
        pid: of the server.
    """

    def __init__(self, command: Sequence[str], threads: int) -> None:
        self._orders, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), *command],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # what cannot be loaded, each run meets and says by itself
                env={**os.environ, **NO_THREAD, **dict.fromkeys(LIBRARIES, str(threads))},
                start_new_session=True,  # Ctrl-C is for this process, which ends the others in order
            )
        self.pid = self._process.pid
        self.running: list[str] = []

    @property
    def is_alive(self) -> bool:
        """Whether it takes orders."""
        return self._process.poll() is None

    def start(self, run: str) -> None:
        """Starts a run; where the server has just been killed, `ended` tells."""
        self.running.append(run)
        try:
            self._orders.send(run)
        except OSError:
            self._process.wait()

    def ended(self) -> Iterator[tuple[str, int | None]]:
        """Yields the runs that have ended since the last call, each with its exit status; None: with the server."""
        try:
            while self._orders.poll():
                run, status = self._orders.recv()
                self.running.remove(run)
                yield run, status
        except (EOFError, OSError):
            self._process.wait()
            yield from ((run, None) for run in self.running)
            self.running.clear()

    def stop(self) -> None:
        """Ends the server and what is running."""
        self._orders.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Serves; each forked process goes on as that of its run."""
    number, *command = sys.argv[1:]
    loaded = _load()
    run = _serve(Connection(int(number)))
    if run is None:
        return
    arguments = [*command, run, ATTACHED]
    if not loaded or _changed_ns(loaded) != loaded:
        os.execv(command[0], arguments)  # noqa: S606
    sys.argv = [run_stage.__file__, *arguments[-2:]]
    try:
        run_stage.main()
    finally:
        gc.unfreeze()  # else libraries complain of what is left at the end


def _serve(orders: Connection) -> str | None:
    """Forks a process for each run that is ordered, and says how it has ended.

    Returns:
        In a forked process its run; in this one nothing, once the other end of the connection is closed.
    """
    children: dict[
        int, tuple[str, int]
    ] = {}  # by process: its run, and the end of its standard input that is held here
    while True:
        if orders.poll(LOOK_EVERY_S if children else None):
            try:
                run = orders.recv()
            except (EOFError, OSError):
                for pid in children:
                    kill_group(pid)
                return None
            standard_input, attached = os.pipe()
            pid = os.fork()
            if pid == 0:
                # the ends by which other processes notice that their parent is gone are not this one's to hold
                orders.close()
                for end in (attached, *(held for _, held in children.values())):
                    os.close(end)
                _take_place(run, standard_input)
                return run
            os.close(standard_input)
            children[pid] = run, attached
        for pid, (run, attached) in list(children.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                kill_group(pid)  # what it has started
                _, status = os.waitpid(pid, 0)
                del children[pid]
                os.close(attached)
                with suppress(OSError):  # the next order says that nobody is there
                    orders.send((run, os.waitstatus_to_exitcode(status)))


def _load() -> Mapping[Path, int]:
    """Loads what the case names; returns the files that have been loaded, or none if each run has to load its own."""
    started = time.time_ns()
    try:
        case = load_case()
        for module in case.preload:
            import_module(module)
        if not case.preload:
            return {}
        hash_code(case)  # which remembers what it has parsed
    except Exception:  # which each run meets by itself, and says
        return {}
    gc.collect()
    gc.freeze()  # so that no run's collector touches, and so copies, the memory that all share
    modules = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    files = _changed_ns(Path(file) for file in modules if file)
    return files if max(files.values()) < started and _is_single_threaded() else {}


def _take_place(run: str, standard_input: int) -> None:
    """Gives this process the session, the standard input and the log that a command would have been started with."""
    os.setsid()
    log = os.open(log_file(run), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for own, standard in ((standard_input, 0), (log, 1), (log, 2)):
        os.dup2(own, standard)


def _changed_ns(files: Iterable[Path]) -> dict[Path, int]:
    """Returns when each file has last changed, in ns since the epoch; -1: it is gone."""
    return {file: file.stat().st_mtime_ns if file.exists() else -1 for file in files}


def _is_single_threaded() -> bool:
    """Tells whether this process has one thread; False where the system does not say."""
    tasks = Path("/proc/self/task")
    return tasks.is_dir() and len(list(tasks.iterdir())) == 1


if __name__ == "__main__":
    main()
