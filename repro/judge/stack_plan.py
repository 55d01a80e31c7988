"""The runs that tell the parts of a stack: which mixtures of two configurations, with which seeds, at what cost.

Up to four differences all mixtures are run, beyond that a Plackett-Burman design with its mirror image, whose first
row is the whole and whose last may be the base. Seeds are as many as find equivalence where there is none to find.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.power import POWER
from repro.audit.study.aliases import alias_table, describe_aliases, list_groups
from repro.audit.study.declaration import Found, Outcome, Study
from repro.audit.study.designs import full_factorial, plackett_burman, read_signs
from repro.audit.study.plan import Plan, Run, Variant
from repro.judge.column_names import SEED, SHARED
from repro.judge.declaration import Declaration
from repro.judge.runs import BLANK
from repro.judge.variants import show_option
from repro.storage import hash_json, write_json, written_file

if TYPE_CHECKING:
    from repro.judge.stack import Difference

MOST_FULL = 4
"""Differences up to which all mixtures are run."""
USUAL_SEEDS = 3
FEWEST_SEEDS, MOST_SEEDS = 2, 50
CSV, JSON = "stack-plan.csv", "stack-plan.json"


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


def design_mixtures(keys: Sequence[str]) -> tuple[str, list[dict[str, bool]]]:
    """Returns the name of a design and its mixtures: the keys that are taken out of the whole, the whole first.

    Which column of a Plackett-Burman design a key gets is drawn, with a seed made of the keys.

    Example:
        >>> name, rows = design_mixtures(["a", "b", "c", "d", "e"])
        >>> name, len(rows), rows[0]
        ('Plackett-Burman with its mirror image', 16, {})
    """
    levels = {key: [False, True] for key in keys}
    if len(keys) <= MOST_FULL:
        return "full factorial", full_factorial(levels)
    drawn = np.random.default_rng(int(hash_json(sorted(keys))[:12], 16)).permutation(len(keys))
    rows = read_signs(levels, plackett_burman(len(keys))[:, drawn])
    return "Plackett-Burman with its mirror image", sorted(rows, key=len)


def plan_screening(
    differences: "Sequence[Difference]", table: pd.DataFrame | None, declared: Declaration, reason: str
) -> StackPlan:
    """Plans the runs that tell every difference."""
    keys = [difference.key for difference in differences]
    main, outcome = next(iter(declared.outcomes.items()))
    assert outcome.margin is not None
    design, rows = design_mixtures(keys)
    sd = pool_sd(table, keys, main) if table is not None else np.nan
    seeds, why = _count_seeds(sd, outcome.margin, len(rows), len(keys))
    runs = _list_runs(differences, rows, seeds, table, declared)
    named = "the screening of all differences"
    return StackPlan(named, design, runs, seeds, why, _tell_aliases(keys, rows, declared), reason)


def plan_comparison(
    differences: "Sequence[Difference]",
    table: pd.DataFrame,
    declared: Declaration,
    rows: Sequence[Sequence[str]],
    sd: float,
    purpose: str,
) -> StackPlan:
    """Plans the runs that hold some mixtures against the whole.

    Args:
        differences: parts of the stack.
        table: of the runs that there are.
        declared: how it is read.
        rows: of each mixture, the parts that are taken out.
        sd: noise of a run.
        purpose: what it is for.
    """
    margin = next(iter(declared.outcomes.values())).margin
    assert margin is not None
    seeds = next((n for n in range(USUAL_SEEDS, MOST_SEEDS + 1) if bear_sd(margin, n, n - 1) >= sd), MOST_SEEDS)
    enough = bear_sd(margin, seeds, seeds - 1)
    why = f"find equivalence with {POWER:.0%} power up to a noise SD of {enough:.3g} (found: {sd:.3g})"
    if enough < sd:
        why = f"no more are planned; they find equivalence up to a noise SD of {enough:.3g}, and {sd:.3g} was found"
    mixtures = [dict.fromkeys(row, True) for row in dict.fromkeys([(), *(tuple(sorted(row)) for row in rows)])]
    runs = _list_runs(differences, mixtures, seeds, table, declared)
    return StackPlan(purpose, "mixtures against the whole", runs, seeds, why, [])


def bear_sd(margin: float, pairs: float, df: float, tests: int = 1) -> float:
    """Returns the noise SD of a run up to which equivalence of two alike means of n runs each is found.

    margin = (t(1 - alpha) + t((1 + power) / 2)) sd sqrt(2 / n), alpha = .05 / tests, both sides of the margin at once.

    Source: Julious, Sample sizes for clinical trials with normal data (2004), on equivalence of like means.

    Example:
        >>> round(bear_sd(1.0, 10, 18), 3)
        0.73
    """
    t = float(stats.t.isf(LEVEL / tests, df) + stats.t.ppf((1 + POWER) / 2, df))
    return margin / (t * float(np.sqrt(2 / pairs)))


def pool_sd(table: pd.DataFrame, keys: Sequence[str], outcome: str) -> float:
    """Pools the SD of runs within mixtures; NaN without repeats."""
    values = pd.to_numeric(table[outcome], errors="coerce") if outcome in table else pd.Series(dtype=np.float64)
    finite = values[np.isfinite(values)]
    groups = finite.groupby([table.loc[finite.index, key] for key in keys])
    df = int((groups.size() - 1).sum())
    square = float((groups.var(ddof=1).fillna(0) * (groups.size() - 1)).sum())
    return float(np.sqrt(square / df)) if df else np.nan


def _count_seeds(sd: float, margin: float, rows: int, differences: int) -> tuple[int, str]:
    def bears(seeds: int) -> float:
        return bear_sd(margin, rows * seeds / 2, differences * (seeds - 1), differences)

    if not np.isfinite(sd):
        return USUAL_SEEDS, (
            "the usual number, as the noise is not known: they find "
            f"equivalence within {margin:g} with {POWER:.0%} power "
            f"up to a noise SD of {bears(USUAL_SEEDS):.3g}, if interactions are nil"
        )
    seeds = next((n for n in range(FEWEST_SEEDS, MOST_SEEDS + 1) if bears(n) >= sd), MOST_SEEDS)
    if bears(seeds) < sd:
        return seeds, f"no more are planned, though a noise SD of {sd:.3g} asks for them (they bear {bears(seeds):.3g})"
    return (
        seeds,
        f"find equivalence within {margin:g} with {POWER:.0%} power at the table's noise SD of {sd:.3g}, "
        "if interactions are nil",
    )


def _list_runs(
    differences: "Sequence[Difference]",
    rows: Sequence[dict[str, bool]],
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
        options = tuple(d.base if row.get(d.key) else d.final for d in differences)
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


def _tell_aliases(keys: Sequence[str], rows: Sequence[dict[str, bool]], declared: Declaration) -> list[str]:
    """Says what a design cannot tell apart."""
    levels: dict[str, list[Any]] = {key: ["final", "base"] for key in keys}
    settings = [dict.fromkeys(row, "base") for row in rows]
    outcomes = {
        name: Outcome(direction=o.direction, margin=o.margin or 1.0, why=o.why or "declared", unit=o.unit)
        for name, o in declared.outcomes.items()
    }
    study = Study(
        title="Which parts of a stack are needed",
        reading="baseline",
        scale="as found",
        details={key: ["base"] for key in keys},
        design="random" if len(keys) > 1 else "one_at_a_time",
        found=Found(table=declared.table, paired=True, replicate="seed"),
        seeds=USUAL_SEEDS,
        metrics=outcomes,
    )
    ids = [hash_json(row)[:12] for row in settings]
    plan = Plan(
        study="stack",
        fingerprint=hash_json(ids),
        frozen="",
        declaration=study.model_dump(mode="json"),
        levels=levels,
        variants=[
            Variant(id=name, role="arm" if row else "baseline", settings=row)
            for name, row in zip(ids, settings, strict=True)
        ],
        runs=[Run(id=f"{name}-s0", variant=name, seed=0) for name in ids],
        left_out=[],
        deviations=[],
    )
    groups = list_groups(alias_table(plan))
    full = [
        f"{effect} = {others}"
        for effect, others, strength in zip(groups["effect"], groups["aliases"], groups["strength"], strict=True)
        if float(strength) > 1 - 1e-9
    ]
    return [describe_aliases(plan), *full]


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
