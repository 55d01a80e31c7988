"""The results of a study as long tables, and what became of its planned runs: states, failures, hours and energy.

Every analysis reads `Results`. A case fills it in, from files, a database or a simulation; which of these it was
leaves no trace here.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.study.plan import Plan

OK, FAILED, DIVERGED, MISSING = "ok", "failed", "diverged", "missing"
"""What became of a run; missing: it has not been run."""


class Results(NamedTuple):
    """Long tables of one study.

    Attributes:
        variants: indexed by variant id: `role` (baseline, arm, negative control, positive control) and one text column
            for each varied detail, named by its dotted key, that holds the option as `show_value` writes it. The
            baseline and both controls have the baseline's options.
        runs: indexed by run id: `variant`, `seed` (int), `status` (ok, failed, diverged, missing), `reason` (text),
            `seconds` (float, wall-clock of the run), `joules` (float, NaN where not measured), `link` (address of
            its run, or empty), `path` (where its evidence lies).
        rows: `run`, `train_fraction` (share of the training after which it was measured: 0.5 or 1.0), `unit` (text or
            int: nested in the run, never a replicate), `metric`, `value`; optional `group`: the source that a unit
            was cut from, where units of one source are no independent sample; optional `task` (text), where runs are
            measured on several tasks (data sets, environments). Runs that are not ok have no rows.
        protocols: `run`, one text column for each choice of the evaluation protocol, `metric`, `value` (mean over
            units); may be empty.
    """

    variants: pd.DataFrame
    runs: pd.DataFrame
    rows: pd.DataFrame
    protocols: pd.DataFrame


def tabulate_variants(plan: Plan) -> pd.DataFrame:
    """Returns the variants of a plan as `Results` has them; a control is no option of a detail."""
    found = []
    for variant in plan.variants:
        settings = variant.settings if variant.role in ("baseline", "arm") else {}
        options = {key: settings.get(key, levels[0]) for key, levels in plan.levels.items()}
        shown = {key: show_value(option) for key, option in options.items()}
        found.append({"variant": variant.id, "role": variant.role, **shown})
    return pd.DataFrame(found, columns=["variant", "role", *plan.levels]).set_index("variant")


def keep_runs(results: Results, plan: Plan) -> Results:
    """Returns results without the runs, and the rows of runs, that a plan does not have."""
    wanted = [run.id for run in plan.runs]
    if results.runs.index.isin(wanted).all():
        return results
    rows, protocols = (table[table["run"].isin(wanted)] for table in (results.rows, results.protocols))
    held = results.variants.index.isin([variant.id for variant in plan.variants])
    runs = results.runs[results.runs.index.isin(wanted)]
    return Results(results.variants[held], runs, rows.reset_index(drop=True), protocols.reset_index(drop=True))


def run_means(results: Results) -> pd.DataFrame:
    """Returns the mean over units of every run that is ok: run, variant, seed, train_fraction, metric, value."""
    groups = results.rows.groupby(["run", "train_fraction", "metric"], sort=False, observed=True)
    return groups["value"].mean().reset_index().join(results.runs[["variant", "seed"]], on="run")


def run_states(plan: Plan, results: Results) -> pd.DataFrame:
    """Returns every planned run, indexed by id, with the columns of `Results.runs`; unknown ones are missing."""
    planned = pd.DataFrame(
        {"variant": [run.variant for run in plan.runs], "seed": [run.seed for run in plan.runs]},
        index=pd.Index([run.id for run in plan.runs], name="run"),
    )
    states = planned.join(results.runs.drop(columns=["variant", "seed"]), how="left")
    states["status"] = states["status"].fillna(MISSING)
    for text in ("reason", "link", "path"):
        states[text] = states[text].fillna("")
    return states


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
