"""The sweep: what is missing is started, watched, tried again where it was killed, and recorded.

A run's own failure is an outcome. What the machine has ended, or has kept from starting, is lost: the next sweep tries
it again.
"""

import time
from collections import Counter, deque

from repro.runs.progress import Show, Standing
from repro.runs.record import RunRecord, failure_file, log_file, read_record, write_record
from repro.runs.recorder import Recorder
from repro.runs.run import LOST
from repro.runs.status import Work, is_finished
from repro.runs.workers import Ended, Workers

ATTEMPTS = 3
"""How often a run is started whose process is killed."""
LOOK_EVERY_S = 0.1


class Sweep:
    """One sweep over what is missing.

    Args:
        work: what is to be done.
        workers: who does it.
        recorder: records what is finished.
        show: is told how it goes.

    Attributes:
        failures: why runs have failed, by id, those of earlier sweeps included.
        lost: why runs have come to no end, by id.
    """

    def __init__(self, work: Work, workers: Workers, recorder: Recorder, show: Show) -> None:
        self._work, self._workers, self._recorder, self._show = work, workers, recorder, show
        self._waiting = deque(work.missing)
        self._attempts: Counter[str] = Counter()
        self._statuses = {run: _status(run) for run in [*work.done, *work.unrecorded]}
        self.failures = {run: _reason(run) for run in work.failed}
        self.lost: dict[str, str] = {}
        self._started, self._ended = time.monotonic(), 0
        self._slots = workers.slots

    def run(self) -> None:
        """Runs until nothing is missing; whatever ends it early, no process of it is left."""
        for run in self._work.unrecorded:
            self._recorder.add(run)
        try:
            while self._waiting or self._workers.running:
                for ended in self._workers.ended():
                    self._take(ended)
                self._start()
                self._recorder.tick()
                self._show(self.standing(), "")
                time.sleep(LOOK_EVERY_S)
        finally:
            self._workers.stop()

    def standing(self) -> Standing:
        """Returns how it stands."""
        count = Counter(self._statuses.values())
        seconds = time.monotonic() - self._started
        running = sorted(self._workers.running)
        ended = count["ok"], count["diverged"], len(self.failures)
        runs, lost = len(self._work.params), len(self.lost)
        return Standing(runs, *ended, running, self._ended, seconds, self._slots, lost)

    def _start(self) -> None:
        """Starts as many runs as there are slots; what another sweep makes is looked at again later."""
        for _ in range(len(self._waiting)):
            if self._workers.slots <= 0:
                return
            run = self._waiting.popleft()
            if is_finished(run, self._work.keys[run]):  # by another sweep, which records it
                self._settle(run, _status(run))
            elif not self._workers.start(run, self._work.params[run]):
                self._waiting.append(run)

    def _take(self, ended: Ended) -> None:
        run, key = ended.run, self._work.keys[ended.run]
        if is_finished(run, key):
            self._recorder.add(run)
            self._settle(run, _status(run))
        elif ended.killed and self._attempts[run] + 1 < ATTEMPTS:
            self._attempts[run] += 1
            self._waiting.append(run)
            self._show(self.standing(), f"{run}: {ended.killed}; it is started again")
        else:
            self._fail(ended, key)

    def _settle(self, run: str, status: str) -> None:
        self._statuses[run] = status
        self._ended += 1
        self._show(self.standing(), f"{run}: {status}")

    def _fail(self, ended: Ended, key: str) -> None:
        """Counts a failure, and records one of the run's own that its process could not record."""
        run, record = ended.run, read_record(ended.run)
        often = f"{ended.killed}, {ATTEMPTS} times"
        if ended.killed and not ended.lost:
            self.failures[run] = often
            write_record(failure_file(run), RunRecord("failed", often, key, self._work.given[run], 0.0, None))
        elif not ended.killed and record is not None and record.key == key:
            self.failures[run] = record.reason
        else:
            self.lost[run] = often if ended.killed else _last_line(run)
        self._ended += 1
        told = f"failed: {self.failures[run]}" if run in self.failures else f"lost: {self.lost[run]}"
        self._show(self.standing(), f"{run}: {told} (log: {log_file(run)})")


def _status(run: str) -> str:
    record = read_record(run)
    return record.status if record is not None else "missing"


def _reason(run: str) -> str:
    record = read_record(run)
    return record.reason if record is not None else ""


def _last_line(run: str) -> str:
    try:
        lines = log_file(run).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "its process ended without a word")
    return last.removeprefix(f"run {run}: ").removeprefix(f"{LOST}: ")
