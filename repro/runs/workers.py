"""Who makes runs: processes of this machine, behind an interface that a cluster has too."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from filelock import FileLock, Timeout

from repro.case import Case
from repro.runs.record import lock_file, log_file
from repro.runs.run import ATTACHED

GRACE_S = 10.0


class Ended(NamedTuple):
    """A run whose process has ended.

    Attributes:
        run: id.
        killed: what has ended it, where it did not end by itself, else empty; it is worth another attempt.
        lost: that is nothing of the run's own, but of where it ran.
    """

    run: str
    killed: str = ""
    lost: bool = False


class Workers(Protocol):
    """Makes runs, several at once."""

    @property
    def slots(self) -> int:
        """How many more runs can be started now."""
        ...

    @property
    def running(self) -> list[str]:
        """The runs that have been started and have not been reported as ended."""
        ...

    def start(self, run: str, params: Any) -> bool:
        """Starts a run; False where another process makes it."""
        ...

    def ended(self) -> list[Ended]:
        """Returns the runs that have ended since the last call."""
        ...

    def stop(self) -> None:
        """Ends what is running; each run goes on from what it has kept when it is started again."""
        ...


class LocalWorkers:
    """Processes of this machine, each a stage of its own; none outlives this one, however it ends.

    Args:
        case: under audit; it says how many threads a run uses.
        count: how many at once.
        command: what is started, before the id of the run.
    """

    def __init__(
        self, case: Case, count: int, command: tuple[str, ...] = (sys.executable, "-m", "repro.runs.run")
    ) -> None:
        self._case, self._count, self._command = case, count, command
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def slots(self) -> int:
        """See `Workers`."""
        return self._count - len(self._processes)

    @property
    def running(self) -> list[str]:
        """See `Workers`."""
        return list(self._processes)

    def start(self, run: str, params: Any) -> bool:
        """See `Workers`; what the process says goes to the run's log."""
        if is_taken(run):
            return False
        log = log_file(run)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream:
            self._processes[run] = subprocess.Popen(
                [*self._command, run, ATTACHED],
                stdin=subprocess.PIPE,  # it ends with this process, which holds the other end
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=_environment(self._case.threads(params)),
                start_new_session=True,  # Ctrl-C is for this process, which ends the others in order
            )
        return True

    def ended(self) -> list[Ended]:
        """See `Workers`."""
        found = []
        for run, process in list(self._processes.items()):
            status = process.poll()
            if status is not None:
                del self._processes[run]
                _close(process)
                found.append(Ended(run, f"killed by signal {-status}" if status < 0 else ""))
        return found

    def stop(self) -> None:
        """See `Workers`."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            process.kill()
            process.wait()
            _close(process)
        self._processes.clear()


def is_taken(run: str) -> bool:
    """Tells whether a process makes this run now."""
    held = take(run)
    if held is None:
        return True
    held.release()
    return False


def take(run: str) -> FileLock | None:
    """Returns the lock of a run, held; nothing where another process makes it."""
    lock = lock_file(run)
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        return None
    return held


def _environment(threads: int) -> Mapping[str, str]:
    libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(libraries, str(threads))}


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
