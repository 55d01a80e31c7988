"""What became of a run, as it stands on disk, and the key of all that it depends on.

A run that has ended well or diverged is a folder of evidence under `results/runs`, which DVC keeps. One that failed
leaves a record and a log beside the resume states, for nobody to take it for a result; one that was lost, to trouble of
the machine or to a kill from outside, leaves none and is tried again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from repro import paths
from repro.audit.ledger.identity import leave_out_before
from repro.case import Case, UnitGroups
from repro.checksums import check_file, check_folder, write_checksums
from repro.errors import UserError
from repro.runs.code import hash_code
from repro.runs.inputs import Keys, folders_of
from repro.runs.outputs import find_foreign
from repro.storage import hash_json, hash_tree, write_json

MEND = "`repro sweep STUDY` brings it back, or makes it again"
Status = Literal["ok", "failed", "diverged"]


class Given(NamedTuple):
    """Hashes of what a run depends on beside its params: of the code, and of each input by its name."""

    code: str
    inputs: Mapping[str, str]


class RunRecord(NamedTuple):
    """What became of a run.

    Attributes:
        status: ok; diverged: its numbers were no longer finite, which is a result; failed: an error of its own.
        reason: in one line why it is not ok, else empty.
        key: of all that the outcome depends on.
        given: what that is beside the params.
        seconds: wall-clock, over all attempts.
        joules: of the last attempt; None where the machine does not count them.
        environment: what the case says its numbers may depend on.
    """

    status: Status
    reason: str
    key: str
    given: Given
    seconds: float
    joules: float | None
    environment: Mapping[str, Any] = {}


def read_given(case: Case, keys: Keys) -> Given:
    """Hashes the code and the inputs.

    Raises:
        UserError: an input is missing, or the code is not that which the pipeline has recorded.
    """
    folders = folders_of(keys)
    for folder in folders.values():
        if not folder.is_dir():
            raise UserError(f"{folder} is missing; `repro sweep STUDY` makes it, or `dvc repro {paths.RUN_PIPELINE}`")
    code = hash_code(case)
    if not paths.RUN_CODE.is_file() or json.loads(paths.RUN_CODE.read_text())["sha256"] != code:
        raise UserError(
            f"the code is not that of {paths.RUN_CODE}, under which results would be recorded\n"
            f"  bring it up to date: `repro sweep STUDY`, or `dvc repro {paths.RUN_PIPELINE}:code`"
        )
    return Given(code, {name: hash_tree(folder) for name, folder in folders.items()})


def run_key(case: Case, params: Any, given: Given) -> str:
    """Returns the hash of all that the outcome of a run depends on."""
    return hash_json([leave_out_before(case.params, params.model_dump(mode="json")), given.code, dict(given.inputs)])


def lock_file(run: str) -> Path:
    """Returns the lock of a run, which the process that makes it holds."""
    return paths.state() / "locks" / f"run-{run}.lock"


def log_file(run: str) -> Path:
    """Returns where the last process that made a run has said what it had to say."""
    return paths.state() / "runs" / f"{run}.log"


def failure_file(run: str) -> Path:
    """Returns where a failure is recorded."""
    return paths.state() / "runs" / f"{run}.json"


def read_record(run: str) -> RunRecord | None:
    """Returns what became of a run: its sound evidence, else its last failure, else nothing."""
    for file in (*(() if find_damage(run) else (paths.RUNS / run / paths.RUN,)), failure_file(run)):
        try:
            if not file.is_file():  # a pipe never ends
                continue
            values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            values["given"] = Given(**values["given"])
            return RunRecord(**{name: values[name] for name in RunRecord._fields})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def find_damage(run: str) -> str:
    """Returns in one line what of a run's evidence is not as it was written; empty: nothing, or there is none."""
    folder = paths.RUNS / run
    if not os.path.lexists(folder):
        return ""
    if not folder.is_dir():
        return f"{folder} is no folder; {MEND}"
    if (foreign := find_foreign(folder)) is not None:
        return f"{foreign} is no regular file; {MEND}"
    try:
        check_folder(folder, MEND)
        for name in (paths.RUN, paths.ROWS, paths.PROTOCOL_ROWS):  # also where the list itself was cut short
            if (folder / name).is_file():
                check_file(folder, name, MEND)
    except UserError as error:
        return in_one_line(error)
    return ""


def in_one_line(error: UserError) -> str:
    """Returns an error and its remedy as the reason of a run, which stands in a row of a table."""
    return " ".join(str(error).replace("\n", ";").split())


def write_evidence(folder: Path, record: RunRecord, groups: UnitGroups | None = None) -> None:
    """Ends the evidence of a run: writes its record beside the tables, and the checksums of what reports read.

    Args:
        folder: of the evidence, with the tables.
        record: of the run.
        groups: of its units, where the case has such.
    """
    write_record(folder / paths.RUN, record)
    tables = [paths.RUN, paths.ROWS, paths.PROTOCOL_ROWS]
    write_checksums(folder, tables if groups is None else [*tables, groups.file])


def write_record(file: Path, record: RunRecord) -> None:
    """Writes a record atomically."""
    write_json(file, record._asdict() | {"given": record.given._asdict()})
