"""Finished cells into the tracking store, after a sweep; a store that does not answer loses no cell.

Outcomes flow in, one line about what was published flows out.
"""

from repro import paths
from repro.audit.study.plan import Plan
from repro.cases.medfe.readings.case import resolve
from repro.errors import UserError
from repro.runs.listing import cell_params
from repro.runs.outcome import read_outcome


def publish_finished(plan: Plan) -> str:
    """Publishes the cells of a plan that have ended well and are not yet published; returns what to tell the user."""
    from repro.tracking import publish_cells

    finished = {
        paths.CELLS / cell: params
        for cell, params in cell_params(plan).items()
        if (outcome := read_outcome(cell)) is not None and outcome.status == "ok"
    }
    if not finished:
        return ""
    try:
        count = publish_cells(finished, resolve(plan.values, {}, 0).resolved())
    except UserError as error:
        first = str(error).splitlines()[0]
        return f"cells are not published ({first}); they are kept, and the next sweep publishes them"
    return f"{count} cells published" if count else ""
