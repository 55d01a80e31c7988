"""A look at the results of a study: how much of it had been run, and what was settled by then."""

from datetime import datetime

import numpy as np
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
    there = int((run_states(plan, results)["status"] != MISSING).sum())
    return Look(date=now.date().isoformat(), seeds=count_complete_seeds(plan, results), runs=there, settled=settled)


def count_complete_seeds(plan: Plan, results: Results) -> int:
    """Returns with how many of its seeds every variant of a study has been run, the controls left aside."""
    states = run_states(plan, results)
    roles = {variant.id: variant.role for variant in plan.variants}
    counted = np.array([roles[run.variant] in ("baseline", "arm") for run in plan.runs], dtype=bool)
    counted &= np.array([run.seed < plan.declaration["seeds"] for run in plan.runs], dtype=bool)
    seeds = np.array([run.seed for run in plan.runs], dtype=np.int64)
    missing = (states["status"] == MISSING).to_numpy()
    return len(set(seeds[counted].tolist()) - set(seeds[counted & missing].tolist()))
