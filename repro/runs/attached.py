"""Processes that end with the one that has started them, and that take along all that they have started themselves.

    the one that waits: writing end of a pipe ──► standard input of the other, which ends as soon as that is closed

However the one that waits ends, the system closes its end. Each process leads a group, which ends as one.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

ATTACHED = "--attached"
"""Flag of a program that may be started by hand too: end as soon as standard input does."""
GRACE_S = 5.0
"""How long an interrupted process may take to leave everything in order."""
LOOK_EVERY_S = 0.05


class Attached:
    """A process that ends with this one, as its main function calls `stay_attached`.

    Args:
        command: with arguments.
        options: as `subprocess.Popen` has them, all but standard input.

    Attributes:
        process: as `subprocess` knows it.
    """

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        theirs, self._held = os.pipe()
        try:
            self.process = subprocess.Popen(command, stdin=theirs, start_new_session=True, **options)
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(theirs)

    def wait(self) -> int:
        """Waits for the end of the process and of all that it has started.

        Interrupted, it passes that on, and leaves them a moment to end in order.

        Returns:
            Its exit status; negative: the signal that has ended it.
        """
        try:
            while self.is_running:
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            self._interrupt()
            raise
        finally:
            self._end()
        return self.process.returncode

    def communicate(self) -> tuple[str, str]:
        """Waits likewise, and returns what the process has said on standard output and error, piped and as text."""
        try:
            said: tuple[str, str] = self.process.communicate()
        except KeyboardInterrupt:
            self._interrupt()
            raise
        finally:
            self._end()
        return said

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        if self.process.returncode is not None:
            return False
        # not waited for, so that its number stays its own
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def _interrupt(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        ends = time.monotonic() + GRACE_S
        while self.is_running and time.monotonic() < ends:
            time.sleep(LOOK_EVERY_S)

    def _end(self) -> None:
        """Ends what is left of the group, and closes what is held."""
        if self.process.returncode is None:
            kill_group(self.process.pid)
        self.process.wait()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


def stay_attached() -> None:
    """Has this process, and all that it starts, end as soon as its standard input is closed."""
    threading.Thread(target=_end_with_standard_input, daemon=True).start()


def kill_group(leader: int) -> None:
    """Ends a process that leads a group, which has not been waited for, and all others of the group."""
    for end in (os.killpg, os.kill):  # forked a moment ago, it may lead none yet
        with suppress(ProcessLookupError, PermissionError):
            end(leader, signal.SIGKILL)


def _end_with_standard_input() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock would be in the way when the process ends by itself
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
