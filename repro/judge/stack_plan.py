"""The runs that tell the parts of a stack: which mixtures of two configurations, with which seeds, at what cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.study.designs import stack_mixtures
from repro.judge.column_names import BLANK, SEED, SHARED
from repro.judge.configurations import Difference
from repro.judge.declaration import Declaration
from repro.judge.output_folder import STACK_PLAN
from repro.judge.stack_aliases import tell_aliases
from repro.judge.stack_seeds import count_comparison_seeds, count_seeds, pool_sd
from repro.judge.variants import show_option
from repro.storage import hash_json, write_json, written_file

CSV, JSON = STACK_PLAN, "stack-plan.json"


class StackPlan(NamedTuple):
    """Runs to make.

    Attributes:
        purpose: what they are for.
        design: what the mixtures are as a design.
        runs: a row each: run, one column for each difference, the seed's, status ("to run" or "in the table").
        seeds: of each mixture.
        why_seeds: how their number was found.
        aliases: what the design cannot tell apart, in sentences.
        reason: why there is no verdict yet.
        said: on rows that were left out.
    """

    purpose: str
    design: str
    runs: pd.DataFrame
    seeds: int
    why_seeds: str
    aliases: list[str]
    reason: str = ""
    said: Sequence[str] = ()

    @property
    def cost(self) -> int:
        """Runs that are not in the table yet."""
        return int((self.runs["status"] == "to run").sum())


def plan_screening(
    differences: Sequence[Difference], table: pd.DataFrame | None, declared: Declaration, reason: str
) -> StackPlan:
    """Plans the runs that tell every difference; which column of the design each has is drawn from their names."""
    keys = [difference.key for difference in differences]
    levels = {key: ["final", "base"] for key in keys}
    design, rows = stack_mixtures(levels, int(hash_json(sorted(keys))[:8], 16))
    main, margin = _main(declared)
    sd = pool_sd(table, keys, main) if table is not None else float("nan")
    seeds, why = count_seeds(sd, margin, len(rows), len(keys))
    mixtures = [list(row) for row in rows]
    runs = _list_runs(differences, mixtures, seeds, table, declared)
    return StackPlan("the screening of all differences", design, runs, seeds, why, tell_aliases(levels, rows), reason)


def plan_comparison(
    differences: Sequence[Difference],
    table: pd.DataFrame,
    declared: Declaration,
    rows: Sequence[Sequence[str]],
    purpose: str,
    tests: int = 1,
) -> StackPlan:
    """Plans the runs that hold some mixtures against the whole.

    Args:
        differences: parts of the stack.
        table: of the runs that there are.
        declared: how it is read.
        rows: of each mixture, the parts that are taken out.
        purpose: what it is for.
        tests: what the p of the test to come is multiplied by.
    """
    main, margin = _main(declared)
    sd = pool_sd(table, [difference.key for difference in differences], main)
    seeds, why = count_comparison_seeds(sd, margin, tests)
    mixtures = list(dict.fromkeys([(), *(tuple(sorted(row)) for row in rows)]))
    runs = _list_runs(differences, mixtures, seeds, table, declared)
    return StackPlan(purpose, "mixtures against the whole", runs, seeds, why, [])


def plan_mirrors(
    differences: Sequence[Difference], table: pd.DataFrame, declared: Declaration, rows: Sequence[Sequence[str]]
) -> StackPlan:
    """Plans the mirror image of each mixture that was run without it, with as many seeds as those have."""
    counts = table.groupby([difference.key for difference in differences]).size()
    seeds = max(2, int(counts.median()))
    runs = _list_runs(differences, rows, seeds, table, declared)
    why = "as many as the mixtures in the table have"
    return StackPlan("the mirror image of each mixture, which frees parts of pairs", "fold-over", runs, seeds, why, [])


def _main(declared: Declaration) -> tuple[str, float]:
    name, outcome = next(iter(declared.outcomes.items()))
    assert outcome.margin is not None
    return name, outcome.margin


def _list_runs(
    differences: Sequence[Difference],
    rows: Sequence[Sequence[str]],
    seeds: int,
    table: pd.DataFrame | None,
    declared: Declaration,
) -> pd.DataFrame:
    """Lists runs by mixture and seed; those of the table keep its seeds, the others count from 0."""
    keys = [difference.key for difference in differences]
    name = declared.seed or _find_seed(table, keys) or "seed"
    have = {}
    if table is not None and name in table.columns:
        have = {
            key if isinstance(key, tuple) else (key,): {show_option(seed) for seed in part}
            for key, part in table.dropna(subset=[name]).groupby(keys, sort=False)[name]
        }
    whole = tuple(difference.final for difference in differences)
    known = sorted(have.get(whole, ()), key=lambda text: (len(text), text))
    known += [str(n) for n in range(seeds + len(known)) if str(n) not in known]
    records = []
    for number, row in enumerate(rows):
        options = tuple(d.base if d.key in row else d.final for d in differences)
        for seed in known[:seeds]:
            status = "in the table" if seed in have.get(options, ()) else "to run"
            told = ["" if option == BLANK else option for option in options]
            records.append([f"m{number:02d}-s{seed}", *told, seed, status])
    return pd.DataFrame(records, columns=["run", *keys, name, "status"])


def _find_seed(table: pd.DataFrame | None, keys: Sequence[str]) -> str:
    names = [
        str(name) for name in ([] if table is None else table.columns) if name not in keys and SEED.search(str(name))
    ]
    return min(names, key=lambda name: (not SHARED.search(name), len(name)), default="")


def write_plan(plan: StackPlan, out: Path) -> list[Path]:
    """Writes a plan as CSV and as JSON."""
    files = [out / CSV, out / JSON]
    with written_file(files[0]) as partial:
        plan.runs.to_csv(partial, index=False)
    write_json(files[1], plan_content(plan))
    return files


def plan_content(plan: StackPlan) -> dict[str, Any]:
    """Returns a plan as JSON holds it."""
    return {
        "purpose": plan.purpose,
        "reason": plan.reason,
        "design": plan.design,
        "mixtures": int(len(plan.runs) / max(plan.seeds, 1)),
        "seeds": plan.seeds,
        "why_seeds": plan.why_seeds,
        "cost_runs": plan.cost,
        "aliases": plan.aliases,
        "said": list(plan.said),
        "runs": plan.runs.to_dict("records"),
    }
