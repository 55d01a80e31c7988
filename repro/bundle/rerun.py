"""Runs of a kept study made again, drawn at random: bit-identical, within tolerance, or different, and what differs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from repro import paths
from repro.audit.statistics.results import DIVERGED, OK
from repro.bundle.again import OUTCOME, ROWS
from repro.bundle.tolerances import (
    DIFFERENT,
    IDENTICAL,
    Allowed,
    Distance,
    allowed_distances,
    compare_rows,
    differing_runs,
)
from repro.case import load_case
from repro.errors import UserError
from repro.evidence import read_unit_rows
from repro.kept.folder import read_kept, read_report
from repro.kept.study import KeptStudy, Made
from repro.own_folder import passing_folder
from repro.runs.attached import ATTACHED, Attached
from repro.runs.layout import run_params

MADE = (OK, DIVERGED)


def rerun_study(study: str, count: int, seed: int, say: Callable[[str], object]) -> bool:
    """Makes some runs of a kept study again; returns whether all agree.

    Args:
        study: its name.
        count: of runs; all, where there are fewer.
        seed: of the draw.
        say: is told each line.

    Raises:
        UserError: no report is kept, the plan is none of today's, or a run cannot be made.
    """
    report = paths.STUDY_REPORTS / study
    kept = read_kept(read_report(report), str(report))
    params = run_params(load_case(), kept.plan)
    runs = kept.results.runs
    made = [run for run in runs.index if runs.loc[run, "status"] in MADE]
    if not made:
        raise UserError(f"{study} has no run that was made, so none that could be made again")
    drawn = np.random.default_rng(seed).choice(made, min(count, len(made)), replace=False).tolist()
    say(f"{study}: {len(drawn)} of {len(made)} runs, drawn with seed {seed}, made again from their params")
    allowed, agree = allowed_distances(kept), []
    with passing_folder("repro-rerun") as folder:
        for run in drawn:
            threads = str(load_case().threads(params[run]))
            variant = str(runs.loc[run, "variant"])
            distance, differs = _make(kept, run, study, folder, threads, allowed[variant])
            agree.append(distance.verdict)
            say(f"  {': '.join(filter(None, [run, distance.verdict, distance.show()]))}")
            for line in dict.fromkeys(differs):
                say(f"    {line}")
    counts = ", ".join(f"{agree.count(verdict)} {verdict}" for verdict in dict.fromkeys(agree))
    say(f"{study}: {counts}")
    return DIFFERENT not in agree


def _make(
    kept: KeptStudy, run: str, study: str, folder: Path, threads: str, allowed: Allowed
) -> tuple[Distance, list[str]]:
    """Makes a run again; returns how it stands to the kept one, and what differs as "name: kept, now"."""
    command = [sys.executable, "-m", "repro.bundle.again", study, run, str(folder), ATTACHED]
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    pipe = subprocess.PIPE
    attached = Attached(command, stdout=pipe, stderr=pipe, text=True, errors="replace", env=environment)
    said = attached.communicate()[1].strip().splitlines()
    file = folder / run / OUTCOME
    if attached.process.returncode or not file.is_file():
        raise UserError(f"run {run} cannot be made again: {said[-1] if said else 'it ended without a word'}")
    told = json.loads(file.read_text(encoding="utf-8"))
    now = Made("", told["code"], told["inputs"], told["environment"])
    then = kept.made.get(run)
    differs = differing_runs(then, now) if then is not None else ["what it was made from: not recorded"]
    status = str(kept.results.runs.loc[run, "status"])
    if OK not in (status, told["status"]):
        return Distance(IDENTICAL, "", 0.0, 0.0), differs
    if status != told["status"]:
        return Distance(DIFFERENT, "", 0.0, 0.0), [f"outcome: {status}, {told['status']}", *differs]
    rows = kept.results.rows
    again = read_unit_rows(folder / run / ROWS, text=("metric",))
    return compare_rows(rows[rows["run"] == run], again, allowed, same=not differs), differs
