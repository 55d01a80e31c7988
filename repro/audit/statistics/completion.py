"""A look at the results of a study: how much of it had been run, and what was settled by then."""

from datetime import datetime

import pandas as pd

from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import MISSING, Results, run_states
from repro.audit.statistics.verdicts import UNDECIDED
from repro.audit.study.plan import Look, Plan


def take_look(plan: Plan, results: Results, verdicts: pd.DataFrame, now: datetime) -> Look:
    """Returns what a reader of a study's page sees of it.

    Args:
        plan: what was to be run.
        results: what came out.
        verdicts: as in `Analysis`; those at the full training by the main metric count.
        now: the time of the look.
    """
    main = next(iter(plan.declaration["metrics"]))
    found = verdicts[(verdicts["metric"] == main) & (verdicts["train_fraction"] == FULL)]
    settled = {
        str(detail): str(verdict)
        for detail, verdict in zip(found["detail"], found["verdict"], strict=True)
        if verdict != UNDECIDED
    }
    states = run_states(plan.grown(), results)["status"]
    missing = set(states.index[states == MISSING])
    seeds, there = plan.count_complete_seeds(missing), len(states) - len(missing)
    return Look(date=now.date().isoformat(), seeds=seeds, runs=there, settled=settled)
