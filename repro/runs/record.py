"""What became of a run, as it stands on disk, and the key of all that it depends on.

A run that has ended well or diverged is a folder of evidence under `results/runs`, which DVC keeps. One that failed
leaves a record and a log beside the resume states, for nobody to take it for a result.
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from repro import paths
from repro.cases.medfe.params import Params
from repro.errors import UserError
from repro.runs.code import hash_code
from repro.runs.inputs import Sources
from repro.storage import hash_json, hash_tree, write_json

Status = Literal["ok", "failed", "diverged"]


class Given(NamedTuple):
    """Hashes of what a run depends on beside its params."""

    code: str
    photographs: str
    holes: str


class Outcome(NamedTuple):
    """What became of a run.

    Attributes:
        status: ok; diverged: the numbers of its training were no longer finite, which is a result; failed: an error.
        reason: in one line why it is not ok, else empty.
        key: of all that the outcome depends on.
        given: what that is beside the params.
        seconds: wall-clock, over all attempts.
        joules: of the last attempt; None where the machine does not count them.
        steps: how long it trains.
        output: which output of the network its headline measures.
    """

    status: Status
    reason: str
    key: str
    given: Given
    seconds: float
    joules: float | None
    steps: int
    output: str


def read_given(sources: Sources) -> Given:
    """Hashes code, photographs and holes.

    Raises:
        UserError: photographs or holes are missing, or the code is not that which the pipeline has recorded.
    """
    for folder in (sources.prepared, sources.masks):
        if not folder.is_dir():
            raise UserError(f"{folder} is missing; `repro sweep STUDY` makes it, or `dvc repro ablations/dvc.yaml`")
    code = hash_code()
    if not paths.RUN_CODE.is_file() or json.loads(paths.RUN_CODE.read_text())["sha256"] != code:
        raise UserError(
            f"the code is not that of {paths.RUN_CODE}, under which results would be recorded\n"
            "  bring it up to date: `repro sweep STUDY`, or `dvc repro ablations/dvc.yaml:code`"
        )
    return Given(code, hash_tree(sources.prepared), hash_tree(sources.masks))


def run_key(params: Params, given: Given) -> str:
    """Returns the hash of all that the outcome of a run depends on."""
    return hash_json([params.resolved(), list(given)])


def lock_file(run: str) -> Path:
    """Returns the lock of a run, which the process that makes it holds."""
    return paths.state() / "locks" / f"run-{run}.lock"


def log_file(run: str) -> Path:
    """Returns where the last process that made a run has said what it had to say."""
    return paths.state() / "runs" / f"{run}.log"


def failure_file(run: str) -> Path:
    """Returns where a failure is recorded."""
    return paths.state() / "runs" / f"{run}.json"


def read_outcome(run: str) -> Outcome | None:
    """Returns what became of a run: its evidence if there is some, else its last failure, else nothing."""
    for file in (paths.RUNS / run / paths.RUN, failure_file(run)):
        try:
            values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            values["given"] = Given(**values["given"])
            return Outcome(**{name: values[name] for name in Outcome._fields})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def write_outcome(file: Path, outcome: Outcome) -> None:
    """Writes an outcome atomically."""
    write_json(file, outcome._asdict() | {"given": outcome.given._asdict()})
