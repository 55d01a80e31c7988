"""Finished runs into the tracking store, after a sweep; a store that does not answer loses no run.

Outcomes flow in, one line about what was published flows out.
"""

from repro import paths
from repro.audit.study.plan import Plan
from repro.cases.medfe.readings.case import resolve
from repro.errors import UserError
from repro.runs.listing import run_params
from repro.runs.record import read_outcome


def publish_finished(plan: Plan) -> str:
    """Publishes the runs of a plan that have ended well and are not yet published; returns what to tell the user."""
    from repro.tracking import publish_runs

    finished = {
        paths.RUNS / run: params
        for run, params in run_params(plan).items()
        if (outcome := read_outcome(run)) is not None and outcome.status == "ok"
    }
    if not finished:
        return ""
    try:
        count = publish_runs(finished, resolve(plan.values, {}, 0).resolved())
    except UserError as error:
        first = str(error).splitlines()[0]
        return f"runs are not published ({first}); they are kept, and the next sweep publishes them"
    return f"{count} runs published" if count else ""
