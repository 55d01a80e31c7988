"""Factorial studies of which everything is known: plans made by hand, outcomes drawn from a stated model.

Metrics serve as repetitions: they are drawn independently, so that one table of 300 metrics is 300 experiments.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.results import FAILED, OK, Results
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Plan, Role, Run, Variant

Settings = Mapping[str, Any]


class Noise(NamedTuple):
    """Standard deviations: of a seed (shared by all variants), of a run beyond that, of an image in a run."""

    seed: float = 0.0
    run: float = 1.0
    image: float = 0.0


ONE = Noise()
"""Runs with a standard deviation of 1, and nothing else."""


def make_plan(
    levels: Mapping[str, list[Any]],
    design: str = "plackett_burman",
    *,
    seeds: int = 2,
    baseline_seeds: int = 0,
    rows: Sequence[Settings] | None = None,
    controls: bool = False,
    metrics: int = 1,
    direction: str = "higher",
    generators: str | None = None,
) -> Plan:
    """Returns a plan whose arms are the rows, or else those of the design; ids are v0 (the baseline), v1 and so on."""
    declaration = {
        "title": "simulated",
        "reading": "none",
        "scale": "none",
        "details": {key: options[1:] for key, options in levels.items()},
        "design": design,
        "variants": 2 if design in ("d_optimal", "random") else None,
        "generators": generators,
        "seeds": seeds,
        "baseline_seeds": baseline_seeds,
        "metrics": {f"m{index}": {"direction": direction, "margin": 0.1, "why": "-"} for index in range(metrics)},
    }
    empty = Plan(
        study="simulated",
        fingerprint="",
        frozen="",
        declaration=declaration,
        levels=dict(levels),
        variants=[],
        runs=[],
        left_out=[],
        deviations=[],
    )
    wanted: list[tuple[Role, Settings]] = [("baseline", {})]
    wanted += [("arm", row) for row in (design_points(empty) if rows is None else rows) if row]
    if controls:
        wanted += [("negative control", {}), ("positive control", {})]
    variants = [Variant(id=f"v{i}", role=role, settings=dict(row)) for i, (role, row) in enumerate(wanted)]
    runs = [
        Run(id=f"{variant.id}-s{seed}", variant=variant.id, seed=seed)
        for variant in variants
        for seed in range(seeds if variant.role == "arm" else max(seeds, baseline_seeds))
    ]
    return empty.model_copy(update={"variants": variants, "runs": runs})


def simulate(
    plan: Plan,
    truth: Callable[[Settings], float],
    noise: Noise = ONE,
    *,
    images: int = 1,
    failed: Sequence[str] = (),
    missing: Sequence[str] = (),
    seed: int = 0,
) -> Results:
    """Draws outcomes: truth of the settings + seed + run + unit; a positive control is 50 less."""
    generator = np.random.default_rng(seed)
    metrics = list(plan.declaration["metrics"])
    runs = [run for run in plan.runs if run.id not in missing]
    settings = {v.id: truth(v.settings) - 50 * (v.role == "positive control") for v in plan.variants}
    means = np.array([settings[run.variant] for run in runs])
    shared = noise.seed * generator.standard_normal((len(metrics), max(run.seed for run in runs) + 1))
    found = means + shared[:, [run.seed for run in runs]]
    found = found + noise.run * generator.standard_normal(found.shape)
    values = found[:, :, None] + noise.image * generator.standard_normal((*found.shape, images))
    names = np.array([run.id for run in runs])
    rows = pd.DataFrame(
        {
            "run": np.tile(np.repeat(names, images), len(metrics)),
            "train_fraction": 1.0,
            "unit": np.tile(np.arange(images), len(metrics) * len(runs)),
            "metric": np.repeat(metrics, len(runs) * images),
            "value": values.ravel(),
        }
    )
    table = pd.DataFrame(
        {
            "variant": [run.variant for run in runs],
            "seed": [run.seed for run in runs],
            "status": [FAILED if run.id in failed else OK for run in runs],
            **dict.fromkeys(("reason", "link", "path"), ""),
            **dict.fromkeys(("seconds", "joules"), 1.0),
        },
        index=pd.Index(names, name="run"),
    )
    options = [
        {"role": v.role} | {key: show_value(v.settings.get(key, known[0])) for key, known in plan.levels.items()}
        for v in plan.variants
    ]
    variants = pd.DataFrame(options, index=[v.id for v in plan.variants])
    return Results(variants, table, rows[~rows["run"].isin(failed)], pd.DataFrame(columns=["run", "metric", "value"]))


def two_levels(count: int) -> dict[str, list[Any]]:
    """Returns details a, b, c, ... with the options no (the baseline's) and yes."""
    return {chr(ord("a") + index): ["no", "yes"] for index in range(count)}


def linear(**effects: float) -> Callable[[Settings], float]:
    """Returns a truth of 20 plus the sum of the effects whose details are set; `a_b=2` is an interaction."""
    terms = [(set(name.split("_")), effect) for name, effect in effects.items()]
    return lambda settings: 20 + sum(effect for needed, effect in terms if needed <= settings.keys())


def long_table(plan: Plan, results: Results) -> pd.DataFrame:
    """Returns baseline's and arms' runs of the first metric with a column 0/1 per detail, for other libraries."""
    rows = results.rows[results.rows["metric"] == "m0"].join(results.runs[["variant", "seed"]], on="run")
    table = rows.join(results.variants, on="variant")
    table = table[table["role"].isin(["baseline", "arm"])].reset_index(drop=True)
    for detail in plan.levels:
        table[detail] = (table[detail] == "yes").astype(int)
    return table


def at_most(successes: int, trials: int, rate: float) -> bool:
    """Whether so many successes are compatible with a rate no higher; wrong once in ten thousand at that rate."""
    return stats.binomtest(successes, trials, rate, "greater").pvalue > 1e-4
