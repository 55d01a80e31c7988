"""What a batch of an adaptive study is made of: further seeds of the plan's rows, or fractions drawn afresh.

**Rows that are fixed** (one at a time, full factorial): a variant gets its next seeds, none skipped. An arm that is
closed gets none; the others go on at the seeds that the baseline has, and take it along beyond.

**Rows left to chance** (Plackett-Burman, fractional factorial, D-optimal, random): further seeds of the same rows would
leave what they mix into an effect as it is. So every fraction is drawn anew, columns, signs and rows, by the hash of
the study's randomisation and the fraction's number, at seeds that nothing else has: aliases differ from one to the next
and average out like noise. A fold-over has two halves, each at a seed of its own: it costs what one seed of the folded
design does, frees main effects of pairs just so, and sees twice as many seeds. No column is dropped when its detail is
settled: a balanced fraction is as precise for fifteen details as for four, so that no run would be saved, and over what
the others' effects are averaged would depend on results. The plan's own runs remain the study that was frozen; beside
fractions they are a pilot, which settles nothing.

What a batch holds follows from the plan and its own number: results say how far, never which rows.
"""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from repro.audit.study.constrained_designs import combine, design_rows
from repro.audit.study.declaration import NamedStudy, with_seed
from repro.audit.study.plan import Batch, Plan, Run, Variant
from repro.audit.study.planning import Identify
from repro.audit.study.space import Space
from repro.storage import hash_json


class Source(NamedTuple):
    """Where the rows of fractions come from.

    Attributes:
        space: the params tree, with the baseline's values in it.
        identify: from all values to the id of their variant.
    """

    space: Space
    identify: Identify


def seeds_of_fraction(plan: Plan) -> int:
    """Returns how many seeds a fraction takes: one for each half of a fold-over, else one."""
    return 2 if plan.declaration["design"] == "plackett_burman" else 1


def list_fractions(plan: Plan) -> list[list[Run]]:
    """Returns the runs of each fraction that the batches of a plan hold, in their order."""
    each, first = seeds_of_fraction(plan), _first_seed(plan)
    found: dict[int, list[Run]] = {}
    for batch in plan.batches:
        for run in batch.runs:
            found.setdefault((run.seed - first) // each, []).append(run)
    return [found[number] for number in sorted(found)]


def add_seeds(plan: Plan, arms: Collection[str], seeds: int, why: str) -> Batch:
    """Returns a batch that gives each of some arms its next seeds, and the baseline those that it lacks.

    Runs are ordered by seed, the baseline's first, so that a sweep that was stopped has whole pairs.
    """
    counts, base = Counter(run.variant for run in plan.grown().runs), plan.baseline().id
    wanted = [(seed, arm) for arm in arms for seed in range(counts[arm], counts[arm] + seeds)]
    lacking = {seed for seed, _ in wanted if seed >= counts[base]}
    order = [variant.id for variant in plan.variants]
    cells = sorted([*wanted, *((seed, base) for seed in lacking)], key=lambda cell: (cell[0], order.index(cell[1])))
    return Batch(variants=[], runs=[_run(variant, seed) for seed, variant in cells], why=why)


def add_fractions(plan: Plan, fractions: int, source: Source, why: str) -> Batch:
    """Returns a batch of the next fractions.

    Raises:
        UserError: no draw of the fraction is allowed by the constraints of the ledger.
    """
    known = {variant.id for variant in plan.grown().variants}
    there, each, first = len(list_fractions(plan)), seeds_of_fraction(plan), _first_seed(plan)
    variants: dict[str, Variant] = {}
    runs: dict[str, Run] = {}
    for number in range(there, there + fractions):
        rows = draw_fraction(plan, number, source.space)
        half = len(rows) // each
        for place, row in enumerate(rows):
            resolved = source.space.resolve(row)
            name = source.identify(resolved)
            if name not in known and name not in variants:
                variants[name] = Variant(id=name, role="arm", settings={key: resolved[key] for key in row})
            run = _run(name, first + number * each + min(place // half, each - 1))
            runs[run.id] = run
    return Batch(variants=list(variants.values()), runs=list(runs.values()), why=why)


def draw_fraction(plan: Plan, number: int, space: Space) -> list[dict[str, object]]:
    """Returns the settings of all rows of a fraction, the baseline's among them where it is one.

    A fold-over's second half is the mirror image of its first.
    """
    study = with_seed(NamedStudy(plan.study, plan.declared)).study
    drawn = int(hash_json(["fraction", plan.study, study.randomisation, number])[:8], 16)
    study = study.model_copy(update={"randomisation": drawn})
    combined = combine(study, plan.levels, space)
    if study.design in ("plackett_burman", "fractional_factorial"):
        return design_rows(study, plan.levels, combined.passed_over)
    return [{}, *combined.settings]


def _first_seed(plan: Plan) -> int:
    return 1 + max((run.seed for run in plan.runs), default=-1)


def _run(variant: str, seed: int) -> Run:
    return Run(id=f"{variant}-s{seed}", variant=variant, seed=seed)
