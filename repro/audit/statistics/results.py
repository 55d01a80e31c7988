"""The results of a study as long tables: what every analysis reads.

Knows nothing of where they come from: a case fills them in, from files, a database or a simulation.
"""

from typing import NamedTuple

import pandas as pd

OK, FAILED, DIVERGED, MISSING = "ok", "failed", "diverged", "missing"
"""What became of a cell; missing: it has not been run."""


class Results(NamedTuple):
    """Long tables of one study.

    Attributes:
        variants: indexed by variant id: `role` (baseline, arm, placebo, planted) and one text column for each varied
            detail, named by its dotted key, that holds the option as `show_value` writes it. The baseline has the
            baseline's options; so have placebo and planted.
        cells: indexed by cell id: `variant`, `seed` (int), `status` (ok, failed, diverged, missing), `reason` (text),
            `seconds` (float, wall-clock of the cell), `joules` (float, NaN where not measured), `link` (address of
            its run, or empty), `path` (where its evidence lies).
        rows: `cell`, `budget` (share of the training after which it was measured: 0.5 or 1.0), `image` (text or int:
            nested in the cell, never a replicate), `metric`, `value`. Cells that are not ok have no rows.
        protocols: `cell`, one text column for each choice of the evaluation protocol, `metric`, `value` (mean over
            images); may be empty.
    """

    variants: pd.DataFrame
    cells: pd.DataFrame
    rows: pd.DataFrame
    protocols: pd.DataFrame


def cell_means(results: Results) -> pd.DataFrame:
    """Returns the mean over images of every cell that is ok: cell, variant, seed, budget, metric, value."""
    means = results.rows.groupby(["cell", "budget", "metric"], sort=False, observed=True)["value"].mean().reset_index()
    return means.join(results.cells[["variant", "seed"]], on="cell")
