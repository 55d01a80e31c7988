"""One run of a kept study once more, in a folder of its own: `python -m repro.bundle.again STUDY RUN FOLDER`.

Shared inputs are made again as well, once for all runs that name the same folder. Nothing of the project is touched:
neither its evidence nor its locks, resume states and DVC files.
"""

import os
import sys
from pathlib import Path

from repro import paths
from repro.audit.statistics.results import DIVERGED, OK
from repro.case import Case, Job, load_case
from repro.errors import DivergedError, UserError
from repro.kept.folder import read_kept, read_report
from repro.runs.attached import ATTACHED, stay_attached
from repro.runs.code import hash_code
from repro.runs.inputs import make_inputs
from repro.runs.layout import run_params
from repro.runs.machine import describe_machine
from repro.runs.tables import write_rows
from repro.storage import hash_tree, write_json

ROWS, OUTCOME, INPUTS = "rows.csv", "outcome.json", "inputs"


def main() -> None:
    """Makes the run that the command line names."""
    study, run, folder, *flags = sys.argv[1:]
    if ATTACHED in flags:
        stay_attached()
    try:
        case = load_case()
        report = paths.STUDY_REPORTS / study
        params = run_params(case, read_kept(read_report(report), str(report)).plan)[run]
        os.environ["OMP_NUM_THREADS"] = str(case.threads(params))
        make_again(case, params, Path(folder) / run, Path(folder) / INPUTS)
    except UserError as error:
        print(f"run {run}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def make_again(case: Case, params: object, folder: Path, shared: Path) -> None:
    """Writes `ROWS` and `OUTCOME` of a run, and what the case keeps of it.

    Args:
        case: under audit.
        params: of the run, checked.
        folder: of the run; does not exist.
        shared: where inputs are made, and found by the next run that has the same.
    """
    inputs = make_inputs(case, params, shared)
    folder.mkdir(parents=True)
    kept = folder / "kept"
    kept.mkdir()
    outcome = {"status": OK, "environment": {}}
    try:
        measured = case.run(Job(params, inputs, kept, folder / "work"))
        write_rows(measured.rows, [metric.name for metric in case.metrics], folder / ROWS)
        outcome["environment"] = describe_machine() | dict(measured.environment)
    except DivergedError:
        outcome |= {"status": DIVERGED, "environment": describe_machine()}
    outcome |= {"code": hash_code(case), "inputs": {name: hash_tree(place) for name, place in inputs.items()}}
    write_json(folder / OUTCOME, outcome)


if __name__ == "__main__":
    main()
