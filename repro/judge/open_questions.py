"""Open comparisons of a judgement, and how many further replicates each takes to be settled.

A comparison is settled by a difference or by equivalence, whichever takes fewer replicates to be found with 80 % power,
if the true difference is what was estimated and the noise what was measured. Levels pay for this look and others up to
a bound.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.error_terms import df_at_seeds
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.paired import smallest_p
from repro.audit.statistics.power import (
    SEEDS_CAP,
    equivalence_power,
    find_fewest,
    paired_power,
    seeds_for_sign_flip,
    t_power,
)
from repro.audit.statistics.sequential import USUAL_MOST, level_at_look
from repro.judge.judgement import Judgement
from repro.judge.lines import list_lines
from repro.judge.settling import Question

BOUNDS = (USUAL_MOST, 50, 100, SEEDS_CAP)
"""Replicates up to which looks are paid for: the first that is more than there are."""
_SIMULATED_UP_TO = 14


class _Precision(NamedTuple):
    """What a comparison would rest on: its standard error and the degrees of freedom."""

    se: float
    df: float


def find_open(found: Judgement) -> list[Effect]:
    """Returns the effects on the main outcome that are neither different nor equivalent, and can be told at all."""
    assert found.analysis is not None
    main = next(iter(found.declared.outcomes))
    undecided = {
        (line.detail, line.option) for line in list_lines(found) if line.outcome == main and line.verdict == "undecided"
    }
    groups = effects_by_detail(found.analysis.effects)
    return [
        row
        for (_, metric, fraction), rows in groups.items()
        for row in rows
        if metric == main and fraction == FULL and (row.detail, row.option) in undecided and np.isfinite(row.se)
    ]


class Arm(NamedTuple):
    """Finite runs of a variant: how many, and their variance."""

    runs: int
    variance: float


def measure_variants(found: Judgement) -> dict[str, Arm]:
    """Measures the runs of each variant, by its id."""
    assert found.results is not None
    main = next(iter(found.declared.outcomes))
    values = found.results.rows
    means = values[values["metric"] == main].groupby("run")["value"].mean()
    groups = means.groupby(found.results.runs["variant"].reindex(means.index).to_numpy())
    return {str(name): Arm(len(group), float(group.var(ddof=1))) for name, group in groups}


def variant_of(row: Effect, found: Judgement) -> str:
    """Returns the id of the variant that an option makes by itself."""
    assert found.plan is not None
    return next(
        variant.id
        for variant in found.plan.variants
        if {name: show_value(value) for name, value in variant.settings.items()} == {row.detail: row.option}
    )


def ask(row: Effect, found: Judgement, measured: Mapping[str, Arm]) -> Question:
    """Asks for the fewest further replicates that give 80 % for one of the two verdicts, and the chances of both."""
    assert found.plan is not None
    at = _foresee(row, found, measured)
    now, margin = int(row.seeds), next(iter(found.declared.outcomes.values())).margin
    if row.kind == "unpaired":
        now = measured[variant_of(row, found)].runs
    bound = next((most for most in BOUNDS if most > now), now)
    family = max(1, int(row.family))

    def level(seeds: int) -> float:
        return 2 * level_at_look(LEVEL / family / 2, min(seeds, bound), bound)

    def inside(seeds: int) -> float:
        if margin is None:
            return 0.0
        se, df = at(seeds)
        one_sided = level_at_look(LEVEL / family, seeds, bound)
        return equivalence_power(margin / se, df, one_sided, abs(row.estimate) / se) if se > 0 else 1.0

    def apart(seeds: int) -> float:
        se, df = at(seeds)
        if row.kind != "paired":
            return t_power(row.estimate / se, 1, level(seeds), df) if se > 0 else 1.0
        if smallest_p(seeds) >= level(seeds):
            return 0.0
        shift = row.estimate / row.sd if row.sd > 0 else 8.0
        return (paired_power if seeds <= _SIMULATED_UP_TO else t_power)(shift, seeds, level(seeds))

    if row.kind == "paired":
        shift = row.estimate / row.sd if row.sd > 0 else np.inf
        differs = seeds_for_sign_flip(shift, level, now, bound)
    else:
        differs = find_fewest(apart, now, bound)
    totals = [total for total in (differs, find_fewest(inside, now, bound)) if total is not None]
    known = (row.detail, row.option, float(row.estimate), now)
    if not totals:
        return Question(*known, None, bound)
    return Question(*known, min(totals) - now, bound, apart(min(totals)), inside(min(totals)))


def _foresee(row: Effect, found: Judgement, measured: Mapping[str, Arm]) -> Callable[[int], _Precision]:
    """Returns the precision by the number of replicates of the arm, or of every variant of a design."""
    assert found.plan is not None
    if row.kind == "paired":
        return lambda seeds: _Precision(row.sd / np.sqrt(seeds), seeds - 1.0)
    if row.kind == "unpaired":
        arm, base = measured[variant_of(row, found)], measured[found.plan.variants[0].id]

        def welch(runs: int) -> _Precision:
            more = max(base.runs, runs)
            own, other = arm.variance / runs, base.variance / more
            square = own + other
            df = square**2 / (own**2 / (runs - 1) + other**2 / (more - 1)) if square else 2.0 * runs - 2
            return _Precision(float(np.sqrt(square)), min(df, 2.0 * runs - 2))

        return welch

    def contrast(seeds: int) -> _Precision:
        squared = (1 - row.fixed) * row.seeds / seeds + row.fixed
        return _Precision(
            float(row.se * np.sqrt(squared)), row.df if row.fixed else df_at_seeds(row.df, int(row.seeds), seeds)
        )

    return contrast
