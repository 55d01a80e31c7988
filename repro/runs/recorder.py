"""Recording finished runs in DVC while others run: in batches, by a process of its own.

What is not recorded, because something was killed or DVC was busy, the next sweep finds finished and records then.
"""

import subprocess
import time

from repro.runs.attached import Attached
from repro.runs.dvc_stages import RECORD, run_stage, start

EVERY_S = 60.0


class Recorder:
    """Records runs, one batch after the other.

    Args:
        every_s: how long runs wait for a batch.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._waiting: list[str] = []
        self._process: Attached | None = None
        self._last = time.monotonic()

    def add(self, run: str) -> None:
        """Takes a finished run."""
        self._waiting.append(run)

    def tick(self) -> None:
        """Starts a batch if one is due; returns at once."""
        if self._process is not None and not self._process.is_running:
            self._wait()
        if self._process is None and self._waiting and time.monotonic() - self._last >= self._every_s:
            self._start()

    def finish(self) -> str:
        """Records all that waits, and returns what DVC has said against the last batch, in one line."""
        said = self._wait()
        if self._waiting:
            self._start()
            said = self._wait()
        return said

    def _start(self) -> None:
        pipe = subprocess.PIPE
        self._process = start(RECORD, map(run_stage, self._waiting), stdout=pipe, stderr=pipe, text=True)
        self._waiting = []
        self._last = time.monotonic()

    def _wait(self) -> str:
        if self._process is None:
            return ""
        _, said = self._process.communicate()
        failed = self._process.process.returncode != 0
        self._process = None
        return said.strip().splitlines()[-1] if failed and said.strip() else ""
