"""What to run next: the smallest batch that is expected to settle the open comparisons within a budget.

An open comparison is settled by a difference or by equivalence, whichever takes fewer replicates to be found with 80 %
power, if the true difference is what was estimated and the noise what was measured. Levels pay for this look and others
up to a bound. Pairs need the arm and the baseline at seeds in common, and only the runs that are missing there;
unpaired arms need runs of their own, and of the baseline while it has fewer; a design needs all its variants.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
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
from repro.errors import UserError
from repro.judge.lines import list_lines
from repro.judge.settling import NextBatch, NextRun, Question, Step
from repro.judge.verdicts import Judgement

BOUNDS = (USUAL_MOST, 50, 100, SEEDS_CAP)
"""Replicates up to which looks are paid for: the first that is more than there are."""
INVENTED = "seed"
"""The setting that holds the seed where the table has no column of seeds."""
INVENTED_FROM = 1000
_SIMULATED_UP_TO = 14

Cell = tuple[str, int]
"""A run to make: id of its variant, and the replicate's number, or a counter where replicates do not pair."""
_Wanted = tuple[tuple[Question, ...], list[Cell]]
_Placed = tuple[tuple[Question, ...], list[Cell], bool]


class _Precision(NamedTuple):
    """What a comparison would rest on: its standard error and the degrees of freedom."""

    se: float
    df: float


def plan_batch(found: Judgement, budget: int | None = None) -> NextBatch:
    """Plans the runs to make next for the main outcome.

    Args:
        found: with an analysis.
        budget: in runs; None: everything that can be expected to be settled.

    Raises:
        UserError: the budget is no number of runs, or nothing was judged.

    Source: the tests are those of the verdicts, their levels those of `sequential`; the order is greedy, expected
    verdicts for each run that is not yet in the batch (our choice).
    """
    if budget is not None and budget < 1:
        raise UserError(f"--budget {budget}: expected a number of runs, 1 or more")
    if found.plan is None or found.analysis is None or found.results is None:
        why = found.refused.split("\n")[0] or "numeric details have slopes and no variants"
        raise UserError(f"no runs can be planned: {why}")
    rows = _find_open(found)
    measured = _measure_variants(found)
    questions = [(row, _ask(row, found, measured)) for row in rows]
    waiting = [(row, question) for row, question in questions if question.further is not None]
    hopeless = tuple(question for _, question in questions if question.further is None)
    seed, said = found.declared.seed or INVENTED, list[str]()
    if not found.declared.seed:
        said.append(f"no column of seeds: the setting is called {INVENTED}, from {INVENTED_FROM}; rename it if need be")
    elif found.word == "run":
        said.append(f"{seed} gets numbers that no run has: rename it if the program calls its seed otherwise")
    if found.word == "task":
        said.append(f"what is repeated is the {found.declared.task}: further ones are yours to choose, as no run is")
    if found.plan.declared.design == "one_at_a_time":
        wanted: list[_Wanted] = [((question,), _arm_cells(row, question, found, measured)) for row, question in waiting]
    else:
        wanted = _design_steps([question for _, question in waiting], found)
    steps = _order(wanted, budget, found.plan.declared.design != "one_at_a_time")
    name = _name_seeds(found, [cell for _, cells, _ in steps for cell in cells])
    if found.word != "task" and not all(name.values()):
        said.append(f"values of {seed} are no whole numbers: new ones are yours to name")
    return NextBatch(
        steps=tuple(
            Step(asked, tuple(NextRun(found.options[cell[0]], name[cell]) for cell in cells), chosen)
            for asked, cells, chosen in steps
        ),
        hopeless=hopeless,
        budget=budget,
        seed=seed,
        said=tuple(said),
    )


def _find_open(found: Judgement) -> list[Effect]:
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


class _Arm(NamedTuple):
    """Finite runs of a variant: how many, and their variance."""

    runs: int
    variance: float


def _measure_variants(found: Judgement) -> dict[str, _Arm]:
    assert found.results is not None
    main = next(iter(found.declared.outcomes))
    values = found.results.rows
    means = values[values["metric"] == main].groupby("run")["value"].mean()
    groups = means.groupby(found.results.runs["variant"].reindex(means.index).to_numpy())
    return {str(name): _Arm(len(group), float(group.var(ddof=1))) for name, group in groups}


def _variant_of(row: Effect, found: Judgement) -> str:
    assert found.plan is not None
    return next(
        variant.id
        for variant in found.plan.variants
        if {name: show_value(value) for name, value in variant.settings.items()} == {row.detail: row.option}
    )


def _ask(row: Effect, found: Judgement, measured: Mapping[str, _Arm]) -> Question:
    """Returns the fewest further replicates that give 80 % for one of the two verdicts, and the chances of both."""
    assert found.plan is not None
    at = _foresee(row, found, measured)
    now, margin = int(row.seeds), next(iter(found.declared.outcomes.values())).margin
    if row.kind == "unpaired":
        now = measured[_variant_of(row, found)].runs
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


def _foresee(row: Effect, found: Judgement, measured: Mapping[str, _Arm]) -> Callable[[int], _Precision]:
    """Returns the precision by the number of replicates of the arm, or of every variant of a design."""
    assert found.plan is not None
    if row.kind == "paired":
        return lambda seeds: _Precision(row.sd / np.sqrt(seeds), seeds - 1.0)
    if row.kind == "unpaired":
        arm, base = measured[_variant_of(row, found)], measured[found.plan.variants[0].id]

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


def _arm_cells(row: Effect, question: Question, found: Judgement, measured: Mapping[str, _Arm]) -> list[Cell]:
    """Returns the runs that an arm and the baseline need: the cheapest seeds first, where they pair."""
    assert found.plan is not None
    assert question.further is not None
    arm, base = _variant_of(row, found), found.plan.variants[0].id
    if row.kind == "unpaired":
        lacking = max(0, question.seeds + question.further - measured[base].runs)
        return [(base, place) for place in range(lacking)] + [(arm, place) for place in range(question.further)]
    have = {(run.variant, run.seed) for run in found.plan.runs}
    fresh = len(found.seeds)
    missing = {
        seed: [(variant, seed) for variant in (base, arm) if (variant, seed) not in have]
        for seed in range(fresh + question.further)
    }
    seeds = sorted((seed for seed, cells in missing.items() if cells), key=lambda seed: len(missing[seed]))
    return [cell for seed in seeds[: question.further] for cell in missing[seed]]


def _design_steps(questions: list[Question], found: Judgement) -> list[_Wanted]:
    """Returns further replicates of all variants: as many as the first question takes, then the next, and so on."""
    assert found.plan is not None
    first = len(found.seeds) if found.word == "seed" else 0
    steps = []
    for further in sorted({question.further for question in questions if question.further is not None}):
        cells = [(variant.id, first + place) for place in range(further) for variant in found.plan.variants]
        steps.append((tuple(question for question in questions if question.further == further), cells))
    return steps


def _order(wanted: list[_Wanted], budget: int | None, in_turn: bool) -> list[_Placed]:
    """Orders steps by expected verdicts for each run that is new, and cuts them at the budget; the rest comes last."""
    left, batch, kept, late = list(wanted), set[Cell](), list[_Placed](), list[_Wanted]()

    def rate(step: _Wanted) -> float:
        new = sum(cell not in batch for cell in step[1])
        return sum(question.chance for question in step[0]) / new if new else np.inf

    while left:
        best = left[0] if in_turn else max(left, key=rate)
        left.remove(best)
        new = [cell for cell in best[1] if cell not in batch]
        if budget is not None and len(batch) + len(new) > budget:
            late.append(best)
            continue
        batch |= set(new)
        kept.append((best[0], new, True))
    return [
        *kept,
        *((asked, [cell for cell in cells if cell not in batch], False) for asked, cells in late),
    ]


def _name_seeds(found: Judgement, cells: Iterable[Cell]) -> dict[Cell, str]:
    """Returns the seed of each run: its own where seeds pair, or the next number that no run has.

    Without pairs each number is given once. Empty: new seeds are needed and cannot be named,
    as those that there are are no whole numbers.
    """
    assert found.plan is not None
    assert found.plan.declared.found is not None
    paired = found.plan.declared.found.paired
    names = [_whole(name) for name in found.seeds]
    used = [int(name) for name in names if name.isdigit()]
    new = count(max(used) + 1 if used else 0 if found.declared.seed else INVENTED_FROM)
    fresh: dict[int, int] = {}
    named: dict[Cell, str] = {}
    ordered = sorted(cells, key=lambda cell: cell[1]) if paired else cells
    for cell in dict.fromkeys(ordered):
        if found.word == "task":
            named[cell] = ""
        elif paired and cell[1] < len(names):
            named[cell] = names[cell[1]]
        elif names and len(used) < len(names):
            named[cell] = ""
        elif paired:
            if cell[1] not in fresh:
                fresh[cell[1]] = next(new)
            named[cell] = str(fresh[cell[1]])
        else:
            named[cell] = str(next(new))
    return named


def _whole(name: str) -> str:
    head, _, tail = name.partition(".")
    return head if head.isdigit() and tail and not tail.strip("0") else name
