"""The runs of frozen plans as files: complete params for each run, and the list that ablations/dvc.yaml repeats over.

Plans flow in, files flow out; a file whose content would stay as it is stays untouched. Knows nothing of running them.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from repro import paths
from repro.audit.study.freezing import load_plan
from repro.audit.study.plan import Plan
from repro.cases.medfe.params import Params
from repro.cases.medfe.readings.case import resolve
from repro.errors import UserError
from repro.processes import alone
from repro.runs.inputs import find_sources, params_file, params_of_sources
from repro.storage import written_file

HEADER = "# The runs of all frozen plans, and what they share: written by `repro plan` and `repro sweep`.\n"
Lists = dict[str, dict[str, Any]]


def write_runs(plan: Plan) -> None:
    """Writes the params of every run of a plan, and the list of the runs of this and all other frozen plans.

    Raises:
        UserError: the plan was frozen with other params than the tree now has.
    """
    with alone(paths.state() / "locks" / "runs.lock", f"{plan.study}: another process writes its runs; waiting"):
        _write_runs(plan)


def _write_runs(plan: Plan) -> None:
    lists: Lists = {"photographs": {}, "holes": {}, "runs": {}}
    for other in sorted(paths.PLANS.glob("*.json")):
        if other.stem != plan.study:
            _keep_other(lists, other)
    for run, params in run_params(plan).items():
        _enlist(lists, run, params)
        _write(params_file(run), params.resolved())
        sources, (photographs, holes) = find_sources(params), params_of_sources(params)
        _write(params_file(f"photographs-{sources.photographs}"), photographs)
        _write(params_file(f"holes-{sources.holes}"), holes)
    _write(paths.RUN_LIST, {name: dict(sorted(entries.items())) for name, entries in lists.items()}, HEADER)


def run_params(plan: Plan) -> dict[str, Params]:
    """Returns the params of every run of a plan, by the run's id.

    Raises:
        UserError: the plan was frozen with other params than the tree now has.
    """
    settings = {variant.id: variant.settings for variant in plan.variants}
    resolved = {name: resolve(plan.values, changes, 0) for name, changes in settings.items()}
    strangers = [name for name, params in resolved.items() if params.variant() != name]
    if strangers:
        raise UserError(
            f"the plan of {plan.study} was frozen when the params were others (variant {strangers[0]} is none of "
            "today's)\n  freeze it again, which is noted as a deviation: repro plan"
        )
    return {run.id: resolved[run.variant].model_copy(update={"seed": run.seed}) for run in plan.runs}


def _enlist(lists: Lists, run: str, params: Params) -> None:
    sources = find_sources(params)
    lists["photographs"][sources.photographs] = {}
    lists["holes"][sources.holes] = {"photographs": sources.photographs}
    lists["runs"][run] = sources._asdict()


def _keep_other(lists: Lists, file: Path) -> None:
    """Enlists the runs of another plan whose params are there; a plan that no longer fits has no say in this one."""
    try:
        others = run_params(load_plan(file))
    except UserError:
        return
    for run, params in others.items():
        if params_file(run).is_file():
            _enlist(lists, run, params)


def _write(file: Path, values: Mapping[str, Any], header: str = "") -> None:
    stream = io.StringIO(header)
    stream.seek(0, io.SEEK_END)
    yaml = YAML(typ="safe")  # written in C: a study has hundreds of runs
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.dump(dict(values), stream)
    text = stream.getvalue()
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    with written_file(file) as partial:
        partial.write_text(text, encoding="utf-8")
