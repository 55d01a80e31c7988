"""What the tests of a study could have said at all, at the errors that they turned out to have.

That no detail is equivalent is a finding only where one could have been: the 90 % interval of an effect of nil has to
fit into the margin. The same holds for the smallest effect that would have been found: both are read off the standard
errors by which the effects were tested, and no other noise.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.equivalence import equivalence_p
from repro.audit.statistics.linear_model import Flags
from repro.audit.statistics.minimum_detectable_effect import level_of, t_shift
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.power import equivalence_power, smallest_shift
from repro.audit.study.plan import Plan

REACH_COLUMNS = (
    *("metric", "train_fraction", "details", "options", "margin", "narrowest", "widest", "possible"),
    *("chance_low", "chance_high", "detectable_low", "detectable_high"),
)


def find_reach(plan: Plan, effects: pd.DataFrame) -> pd.DataFrame:
    """Says of each metric which verdicts were in reach of its options.

    Args:
        plan: with the margins.
        effects: as in `Analysis`.

    Returns:
        Per metric and train fraction: details and options (compared, with an error), margin, narrowest and widest (half
        of a 90 % interval), possible (details that would have been called equivalent, were every estimate nil: no
        others could have been), chance_low and chance_high (over options: that an option which does nothing would have
        been), detectable_low and detectable_high (the effect found with 80 % power, infinite where no p can pass).
        The last four at the level that is left after correction, if it is true of one alone.

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
        margin, halves = margins[metric], np.array([(row.high90 - row.low90) / 2 for row in rows])
        levels = [level_of(plan, len(plan.levels), sides=1, seeds=_seeds_of(plan, row)) for row in rows]
        chances = [
            equivalence_power(margin / row.se if row.se else np.inf, row.df, level) if level else 0.0
            for row, level in zip(rows, levels, strict=True)
        ]
        found = [find_detectable(plan, row) for row in rows]
        spans = (margin, halves.min(), halves.max(), _count_possible(plan, rows, halves < margin, margin))
        about = (metric, train_fraction, len({row.detail for row in rows}), len(rows))
        records.append((*about, *spans, min(chances), max(chances), min(found), max(found)))
    return pd.DataFrame(records, columns=list(REACH_COLUMNS))


def _count_possible(plan: Plan, rows: Sequence[Effect], inside: Flags, margin: float) -> int:
    """Returns how many details would be equivalent if all estimates were nil, by the study's own correction."""
    se, df = (np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in ("se", "df"))
    p = np.where(inside, equivalence_p(np.zeros(len(rows)), se, df, np.full(len(rows), margin)), 1.0)
    largest = pd.Series(p).groupby([row.detail for row in rows], sort=False).max().reindex(list(plan.levels))
    asked = np.asarray(largest.to_numpy(), dtype=np.float64)
    return int((adjust_p(asked, correction_of(plan.declared)) < LEVEL).sum())


def _seeds_of(plan: Plan, row: Effect) -> int | None:
    """Returns the seeds of a row where batches have brought some, else None: those of the plan."""
    return int(row.seeds) if plan.batches else None


def find_detectable(plan: Plan, row: Effect) -> float:
    """Returns the effect that the test of a row finds with 80 % power, from the error that the row was tested by."""
    alpha = level_of(plan, max(1, int(row.family)), sides=2, seeds=_seeds_of(plan, row))
    if row.kind == "paired":
        return float(smallest_shift(int(row.seeds), alpha) * row.sd) if row.sd > 0 else 0.0
    return float(t_shift(row.df, alpha) * row.se)
