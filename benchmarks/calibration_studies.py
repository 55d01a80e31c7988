"""Studies of surfaces whose truth is known: planned, run from the stored repeats and judged by the toolkit's own code.

A study is planned by `make_plan` on a subgrid; its runs become `Results`, and `tabulate_outcomes`, `judge_effects` and
`judge_details` say of them what they would say of a paper. What `analyse` does beside them (curve, components of
variance, claims) is left out, and so are interactions: a third of the time, for the names of pairs, which make no
verdict that is counted here. Scenarios of one subgrid are metrics of one study, each a family of its own.

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
from functools import cache, partial
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, create_model
from scipy import stats

from benchmarks.surfaces import Floats, Subgrid, Surface
from repro.audit.ledger.choice import Choice, show_value
from repro.audit.ledger.source import inference
from repro.audit.statistics.analysis import estimate_effects
from repro.audit.statistics.error_terms import choose_error_term, combine_errors
from repro.audit.statistics.interactions import INTERACTION_COLUMNS
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.mean_squares import NOTHING
from repro.audit.statistics.minimum_detectable_effect import detectable_effects
from repro.audit.statistics.outcomes import Outcomes, tabulate_outcomes
from repro.audit.statistics.results import OK, Results
from repro.audit.statistics.verdicts import judge_details
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


class Judged(NamedTuple):
    """All studies of one subgrid.

    Attributes:
        plan: with a metric for each scenario.
        truth: of its effects, before any is moved.
        effects: as in `Analysis`, one row per scenario (`metric`) and option, with `truth` (after it), `verdict` of the
            detail, and the widths `all_cells` and `oracle`.
        natural: the outcomes of the natural scenario.
    """

    plan: Plan
    truth: Truth
    effects: pd.DataFrame
    natural: Outcomes


def judge_studies(subgrid: Subgrid, setting: Setting, spread: float, generator: np.random.Generator) -> Judged:
    """Plans, draws and judges one study of each scenario."""
    plan = plan_study(subgrid, setting, int(generator.integers(2**31)))
    truth = find_truth(subgrid, plan, spread)
    options = [(detail, show_value(option)) for detail, known in plan.levels.items() for option in known[1:]]
    planned = truth.sd * _promise(plan, truth.columns)
    sizes = {MARGIN: plan.declaration["metrics"][MARGIN]["margin"], PLANNED: planned}
    parts = []
    rounds = [SCENARIOS[:-1], SCENARIOS[-1:]]  # the last waits for the errors that the first has measured
    for names in rounds if setting.design != "one_at_a_time" else rounds[:1]:
        part = _with(plan, names)
        aims = {name: aim(name, truth, [key for key, _ in options], sizes.get(name, 0.0), generator) for name in names}
        runs = {name: draw_runs(subgrid, truth, setting.seeds, spread, generator) for name in names}
        moved = {name: runs[name] + (truth.columns @ (aims[name] - truth.effects))[:, None] for name in names}
        tables = tabulate_outcomes(part, tell_results(part, moved))
        effects = judge_tables(part, tables)
        known = {(name, *option): row for name in names for option, row in zip(options, aims[name], strict=True)}
        keys = list(zip(effects["metric"], effects["detail"], effects["option"], strict=True))
        places = [options.index(key[1:]) for key in keys]
        parts.append(
            effects.assign(
                truth=[known[key] for key in keys], all_cells=truth.all_cells[places], oracle=truth.oracle[places]
            )
        )
        if NATURAL in names:
            natural = tables[names.index(NATURAL)]
            sizes[MEASURED] = _promise_again(plan, effects[effects["metric"] == NATURAL])
    return Judged(plan, truth, pd.concat(parts, ignore_index=True), natural)


def _with(plan: Plan, names: Sequence[str]) -> Plan:
    """Returns a plan with some of its metrics only."""
    metrics = {name: plan.declaration["metrics"][name] for name in names}
    return plan.model_copy(update={"declaration": plan.declaration | {"metrics": metrics}})


_PROMISED: dict[str, float] = {}


def _promise(plan: Plan, columns: Floats) -> float:
    """Returns the minimum detectable effect that a plan promises, in standard deviations of a run.

    It rests on the rows and the seeds alone, so that it is asked for once where subgrids have the same rows; a draw of
    columns and signs moves no standard error.
    """
    declared = plan.declaration
    rows = columns.tolist() if declared["design"] in ("d_optimal", "random") else columns.shape
    key = hash_json([rows, declared["design"], declared["seeds"]])
    if key not in _PROMISED:
        _PROMISED[key] = float(detectable_effects(_with(plan, [PLANNED]), {})["effect"].iloc[0])
    return _PROMISED[key]


def _promise_again(plan: Plan, effects: pd.DataFrame) -> float:
    """Returns the minimum detectable effect as the page of the natural study gives it, by the errors of its tests."""
    found = detectable_effects(_with(plan, [NATURAL]), {}, effects)
    return float(found["effect"].iloc[0])


def tell_results(plan: Plan, runs: Mapping[str, Floats]) -> Results:
    """Returns runs (V, S) of each metric as a case would report them."""
    row = {variant.id: place for place, variant in enumerate(plan.variants)}
    ids = [run.id for run in plan.runs]
    places = [row[run.variant] for run in plan.runs], [run.seed for run in plan.runs]
    told = {"variant": [run.variant for run in plan.runs], "seed": places[1], "status": OK}
    told |= dict.fromkeys(("reason", "link", "path"), "") | dict.fromkeys(("seconds", "joules"), 1.0)
    rows = pd.concat(
        pd.DataFrame({"run": ids, "train_fraction": 1.0, "unit": 0, "metric": name, "value": values[places]})
        for name, values in runs.items()
    )
    roles = pd.DataFrame({"role": [variant.role for variant in plan.variants]}, index=list(row))
    nothing = pd.DataFrame(columns=["run", "metric", "value"])
    return Results(roles, pd.DataFrame(told, index=pd.Index(ids, name="run")), rows, nothing)


def judge_tables(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Returns the adjusted effects, each with the `verdict` of its detail."""
    effects = judge_effects(plan, tables, partial(estimate_effects, plan))
    verdicts = judge_details(plan, tables, effects, pd.DataFrame(columns=list(INTERACTION_COLUMNS)))
    return effects.merge(verdicts[["detail", "metric", "verdict"]], on=["detail", "metric"], validate="many_to_one")


METHODS: Final = ("pure error", "detail x seed", "with a floor", "all lack of fit")
"""Error terms that were tried for contrasts, beside the one that is used; each wider than the one before."""


def compare_methods(judged: Judged) -> pd.DataFrame:
    """Returns the interval that each error term would give for the contrasts of the natural study.

    Returns:
        Columns of `Judged.effects`, with `method`; empty for one at a time.
    """
    effects = judged.effects[judged.effects["metric"] == NATURAL]
    if judged.plan.declaration["design"] == "one_at_a_time":
        return effects.iloc[:0].assign(method="")
    term = choose_error_term(code_details(judged.plan), judged.natural)
    unit = effects["se"].to_numpy() ** 2 / term.variance
    details, spare, lack = term.split.details, term.split.spare, term.lack.square
    terms = {
        "pure error": [(term.pure.variance, term.pure.df)] * len(unit),
        "detail x seed": [tuple(details)] * len(unit),
        "with a floor": [combine_errors(details, own, NOTHING, spare)[:2] for own in term.split.own],
        "all lack of fit": [combine_errors(details, own, lack, spare)[:2] for own in term.split.own],
    }
    found = []
    for method, pairs in terms.items():
        variance, df = np.array(pairs, dtype=np.float64).T
        half = stats.t.ppf(0.975, df) * np.sqrt(variance * unit)
        found.append(effects.assign(method=method, low=effects["estimate"] - half, high=effects["estimate"] + half))
    return pd.concat(found, ignore_index=True)
