"""Finished runs into the tracking store, after a sweep; a store that does not answer loses no run."""

from repro import paths
from repro.audit.study.plan import Plan
from repro.case import Case
from repro.errors import UserError
from repro.refusals import explain
from repro.runs.layout import run_params
from repro.runs.record import read_record


def publish_finished(case: Case, plan: Plan) -> str:
    """Publishes the runs of a plan that have ended well and are not yet published; returns what to tell the user."""
    from repro.tracking import publish_runs

    finished = {
        paths.RUNS / run: params
        for run, params in run_params(case, plan).items()
        if (record := read_record(run)) is not None and record.status == "ok"
    }
    if not finished:
        return ""
    try:
        count = publish_runs(case, finished, case.resolve(plan.values, {}, 0).model_dump(mode="json"))
    except (UserError, OSError) as error:
        first = str(explain(error)).splitlines()[0]
        return f"runs are not published ({first}); they are kept, and the next sweep publishes them"
    return f"{count} runs published" if count else ""
