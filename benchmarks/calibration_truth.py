"""Studies on a subgrid of a surface: how they are planned, what is true of them, and how their runs are drawn.

**A run** is a repeat of its cell, drawn with replacement: the stored repeats are then the population, and their mean is
the truth exactly. (Two of four without replacement would halve the variance of a mean: intervals that know nothing of
so small a population would look better than they are.) All variants share their seeds in the toolkit, and none in
these tables; a shift of each seed and a change of each option's effect with it are added, of stated size.

**The truth** is that of the design: averaged over all cells of the subgrid for factorials, at the baseline for one at
a time. A scenario moves it by adding a constant to all cells with an option: interactions and repeats stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, create_model

from benchmarks.surfaces import Floats, Subgrid, Surface
from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference
from repro.audit.statistics.linear_model import code_details
from repro.audit.study.declaration import RANDOMISED, Design, NamedStudy, Study
from repro.audit.study.plan import Plan
from repro.audit.study.planning import make_plan
from repro.storage import hash_json

SEED_SHIFT: Final = 0.4
"""Standard deviation of what a seed adds to all variants, in those of a run."""
SIZES: Final = (1.0, 2.0, 4.0)
"""Effects at which power is measured, in standard deviations of a run."""
NARROW: Final = 1e-6
WIDE: Final = 1e3
"""Margins in standard deviations of a run: none is called equivalent; noise cannot reach across to the other margin."""
WIDTH: Final = 2 * 1.959964
"""Of a 95 % interval of normal noise that is known, in standard errors."""
NATURAL, ONE, SOME, ALL = "natural", "one nil", "half nil", "all nil"
MARGIN, POWER, PLANNED, MEASURED = "on the margin", "sizes", "planned forecast", "measured forecast"
SCENARIOS: Final = (NATURAL, ONE, SOME, ALL, MARGIN, POWER, PLANNED, MEASURED)
"""Effects as they are; one, half or all of the details' set to nil; all on the margin; all at one of `SIZES`; all nil
but one, at the minimum detectable effect that the plan promises, or that the errors of the natural study promise."""
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Setting:
    """A design at its size.

    Attributes:
        design: as a study declares it.
        counts: options of each detail.
        seeds: that all variants share.
        more: of the declaration.
    """

    design: Design
    counts: tuple[int, ...]
    seeds: int
    more: Mapping[str, Any] = field(default_factory=dict)


@cache
def make_tree(surface: Surface) -> type[BaseModel]:
    """Returns a params tree with a detail for each of the surface's."""
    source = (inference("the table"),)
    fields: dict[str, Any] = {
        key: (Annotated[type(options[-1]), Choice("Which?", "table", "silent", dict.fromkeys(options, source))], ...)
        for key, options in surface.options.items()
    }
    return create_model("Tree", **fields)


def plan_study(subgrid: Subgrid, setting: Setting, seed: int) -> Plan:
    """Plans the study of a subgrid, with a metric for each scenario, randomised with a seed."""
    direction, sd = subgrid.surface.direction, run_sd(subgrid)
    margins = {name: (WIDE if name == MARGIN else NARROW) * sd for name in SCENARIOS}
    metrics = {name: {"direction": direction, "margin": margin, "why": "-"} for name, margin in margins.items()}
    declared = {
        "title": subgrid.surface.name,
        "reading": "table",
        "scale": "table",
        "details": {key: options[1:] for key, options in subgrid.levels.items()},
        "design": setting.design,
        "seeds": setting.seeds,
        "metrics": metrics,
    }
    if setting.design in RANDOMISED:
        declared["randomisation"] = seed
    named = NamedStudy("calibration", Study.model_validate(declared | dict(setting.more)))
    return make_plan(named, make_tree(subgrid.surface), subgrid.baseline, lambda values: hash_json(values)[:12], NOW)


def run_sd(subgrid: Subgrid) -> float:
    """Returns the root of the mean variance of a run over all cells."""
    return float(np.sqrt(subgrid.variances.mean()))


class Truth(NamedTuple):
    """What is known of a subgrid's study, by column of its linear model.

    Attributes:
        columns: (V, K) of the linear model, rows as in the plan.
        cells: (V, details) place of each variant in the subgrid.
        effects: (K,) true effect of each option.
        all_cells: (K,) width of the interval if all cells were run on the study's seeds and their noise were known.
        oracle: (K,) the same of the design's own runs, if also the mean square of what it mixes in were known.
        sd: of a run, in the root of the mean square over the variants.
    """

    columns: Floats
    cells: NDArray[np.int64]
    effects: Floats
    all_cells: Floats
    oracle: Floats
    sd: float


def find_truth(subgrid: Subgrid, plan: Plan, spread: float) -> Truth:
    """Computes what a study estimates, and how narrow an interval for it could be.

    Args:
        subgrid: of which all is known.
        plan: of its study.
        spread: of an effect over seeds, in standard deviations of a run.
    """
    alone, seeds = plan.declaration["design"] == "one_at_a_time", plan.declaration["seeds"]
    columns = code_details(plan).matrix
    cells = np.array([[_place(subgrid, key, row.settings) for key in subgrid.levels] for row in plan.variants])
    at_variants = tuple(cells.T)
    means, variances, changes = subgrid.means, subgrid.variances, (spread * run_sd(subgrid)) ** 2
    effects, noise = [], []
    for axis, options in enumerate(subgrid.levels.values()):
        mean, variance = (np.moveaxis(table, axis, 0).reshape(len(options), -1) for table in (means, variances))
        if alone:  # the baseline's cell is the first along every axis
            mean, variance = mean[:, :1], variance[:, :1]
        effects += (mean[1:] - mean[0]).mean(axis=1).tolist()
        noise += ((variance[1:] + variance[0]).mean(axis=1) / mean.shape[1] + changes).tolist()
    all_cells = WIDTH * np.sqrt(np.array(noise) / seeds)
    if alone:
        return Truth(columns, cells, np.array(effects), all_cells, all_cells, _root(variances[at_variants]))
    weights = np.linalg.pinv(np.hstack([np.ones((len(columns), 1)), columns]))[1:]
    mixed = np.mean((weights @ means[at_variants] - effects) ** 2)
    own = (weights**2 @ variances[at_variants] + changes) / seeds
    oracle = WIDTH * np.sqrt(own + mixed)
    return Truth(columns, cells, np.array(effects), all_cells, oracle, _root(variances[at_variants]))


def _place(subgrid: Subgrid, key: str, settings: Mapping[str, Any]) -> int:
    return subgrid.levels[key].index(settings[key]) if key in settings else 0


def _root(variances: Floats) -> float:
    return float(np.sqrt(variances.mean()))


def draw_runs(subgrid: Subgrid, truth: Truth, seeds: int, spread: float, generator: np.random.Generator) -> Floats:
    """Draws the runs of one study (V, S), before any effect is moved."""
    stored = subgrid.repeats[tuple(truth.cells.T)]
    counts = np.isfinite(stored).sum(axis=1)
    drawn = (generator.random((len(stored), seeds)) * counts[:, None]).astype(int)
    runs: Floats = np.take_along_axis(stored, drawn, axis=1)  # repeats that a cell lacks stand behind those it has
    sd = run_sd(subgrid)
    runs = runs + SEED_SHIFT * sd * generator.standard_normal(seeds)
    changes = spread * sd * generator.standard_normal((truth.columns.shape[1], seeds))
    return runs + truth.columns @ changes


def aim(scenario: str, truth: Truth, details: Sequence[str], size: float, generator: np.random.Generator) -> Floats:
    """Returns the effect (K,) that each option is to have in a scenario.

    Args:
        scenario: one of `SCENARIOS`.
        truth: of the study.
        details: of each column.
        size: the margin, or the effect that a forecast promises to find.
        generator: chooses details, options and signs.
    """
    names = generator.permutation(sorted(set(details))).tolist()
    match scenario:
        case "natural":
            sizes: dict[str, float] = {}
        case "one nil":
            sizes = {names[0]: 0.0}
        case "half nil":
            sizes = dict.fromkeys(names[: (len(names) + 1) // 2], 0.0)
        case "all nil":
            sizes = dict.fromkeys(names, 0.0)
        case "on the margin":
            sizes = dict.fromkeys(names, size)
        case "sizes":
            sizes = {name: SIZES[place % len(SIZES)] * truth.sd for place, name in enumerate(names)}
        case _:
            sizes = dict.fromkeys(names, 0.0) | {names[0]: size}
    wanted, owner = truth.effects.copy(), np.array(details)
    for name, put in sizes.items():
        own = np.flatnonzero(owner == name)
        wanted[own] = 0.0
        # of several options one is moved: a detail is as equivalent as its least equivalent option
        wanted[generator.choice(own)] = put * generator.choice([-1.0, 1.0])
    return wanted
