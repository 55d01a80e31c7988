"""Stage run: one variant with one seed, from its params file to one folder of evidence.

`python -m repro.runs.run ID` trains, evaluates the weights after all and after half of the steps, and writes
`results/runs/ID` at once. A training that diverges is a result, kept with its log; an error is none: it is recorded
beside the resume states and ends the process with exit status 2. Killed, it goes on from its last checkpoint. Knows
nothing of the study that asks for the run.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

from repro import paths
from repro.cases.medfe.params import Params, load_params
from repro.errors import DivergedError, UserError
from repro.processes import alone
from repro.runs.energy import EnergyMeter
from repro.runs.inputs import Sources, find_sources, params_file
from repro.runs.record import (
    Given,
    Outcome,
    Status,
    failure_file,
    lock_file,
    log_file,
    read_given,
    read_outcome,
    run_key,
    write_outcome,
)
from repro.storage import written_folder

ATTACHED = "--attached"
"""Flag: end as soon as standard input does, that is with the process that holds its other end."""
TRAIN_FRACTIONS = {paths.EVALUATE.name: 1.0, "half": 0.5}
"""Folders of a run, with the share of the training after which their rows were measured."""


def main() -> None:
    """Makes the run that the command line names."""
    run, *flags = sys.argv[1:]
    if ATTACHED in flags:
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
    try:
        params = load_params(params_file(run))
        # before torch is loaded; their number changes the last bits and belongs to the variant
        os.environ["OMP_NUM_THREADS"] = str(params.runtime.threads)
        with alone(lock_file(run), f"run {run}: another process makes it; waiting for it to end"):
            make_run(run, params)
    except UserError as error:
        print(f"run {run}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def make_run(run: str, params: Params) -> None:
    """Writes the evidence of a run, unless it stands there; the caller holds the run's lock.

    Raises:
        UserError: it cannot be made; that is recorded.
    """
    sources = find_sources(params)
    given = read_given(sources)
    key = run_key(params, given)
    kept = read_outcome(run)
    if kept is not None and kept.key == key and kept.status != "failed":
        return
    shutil.rmtree(paths.RUNS / run, ignore_errors=True)  # made from something else: no result of this run any more
    attempt = _Attempt(run, params, key, given)
    try:
        with written_folder(paths.RUNS / run) as partial:
            _fill(partial, attempt, sources)
    except Exception as error:
        if not isinstance(error, UserError):
            traceback.print_exc()
        reason = " ".join(str(error).split()) or type(error).__name__
        named = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        write_outcome(failure_file(run), attempt.outcome("failed", named))
        raise UserError(f"failed: {named}") from error
    failure_file(run).unlink(missing_ok=True)
    shutil.rmtree(attempt.work.parent, ignore_errors=True)


class _Attempt:
    """One attempt at a run: what it is called, where it works, how long it has taken.

    Attributes:
        work: where a finished training waits for its evaluation, so that a kill in between loses nothing.
        before_s: how long earlier attempts have trained.
    """

    def __init__(self, run: str, params: Params, key: str, given: Given) -> None:
        self.run, self.params, self.key, self.given = run, params, key, given
        self.work = paths.state() / "runs" / run / key[:16]
        self.before_s = 0.0
        self._started = time.monotonic()
        self._energy = EnergyMeter()

    def outcome(self, status: Status, reason: str = "") -> Outcome:
        seconds = self.before_s + time.monotonic() - self._started
        steps, output = self.params.training.steps, self.params.evaluation.output
        joules = self._energy.joules()
        return Outcome(status, reason, self.key, self.given, round(seconds, 3), joules, steps, output)


def _fill(folder: Path, attempt: _Attempt, sources: Sources) -> None:
    try:
        _train(attempt, sources)
        _evaluate(attempt, sources, folder)
    except DivergedError as error:
        first = str(error).splitlines()[0]
        write_outcome(folder / paths.RUN, attempt.outcome("diverged", first))
        said = log_file(attempt.run)
        text = said.read_text(encoding="utf-8", errors="replace") if said.is_file() else ""
        (folder / paths.LOG).write_text(f"{text}{error}\n", encoding="utf-8")
        print(f"run {attempt.run}: {first}", file=sys.stderr)
    else:
        # the weights of half the steps have been measured, and would double what hundreds of runs take
        shutil.copytree(attempt.work, folder / paths.TRAIN.name, ignore=shutil.ignore_patterns(paths.HALF))
        write_outcome(folder / paths.RUN, attempt.outcome("ok"))


def _train(attempt: _Attempt, sources: Sources) -> None:
    """Trains, unless an earlier attempt has; adds what earlier attempts have taken."""
    import json

    from repro.cases.medfe.training.loop import train

    started = time.monotonic()
    if not (attempt.work / paths.RECORD).is_file():
        states = paths.state() / "training"
        train(attempt.params, sources.prepared, sources.masks, attempt.work, states, half=True)
    trained_s: float = json.loads((attempt.work / paths.RECORD).read_text())["seconds"]
    attempt.before_s = max(0.0, trained_s - (time.monotonic() - started))


def _evaluate(attempt: _Attempt, sources: Sources, folder: Path) -> None:
    from repro.cases.medfe.evaluation.study_run import evaluate_run

    params = attempt.params
    evaluate_run(attempt.work, sources.prepared, sources.masks, params.evaluation, params.runtime, folder)


def _end_with_standard_input() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock would be in the way when the process ends by itself
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
