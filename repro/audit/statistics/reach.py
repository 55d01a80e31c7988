"""What the tests of a study could have said at all, at the errors that they turned out to have.

That no detail is equivalent is a finding only where one could have been: the 90 % interval of an effect of nil has to
fit into the margin. The same holds for the smallest effect that would have been found: both are read off the standard
errors by which the effects were tested, and no other noise.
"""

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.minimum_detectable_effect import t_shift
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.power import equivalence_power, smallest_shift
from repro.audit.study.plan import Plan

REACH_COLUMNS = (
    *("metric", "train_fraction", "options", "margin", "narrowest", "widest", "possible"),
    *("chance_low", "chance_high", "detectable_low", "detectable_high"),
)


def find_reach(plan: Plan, effects: pd.DataFrame) -> pd.DataFrame:
    """Says of each metric which verdicts were in reach of its options.

    Args:
        plan: with the margins.
        effects: as in `Analysis`.

    Returns:
        Per metric and train fraction: options (compared, with an error), margin, narrowest and widest (half of a 90 %
        interval, t(.95; df) se), possible (options with that half below the margin: only these could have been called
        equivalent), chance_low and chance_high (over options: that an effect of nil would have been, at .05 for each
        and before any correction over details), detectable_low and detectable_high (the effect found with 80 % power
        at the level that is left after correction, if it is real alone; infinite where no p can pass).

    Source: Schuirmann (1987) for the two one-sided tests; Cohen (1988) for the power.
    """
    margins = {name: metric.margin for name, metric in plan.declared.metrics.items()}
    groups: dict[tuple[str, float], list[Effect]] = {}
    for (detail, metric, train_fraction), rows in effects_by_detail(effects).items():
        if detail in plan.levels:
            groups.setdefault((metric, train_fraction), []).extend(row for row in rows if np.isfinite(row.se))
    records = []
    for (metric, train_fraction), rows in groups.items():
        if not rows:
            continue
        margin, halves = margins[metric], [float(stats.t.ppf(1 - LEVEL, row.df) * row.se) for row in rows]
        chances = [equivalence_power(margin / row.se if row.se else np.inf, row.df) for row in rows]
        found = [find_detectable(row) for row in rows]
        spans = (min(halves), max(halves), sum(half < margin for half in halves))
        records.append(
            (metric, train_fraction, len(rows), margin, *spans, min(chances), max(chances), min(found), max(found))
        )
    return pd.DataFrame(records, columns=list(REACH_COLUMNS))


def find_detectable(row: Effect) -> float:
    """Returns the effect that the test of a row finds with 80 % power, from the error that the row was tested by."""
    alpha = LEVEL / max(1, int(row.family))
    if row.kind == "paired":
        return float(smallest_shift(int(row.seeds), alpha) * row.sd) if row.sd > 0 else 0.0
    return float(t_shift(row.df, alpha) * row.se)
