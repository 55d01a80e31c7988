"""What there is to do for a plan: the inputs that runs share first, then which runs are missing, and why.

What DVC's cache holds is brought back on the way, and what a sweep that was killed has finished is taken over.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from repro import paths
from repro.audit.study.plan import Plan
from repro.case import Case
from repro.processes import alone
from repro.runs.dvc_stages import bring_back, find_changed, make, run_stage
from repro.runs.inputs import Keys, find_keys
from repro.runs.layout import RUN_STAGE, run_params, write_runs
from repro.runs.outputs import remove
from repro.runs.record import Given, failure_file, find_damage, read_given, read_record, run_key


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

    params: Mapping[str, Any]
    given: Mapping[str, Given]
    keys: Mapping[str, str]
    missing: list[str]
    failed: list[str]
    unrecorded: list[str]
    done: list[str]


def find_work(case: Case, plan: Plan, *, retry_failed: bool) -> Work:
    """Writes the params of the runs, makes what they share, and sorts the runs by what is to be done.

    Args:
        case: under audit.
        plan: frozen.
        retry_failed: whether runs that have failed are to be run again.

    Raises:
        UserError: DVC cannot work here, or what the runs share cannot be made.
    """
    write_runs(case, plan)
    params = run_params(case, plan)
    inputs = {run: find_keys(case, each) for run, each in params.items()}
    _make_inputs(case, inputs.values())
    shared = {tuple(own.values()): own for own in inputs.values()}
    hashed = {names: read_given(case, own) for names, own in shared.items()}
    given = {run: hashed[tuple(own.values())] for run, own in inputs.items()}
    keys = {run: run_key(case, each, given[run]) for run, each in params.items()}
    changed = _find_changed(params)
    unrecorded = [run for run in changed if is_finished(run, keys[run])]
    finished = set(unrecorded)
    lost = [run for run in changed if run not in finished]
    brought = _runs(bring_back(map(run_stage, lost))) if lost else []
    restored = {run for run in brought if is_finished(run, keys[run])}
    failed = [run for run in lost if run not in restored and has_failed(run, keys[run]) and not retry_failed]
    again = _forget_diverged(params) if retry_failed else []
    for run in lost if retry_failed else ():
        failure_file(run).unlink(missing_ok=True)
    unrecorded = [run for run in unrecorded if run not in again]
    missing = [run for run in lost if run not in {*restored, *failed}] + again
    open_ends = {*missing, *failed, *unrecorded}
    done = [run for run in params if run not in open_ends]
    return Work(params, given, keys, missing, failed, unrecorded, done)


def find_outdated(case: Case, plan: Plan) -> list[str]:
    """Returns the runs that are missing or made from something else than now; writes nothing where none is there.

    Raises:
        UserError: DVC cannot work here.
    """
    runs = list(run_params(case, plan))
    if not any((paths.RUNS / run).is_dir() for run in runs):
        return runs
    write_runs(case, plan)
    return _find_changed(runs)


def _find_changed(runs: Iterable[str]) -> list[str]:
    """Returns the runs that are not as DVC has recorded them, or damaged behind its back."""
    listed = list(runs)
    damaged = {run for run in listed if find_damage(run)}
    changed = set(_runs(find_changed(run_stage(run) for run in listed if run not in damaged)))
    return [run for run in listed if run in changed or run in damaged]


def is_finished(run: str, key: str) -> bool:
    """Tells whether the evidence of a run is there, made from what it would be made from now."""
    record = read_record(run)
    return record is not None and record.key == key and record.status != "failed"


def has_failed(run: str, key: str) -> bool:
    """Tells whether a run has failed, made from what it would be made from now."""
    record = read_record(run)
    return record is not None and record.key == key and record.status == "failed"


def _forget_diverged(runs: Iterable[str]) -> list[str]:
    """Removes the evidence of runs that have diverged, and returns them."""
    diverged = [run for run in runs if (record := read_record(run)) is not None and record.status == "diverged"]
    for run in diverged:
        remove(paths.RUNS / run)
    return diverged


def _make_inputs(case: Case, keys: Iterable[Keys]) -> None:
    own = list(keys)
    names = ["code"]
    names += [f"{item.name}@{key}" for item in case.inputs for key in sorted({each[item.name] for each in own})]
    with alone(paths.state() / "locks" / "shared.lock", "sweep: another one makes what runs share; waiting"):
        changed = find_changed(names)
        if changed:
            bring_back(changed)
            changed = find_changed(names)
        if changed:
            make(changed)


def _runs(stages: list[str]) -> list[str]:
    return [name.removeprefix(f"{RUN_STAGE}@") for name in stages]
