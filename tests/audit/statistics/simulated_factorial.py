"""Factorial studies of which everything is known: plans made by hand, outcomes drawn from a stated model.

Metrics serve as repetitions: they are drawn independently, so that one table of 300 metrics is 300 experiments.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.results import FAILED, OK, Results
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Cell, Plan, Role, Variant

Settings = Mapping[str, Any]


class Noise(NamedTuple):
    """Standard deviations: of a seed (shared by all variants), of a cell beyond that, of an image in a cell."""

    seed: float = 0.0
    cell: float = 1.0
    image: float = 0.0


ONE = Noise()
"""Cells with a standard deviation of 1, and nothing else."""


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
        "runs": 2 if design in ("d_optimal", "random") else None,
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
        cells=[],
        left_out=[],
        deviations=[],
    )
    wanted: list[tuple[Role, Settings]] = [("baseline", {})]
    wanted += [("arm", row) for row in (design_points(empty) if rows is None else rows) if row]
    if controls:
        wanted += [("placebo", {}), ("planted", {})]
    variants = [Variant(id=f"v{i}", role=role, settings=dict(row)) for i, (role, row) in enumerate(wanted)]
    cells = [
        Cell(id=f"{variant.id}-s{seed}", variant=variant.id, seed=seed)
        for variant in variants
        for seed in range(seeds if variant.role == "arm" else max(seeds, baseline_seeds))
    ]
    return empty.model_copy(update={"variants": variants, "cells": cells})


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
    """Draws outcomes: truth of the settings + seed + cell + image; placebo as the baseline, the planted arm 50 less."""
    generator = np.random.default_rng(seed)
    metrics = list(plan.declaration["metrics"])
    cells = [cell for cell in plan.cells if cell.id not in missing]
    settings = {v.id: truth(v.settings) - 50 * (v.role == "planted") for v in plan.variants}
    means = np.array([settings[cell.variant] for cell in cells])
    shared = noise.seed * generator.standard_normal((len(metrics), max(cell.seed for cell in cells) + 1))
    found = means + shared[:, [cell.seed for cell in cells]]
    found = found + noise.cell * generator.standard_normal(found.shape)
    values = found[:, :, None] + noise.image * generator.standard_normal((*found.shape, images))
    names = np.array([cell.id for cell in cells])
    rows = pd.DataFrame(
        {
            "cell": np.tile(np.repeat(names, images), len(metrics)),
            "budget": 1.0,
            "image": np.tile(np.arange(images), len(metrics) * len(cells)),
            "metric": np.repeat(metrics, len(cells) * images),
            "value": values.ravel(),
        }
    )
    table = pd.DataFrame(
        {
            "variant": [cell.variant for cell in cells],
            "seed": [cell.seed for cell in cells],
            "status": [FAILED if cell.id in failed else OK for cell in cells],
            **dict.fromkeys(("reason", "link", "path"), ""),
            **dict.fromkeys(("seconds", "joules"), 1.0),
        },
        index=pd.Index(names, name="cell"),
    )
    options = [
        {"role": v.role} | {key: show_value(v.settings.get(key, known[0])) for key, known in plan.levels.items()}
        for v in plan.variants
    ]
    variants = pd.DataFrame(options, index=[v.id for v in plan.variants])
    return Results(variants, table, rows[~rows["cell"].isin(failed)], pd.DataFrame(columns=["cell", "metric", "value"]))


def two_levels(count: int) -> dict[str, list[Any]]:
    """Returns details a, b, c, ... with the options no (the baseline's) and yes."""
    return {chr(ord("a") + index): ["no", "yes"] for index in range(count)}


def linear(**effects: float) -> Callable[[Settings], float]:
    """Returns a truth of 20 plus the sum of the effects whose details are set; `a_b=2` is an interaction."""
    terms = [(set(name.split("_")), effect) for name, effect in effects.items()]
    return lambda settings: 20 + sum(effect for needed, effect in terms if needed <= settings.keys())


def long_table(plan: Plan, results: Results) -> pd.DataFrame:
    """Returns baseline's and arms' cells of the first metric with a column 0/1 per detail, for other libraries."""
    rows = results.rows[results.rows["metric"] == "m0"].join(results.cells[["variant", "seed"]], on="cell")
    table = rows.join(results.variants, on="variant")
    table = table[table["role"].isin(["baseline", "arm"])].reset_index(drop=True)
    for detail in plan.levels:
        table[detail] = (table[detail] == "yes").astype(int)
    return table
