"""What did not come out, and what it all took: failed runs, missing runs, hours, energy.

Plan and `Results` flow in, `Analysis.failures` and `Analysis.cost` flow out. Nothing is left out of either.
"""

import numpy as np
import pandas as pd

from repro.audit.statistics.outcomes import run_states
from repro.audit.statistics.results import DIVERGED, FAILED, MISSING, OK, Results
from repro.audit.study.plan import Plan


def list_failures(plan: Plan, results: Results) -> pd.DataFrame:
    """Lists every planned run that is not ok: run, variant, seed, status, reason, path."""
    states = run_states(plan, results)
    failures = states[states["status"] != OK].reset_index()
    failures.loc[(failures["status"] == MISSING) & (failures["reason"] == ""), "reason"] = "it has not been run"
    return failures[["run", "variant", "seed", "status", "reason", "path"]]


def sum_costs(plan: Plan, results: Results) -> pd.DataFrame:
    """Sums what the runs took, failed ones included.

    Returns:
        One row: runs (that were run), hours, hours_lost (in failed and diverged runs), joules (of the runs that
        measured them; NaN where none did), note.
    """
    states = run_states(plan, results)
    run = states[states["status"] != MISSING]
    lost = run["status"].isin([FAILED, DIVERGED])
    energy, timed = run["joules"].notna(), run["seconds"].notna()
    notes = [
        "" if timed.all() else f"time unknown for {(~timed).sum()} runs",
        "" if energy.all() else f"energy measured in {energy.sum()} of {len(run)} runs",
        f"{len(states) - len(run)} planned runs have not been run" if len(run) < len(states) else "",
    ]
    return pd.DataFrame(
        {
            "runs": [len(run)],
            "hours": [float(run["seconds"].sum()) / 3600],
            "hours_lost": [float(run["seconds"][lost].sum()) / 3600],
            "joules": [float(run["joules"].sum()) if energy.any() else np.nan],
            "note": ["; ".join(note for note in notes if note)],
        }
    )
