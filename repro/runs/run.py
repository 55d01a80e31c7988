"""Stage: one run, that is one variant with one seed, from its params file to one folder of evidence.

`python -m repro.runs.run ID` has the case make it, and writes `results/runs/ID` at once. A run that diverges is a
result, kept with its log; an error is none: it is recorded beside the resume states and ends the process with exit
status 2. Trouble of the machine is not even that: nothing is recorded, and the next sweep tries the run again. Killed,
the run goes on from what the case has kept.
"""

import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from repro import paths
from repro.audit.ledger.parsing import parse_tree
from repro.case import Case, Job, load_case
from repro.errors import DivergedError, UserError
from repro.processes import alone
from repro.refusals import check_folder, one_message
from repro.runs.attached import ATTACHED, stay_attached
from repro.runs.energy import EnergyMeter
from repro.runs.inputs import Keys, find_keys, folders_of, params_file, read_params
from repro.runs.machine import describe_machine
from repro.runs.outputs import remove
from repro.runs.record import (
    Given,
    RunRecord,
    Status,
    failure_file,
    lock_file,
    log_file,
    read_given,
    read_record,
    run_key,
    write_evidence,
    write_record,
)
from repro.runs.tables import write_protocol_rows, write_rows
from repro.runs.trouble import is_trouble
from repro.storage import written_folder

LOST = "lost"
"""What a process says of a run that trouble of the machine has ended."""


def main() -> None:
    """Makes the run that the command line names."""
    run, *flags = sys.argv[1:]
    if ATTACHED in flags:
        stay_attached()
    with one_message(f"run {run}"):
        case = load_case()
        params = load_run_params(case, run)
        check_folder(paths.RUNS)
        # before any library starts its threads; their number changes the last bits and belongs to the variant
        os.environ["OMP_NUM_THREADS"] = str(case.threads(params))
        with alone(lock_file(run), f"run {run}: another process makes it; waiting for it to end"):
            make_run(case, run, params)


def load_run_params(case: Case, run: str) -> Any:
    """Returns the checked params of a run, as `repro sweep` has written them."""
    file = params_file(run)
    return parse_tree(case.params, read_params(case, file), str(file))


def make_run(case: Case, run: str, params: Any) -> None:
    """Writes the evidence of a run, unless it stands there; the caller holds the run's lock.

    Raises:
        UserError: it cannot be made; that is recorded, unless it is trouble of the machine.
    """
    keys = find_keys(case, params)
    given = read_given(case, keys)
    attempt = _Attempt(case, run, params, run_key(case, params, given), given)
    kept = read_record(run)
    if kept is not None and kept.key == attempt.key and kept.status != "failed":
        return
    remove(paths.RUNS / run)  # made from something else: no result of this run any more
    failure_file(run).unlink(missing_ok=True)  # of an attempt before
    try:
        with written_folder(paths.RUNS / run) as partial:
            _fill(partial, attempt, keys)
    except (Exception, SystemExit) as error:
        if not isinstance(error, UserError):
            traceback.print_exc()
        if is_trouble(error):
            raise UserError(f"{LOST}: {_named(error)}") from error
        write_record(failure_file(run), attempt.record("failed", _named(error)))
        raise UserError(f"failed: {_named(error)}") from error
    shutil.rmtree(attempt.work.parent, ignore_errors=True)


def _named(error: BaseException) -> str:
    """Returns an error in one line."""
    said = " ".join(str(error).split())
    return said if said and isinstance(error, UserError) else ": ".join(filter(None, (type(error).__name__, said)))


class _Attempt:
    """One attempt at a run: what it is called, where it works, how long it has taken.

    Attributes:
        work: what the case keeps over a kill; another one where code, inputs or params are others.
    """

    def __init__(self, case: Case, run: str, params: Any, key: str, given: Given) -> None:
        self.case, self.run, self.params, self.key, self.given = case, run, params, key, given
        self.work = paths.state() / "runs" / run / key[:16]
        self._started = time.monotonic()
        self._energy = EnergyMeter()

    def record(self, status: Status, reason: str = "", earlier_s: float = 0.0, environment: Any = None) -> RunRecord:
        seconds = earlier_s + time.monotonic() - self._started
        joules = self._energy.joules()
        return RunRecord(status, reason, self.key, self.given, round(seconds, 3), joules, dict(environment or {}))


def _fill(folder: Path, attempt: _Attempt, keys: Keys) -> None:
    job = Job(attempt.params, folders_of(keys), folder, attempt.work)
    try:
        measured = attempt.case.run(job)
    except DivergedError as error:
        for item in folder.iterdir():  # what it has written before is no evidence
            shutil.rmtree(item) if item.is_dir() else item.unlink()
        first = str(error).splitlines()[0]
        said = log_file(attempt.run)
        text = said.read_text(encoding="utf-8", errors="replace") if said.is_file() else ""
        (folder / paths.LOG).write_text(f"{text}{error}\n", encoding="utf-8")
        write_evidence(folder, attempt.record("diverged", first))
        print(f"run {attempt.run}: {first}", file=sys.stderr)
        return
    write_rows(measured.rows, [metric.name for metric in attempt.case.metrics], folder / paths.ROWS)
    write_protocol_rows(measured.protocols, folder / paths.PROTOCOL_ROWS)
    environment = describe_machine() | dict(measured.environment)
    record = attempt.record("ok", earlier_s=measured.earlier_s, environment=environment)
    write_evidence(folder, record, attempt.case.unit_groups)


if __name__ == "__main__":
    main()
