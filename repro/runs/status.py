"""What there is to do for a plan: shared photographs and holes first, then which cells are missing, and why.

A frozen plan flows in, the params and keys of its cells and the list of those to run flow out. What DVC's cache holds
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
from repro.runs.listing import cell_params, write_cells
from repro.runs.outcome import Given, cell_key, read_given, read_outcome
from repro.runs.records import bring_back, cell_stage, find_changed


class Work(NamedTuple):
    """The cells of a plan by what is to be done about them.

    Attributes:
        params: of every cell, by id.
        given: what each cell is made from beside its params, by id.
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
    """Writes the params of the cells, makes what they share, and sorts the cells by what is to be done.

    Args:
        plan: frozen.
        retry_failed: whether cells that have failed are to be run again.

    Raises:
        UserError: DVC cannot work here, or what the cells share cannot be made.
    """
    write_cells(plan)
    params = cell_params(plan)
    sources = {cell: find_sources(each) for cell, each in params.items()}
    _make_shared(set(sources.values()))
    shared = {each: read_given(each) for each in set(sources.values())}
    given = {cell: shared[each] for cell, each in sources.items()}
    keys = {cell: cell_key(each, given[cell]) for cell, each in params.items()}
    changed = _cells(find_changed(map(cell_stage, params)))
    unrecorded = [cell for cell in changed if is_finished(cell, keys[cell])]
    finished = set(unrecorded)
    lost = [cell for cell in changed if cell not in finished]
    brought = _cells(bring_back(map(cell_stage, lost))) if lost else []
    restored = {cell for cell in brought if is_finished(cell, keys[cell])}
    failed = [cell for cell in lost if cell not in restored and has_failed(cell, keys[cell]) and not retry_failed]
    again = _forget_diverged(params) if retry_failed else []
    unrecorded = [cell for cell in unrecorded if cell not in again]
    missing = [cell for cell in lost if cell not in {*restored, *failed}] + again
    open_ends = {*missing, *failed, *unrecorded}
    done = [cell for cell in params if cell not in open_ends]
    return Work(params, given, keys, missing, failed, unrecorded, done)


def find_outdated(plan: Plan) -> list[str]:
    """Writes the params of the cells, and returns those that are missing or made from something else than now.

    Raises:
        UserError: DVC cannot work here.
    """
    write_cells(plan)
    return _cells(find_changed(cell_stage(cell.id) for cell in plan.cells))


def is_finished(cell: str, key: str) -> bool:
    """Tells whether the evidence of a cell is there, made from what it would be made from now."""
    outcome = read_outcome(cell)
    return outcome is not None and outcome.key == key and outcome.status != "failed"


def has_failed(cell: str, key: str) -> bool:
    """Tells whether a cell has failed, made from what it would be made from now."""
    outcome = read_outcome(cell)
    return outcome is not None and outcome.key == key and outcome.status == "failed"


def _forget_diverged(cells: Iterable[str]) -> list[str]:
    """Removes the evidence of cells that have diverged, and returns them."""
    diverged = [cell for cell in cells if (outcome := read_outcome(cell)) is not None and outcome.status == "diverged"]
    for cell in diverged:
        shutil.rmtree(paths.CELLS / cell)
    return diverged


def _make_shared(sources: set[Sources]) -> None:
    names = ["code"]
    names += [f"photographs@{name}" for name in sorted({each.photographs for each in sources})]
    names += [f"holes@{name}" for name in sorted({each.holes for each in sources})]
    with alone(paths.state() / "locks" / "shared.lock", "sweep: another one makes what the cells share; waiting"):
        changed = find_changed(names)
        if changed:
            bring_back(changed)
            changed = find_changed(names)
        if changed:
            targets = [f"{paths.CELL_PIPELINE}:{name}" for name in changed]
            command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *targets]
            if subprocess.run(command, check=False).returncode:
                raise UserError("photographs or holes of the cells cannot be made; DVC has said why")


def _cells(stages: list[str]) -> list[str]:
    return [name.removeprefix("cell@") for name in stages]
