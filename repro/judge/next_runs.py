"""What to run next: the smallest batch that is expected to settle the open comparisons within a budget.

Pairs need the arm and the baseline at seeds in common, and only the runs that are missing there; unpaired arms need
runs of their own, and of the baseline while it has fewer; a design needs all its variants.
"""

from collections.abc import Iterable, Mapping
from itertools import count

import numpy as np

from repro.audit.statistics.effects import Effect
from repro.errors import UserError
from repro.judge.judgement import Judgement
from repro.judge.open_questions import Arm, ask, find_open, measure_variants, variant_of
from repro.judge.settling import FEWEST, NextBatch, NextRun, Question, Step

INVENTED = "seed"
"""The setting that holds the seed where the table has no column of seeds."""
INVENTED_FROM = 1000

Cell = tuple[str, int]
"""A run to make: id of its variant, and the replicate's number, or a counter where replicates do not pair."""
_Wanted = tuple[tuple[Question, ...], list[Cell]]
_Placed = tuple[tuple[Question, ...], list[Cell], bool]


def plan_batch(found: Judgement, budget: int | None = None) -> NextBatch:
    """Plans the runs to make next for the main outcome.

    Args:
        found: with an analysis.
        budget: in runs; None: everything that can be expected to be settled.

    Raises:
        UserError: the budget is no number of runs.

    Source: the tests are those of the verdicts, their levels those of `sequential`; the order is greedy, expected
    verdicts for each run that is not yet in the batch (our choice).
    """
    if budget is not None and budget < 1:
        raise UserError(f"--budget {budget}: expected a number of runs, 1 or more")
    if found.plan is None or found.analysis is None or found.results is None:
        return _plan_without_analysis(found, budget)
    rows = find_open(found)
    measured = measure_variants(found)
    questions = [(row, ask(row, found, measured)) for row in rows]
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


def _plan_without_analysis(found: Judgement, budget: int | None) -> NextBatch:
    """Plans repeats of two variants where none was repeated; says what would serve where there are slopes alone."""
    seed = found.declared.seed or INVENTED
    empty = NextBatch((), (), budget, seed)
    if not found.options:
        ends = [f"{row['detail']} = {row['lowest']} and {row['highest']}" for row in found.slopes.to_dict("records")]
        told = "; ".join(dict.fromkeys(ends)) or "the ends of their range"
        return empty._replace(said=(f"no batch is planned for slopes: repeats at both ends narrow them most: {told}",))
    more = next((n - 1 for n in (5, FEWEST) if budget is None or 2 * (n - 1) <= budget), FEWEST - 1)
    used = [int(name) for name in map(_whole, found.seeds) if name.isdigit()]
    if found.declared.seed and len(used) < len(found.seeds):
        return empty._replace(said=(f"values of {seed} are no whole numbers: new ones are yours to name",))
    first = max(used) + 1 if used else 0 if found.declared.seed else INVENTED_FROM
    paired = bool(found.declared.paired)
    runs = tuple(
        NextRun(options, str(first + place + (0 if paired else number * more)))
        for number, options in enumerate(found.options.values())
        for place in range(more)
    )
    fits = budget is None or len(runs) <= budget
    said = (
        f"they say how large the noise is: with {more + 1} runs of each, what is seen is found with 80 % power up to "
        "the noise SD said above",
    )
    return empty._replace(steps=(Step((), runs, fits),), said=said)


def _arm_cells(row: Effect, question: Question, found: Judgement, measured: Mapping[str, Arm]) -> list[Cell]:
    """Returns the runs that an arm and the baseline need: the cheapest seeds first, where they pair."""
    assert found.plan is not None
    assert question.further is not None
    arm, base = variant_of(row, found), found.plan.variants[0].id
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
