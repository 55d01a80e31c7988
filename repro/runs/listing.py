"""The cells of frozen plans as files: complete params for each cell, and the list that ablations/dvc.yaml repeats over.

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

HEADER = "# The cells of all frozen plans, and what they share: written by `repro plan` and `repro sweep`.\n"
Lists = dict[str, dict[str, Any]]


def write_cells(plan: Plan) -> None:
    """Writes the params of every cell of a plan, and the list of the cells of this and all other frozen plans.

    Raises:
        UserError: the plan was frozen with other params than the tree now has.
    """
    with alone(paths.state() / "locks" / "cells.lock", f"{plan.study}: another process writes its cells; waiting"):
        _write_cells(plan)


def _write_cells(plan: Plan) -> None:
    lists: Lists = {"photographs": {}, "holes": {}, "cells": {}}
    for other in sorted(paths.PLANS.glob("*.json")):
        if other.stem != plan.study:
            _keep_other(lists, other)
    for cell, params in cell_params(plan).items():
        _enlist(lists, cell, params)
        _write(params_file(cell), params.resolved())
        sources, (photographs, holes) = find_sources(params), params_of_sources(params)
        _write(params_file(f"photographs-{sources.photographs}"), photographs)
        _write(params_file(f"holes-{sources.holes}"), holes)
    _write(paths.CELL_LIST, {name: dict(sorted(entries.items())) for name, entries in lists.items()}, HEADER)


def cell_params(plan: Plan) -> dict[str, Params]:
    """Returns the params of every cell of a plan, by the cell's id.

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
    return {cell.id: resolved[cell.variant].model_copy(update={"seed": cell.seed}) for cell in plan.cells}


def _enlist(lists: Lists, cell: str, params: Params) -> None:
    sources = find_sources(params)
    lists["photographs"][sources.photographs] = {}
    lists["holes"][sources.holes] = {"photographs": sources.photographs}
    lists["cells"][cell] = sources._asdict()


def _keep_other(lists: Lists, file: Path) -> None:
    """Enlists the cells of another plan whose params are there; a plan that no longer fits has no say in this one."""
    try:
        others = cell_params(load_plan(file))
    except UserError:
        return
    for cell, params in others.items():
        if params_file(cell).is_file():
            _enlist(lists, cell, params)


def _write(file: Path, values: Mapping[str, Any], header: str = "") -> None:
    stream = io.StringIO(header)
    stream.seek(0, io.SEEK_END)
    yaml = YAML(typ="safe")  # written in C: a study has hundreds of cells
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.dump(dict(values), stream)
    text = stream.getvalue()
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    with written_file(file) as partial:
        partial.write_text(text, encoding="utf-8")
