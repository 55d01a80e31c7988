"""The noise floor: how much the outcome moves by the seed alone, from the replicated baseline.

Tables of outcomes flow in, `Analysis.noise` flows out. Every claim of an effect is read against it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.outcomes import Outcomes


def noise_floor(tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Computes the sd over seeds of the baseline, with its chi-square interval.

    Runs that failed are counted (`failed`) and are no part of the sd: their stand-in, the worst value of the study,
    is an outcome of other arms, which says nothing of the baseline's spread.

    Returns:
        Per metric and train_fraction: sd, sd_low, sd_high (95 %; NaN below two seeds), n, mean, failed, runs.
    """
    return pd.DataFrame([_floor(table) for table in tables])


def _floor(table: Outcomes) -> dict[str, object]:
    used = np.isfinite(table.values[0]) & ~table.failed[0]
    values = table.values[0][used]
    n = len(values)
    sd = float(values.std(ddof=1)) if n > 1 else np.nan
    # The sum of squares over the variance is chi-square with n - 1 degrees of freedom.
    low, high = (sd * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))) if n > 1 else (np.nan, np.nan)
    return {
        "metric": table.metric,
        "train_fraction": table.train_fraction,
        "sd": sd,
        "sd_low": float(low),
        "sd_high": float(high),
        "n": n,
        "mean": float(values.mean()) if n else np.nan,
        "failed": int(table.failed[0].sum()),
        "runs": tuple(table.runs[0][used]),
    }
