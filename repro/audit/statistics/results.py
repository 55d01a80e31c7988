"""The results of a study as long tables: what every analysis reads.

Knows nothing of where they come from: a case fills them in, from files, a database or a simulation.
"""

from typing import NamedTuple

import pandas as pd

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
            int: nested in the run, never a replicate), `metric`, `value`. Runs that are not ok have no rows.
        protocols: `run`, one text column for each choice of the evaluation protocol, `metric`, `value` (mean over
            units); may be empty.
    """

    variants: pd.DataFrame
    runs: pd.DataFrame
    rows: pd.DataFrame
    protocols: pd.DataFrame


def run_means(results: Results) -> pd.DataFrame:
    """Returns the mean over units of every run that is ok: run, variant, seed, train_fraction, metric, value."""
    means = (
        results.rows.groupby(["run", "train_fraction", "metric"], sort=False, observed=True)["value"]
        .mean()
        .reset_index()
    )
    return means.join(results.runs[["variant", "seed"]], on="run")
