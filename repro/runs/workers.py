"""Who makes runs: processes of this machine, behind an interface that a cluster has too."""

import sys
from typing import Any, NamedTuple, Protocol

from filelock import FileLock, Timeout

from repro.case import Case
from repro.runs.fork_server import ForkServer
from repro.runs.record import lock_file, log_file
from repro.runs.trouble import is_own_end


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

    @classmethod
    def by(cls, run: str, status: int | None) -> "Ended":
        """Returns how a run has ended, from the exit status of its process.

        Args:
            run: id.
            status: negative: a signal has ended it; None: it has ended with the process that it was forked from.
        """
        if status is None:
            return cls(run, "killed with the process that it was forked from", lost=True)
        return cls(run, f"killed by signal {-status}", not is_own_end(-status)) if status < 0 else cls(run)


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
        command: what makes a run that is not forked, before its id.
    """

    def __init__(
        self, case: Case, count: int, command: tuple[str, ...] = (sys.executable, "-m", "repro.runs.run")
    ) -> None:
        self._case, self._count, self._command = case, count, command
        self._servers: dict[int, ForkServer] = {}

    @property
    def slots(self) -> int:
        """See `Workers`."""
        return self._count - len(self.running)

    @property
    def running(self) -> list[str]:
        """See `Workers`."""
        return [run for server in self._servers.values() for run in server.running]

    def start(self, run: str, params: Any) -> bool:
        """See `Workers`; what the process says goes to the run's log."""
        if is_taken(run):
            return False
        log_file(run).parent.mkdir(parents=True, exist_ok=True)
        threads = self._case.threads(params)
        if threads not in self._servers:
            self._servers[threads] = ForkServer(self._command, threads)
        self._servers[threads].start(run)
        return True

    def ended(self) -> list[Ended]:
        """See `Workers`."""
        found = [Ended.by(*each) for server in self._servers.values() for each in server.ended()]
        self._servers = {threads: server for threads, server in self._servers.items() if server.is_alive}
        return found

    def stop(self) -> None:
        """See `Workers`."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()


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
