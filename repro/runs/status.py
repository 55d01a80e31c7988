"""What there is to do for a plan: shared photographs and holes first, then which runs are missing, and why.

A frozen plan flows in, the params and keys of its runs and the list of those to run flow out. What DVC's cache holds
is brought back on the way, and what a sweep that was killed has finished is taken over.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from repro import paths
from repro.audit.study.plan import Plan
from repro.cases.medfe.params import Params
from repro.errors import UserError
from repro.processes import alone
from repro.runs.inputs import Sources, find_sources
from repro.runs.listing import run_params, write_runs
from repro.runs.record import Given, read_given, read_outcome, run_key
from repro.runs.dvc_stages import bring_back, find_changed, run_stage


class Work(NamedTuple):
    """The runs of a plan by what is to be done about them.

    Attributes:
        params: of every run, by id.
        given: what each run is made from beside its params, by id.
        keys: of all that each outcome depends on, by id.
        missing: to be run.
        failed: have failed as they are now; run again only when asked for.
        unrecorded: finished, but not recorded by DVC yet.
        done: finished and recorded.
    """

    params: Mapping[str, Params]
    given: Mapping[str, Given]
    keys: Mapping[str, str]
    missing: list[str]
    failed: list[str]
    unrecorded: list[str]
    done: list[str]


def find_work(plan: Plan, *, retry_failed: bool) -> Work:
    """Writes the params of the runs, makes what they share, and sorts the runs by what is to be done.

    Args:
        plan: frozen.
        retry_failed: whether runs that have failed are to be run again.

    Raises:
        UserError: DVC cannot work here, or what the runs share cannot be made.
    """
    write_runs(plan)
    params = run_params(plan)
    sources = {run: find_sources(each) for run, each in params.items()}
    _make_shared(set(sources.values()))
    shared = {each: read_given(each) for each in set(sources.values())}
    given = {run: shared[each] for run, each in sources.items()}
    keys = {run: run_key(each, given[run]) for run, each in params.items()}
    changed = _runs(find_changed(map(run_stage, params)))
    unrecorded = [run for run in changed if is_finished(run, keys[run])]
    finished = set(unrecorded)
    lost = [run for run in changed if run not in finished]
    brought = _runs(bring_back(map(run_stage, lost))) if lost else []
    restored = {run for run in brought if is_finished(run, keys[run])}
    failed = [run for run in lost if run not in restored and has_failed(run, keys[run]) and not retry_failed]
    again = _forget_diverged(params) if retry_failed else []
    unrecorded = [run for run in unrecorded if run not in again]
    missing = [run for run in lost if run not in {*restored, *failed}] + again
    open_ends = {*missing, *failed, *unrecorded}
    done = [run for run in params if run not in open_ends]
    return Work(params, given, keys, missing, failed, unrecorded, done)


def find_outdated(plan: Plan) -> list[str]:
    """Writes the params of the runs, and returns those that are missing or made from something else than now.

    Raises:
        UserError: DVC cannot work here.
    """
    write_runs(plan)
    return _runs(find_changed(run_stage(run.id) for run in plan.runs))


def is_finished(run: str, key: str) -> bool:
    """Tells whether the evidence of a run is there, made from what it would be made from now."""
    outcome = read_outcome(run)
    return outcome is not None and outcome.key == key and outcome.status != "failed"


def has_failed(run: str, key: str) -> bool:
    """Tells whether a run has failed, made from what it would be made from now."""
    outcome = read_outcome(run)
    return outcome is not None and outcome.key == key and outcome.status == "failed"


def _forget_diverged(runs: Iterable[str]) -> list[str]:
    """Removes the evidence of runs that have diverged, and returns them."""
    diverged = [run for run in runs if (outcome := read_outcome(run)) is not None and outcome.status == "diverged"]
    for run in diverged:
        shutil.rmtree(paths.RUNS / run)
    return diverged


def _make_shared(sources: set[Sources]) -> None:
    names = ["code"]
    names += [f"photographs@{name}" for name in sorted({each.photographs for each in sources})]
    names += [f"holes@{name}" for name in sorted({each.holes for each in sources})]
    with alone(paths.state() / "locks" / "shared.lock", "sweep: another one makes what the runs share; waiting"):
        changed = find_changed(names)
        if changed:
            bring_back(changed)
            changed = find_changed(names)
        if changed:
            targets = [f"{paths.RUN_PIPELINE}:{name}" for name in changed]
            command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *targets]
            if subprocess.run(command, check=False).returncode:
                raise UserError("photographs or holes of the runs cannot be made; DVC has said why")


def _runs(stages: list[str]) -> list[str]:
    return [name.removeprefix("run@") for name in stages]
