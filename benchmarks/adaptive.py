"""Adaptive studies beside fixed ones, whole: `python -m benchmarks adaptive [--studies 200] [--surfaces 10]`.

An adaptive study is run as `repro sweep --until decided --runs BUDGET` runs it: the same fractions, tests, corrections
and choice of what is next, on outcomes drawn from a model or from tables of trained networks. Fixed studies of the same
kind are judged once, with as many seeds as stands in their row. For each kind of study: verdicts, runs, verdicts for a
hundred runs, and errors: the share of studies with any false `matters` (of a detail that does nothing) and any false
`equivalent` (of one at the margin or beyond), and the mean shares of such verdicts among all of their kind, which is
what Benjamini-Hochberg bounds.

**The model.** K details of two options: a third do nothing, a third lie exactly on the margin, a third are normal
with an SD of 1.5 margins. Runs have the noise .66 and the margin .3 of `ablations/screening.yaml`; what a detail does
varies from seed to seed by .15; pairs interact, each normal with an SD of .06, or .15. One at a time, with which that
noise leaves nothing to see, it is .25, and nothing interacts.

**The screening.** Its 15 details with the effects that its page gives, shrunken, at its two components of noise.

**Surfaces.** Subgrids of HPOLib: 7 details of two options, every combination of which was trained four times; a run
is a repeat drawn with replacement. The margin is half the median of the absolute effects. No effect is exactly nil: one
detail of each is made to do nothing and one to lie on the margin, by a constant added to all cells of an option.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.analysis import plan_rows
from benchmarks.surfaces import Subgrid, draw_subgrid, load_surface
from repro.audit.statistics.adaptive import choose_details
from repro.audit.statistics.analysis import estimate_effects
from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.fractions import FEWEST, Fractions, fraction_effects
from repro.audit.statistics.linear_model import Floats, code_details, fit_effects
from repro.audit.statistics.looks import ask_equivalence, hold_at_any_look, judge_effects
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.constrained_designs import two_level_design
from repro.audit.study.declaration import Study
from repro.audit.study.plan import Plan

METRIC: Final = "outcome"
NOISE, ALONE_NOISE, BY_SEED, MARGIN = 0.66, 0.25, 0.15, 0.3
SCREENING: Final = (
    *(-0.13, -0.06, -0.03, 0.04, -0.41, 0.31, 0.36, -2.24, -0.24, -0.10, -0.09, -0.03, -0.11, 0.13, -0.23),
)
"""dB of PSNR over the hole, shrunken, as on the page of `ablations/screening.yaml`."""
SCREENING_NOISE: Final = {"runs .54, effects .29 (as measured)": (0.54, 0.29), "runs .45": (0.45, 0.15)}

Draw = Callable[[Floats, int, np.random.Generator], Floats]
"""Outcomes of rows of signs (R, K) at so many seeds: (R, S)."""


class World(NamedTuple):
    """What is true, and how outcomes are drawn.

    Attributes:
        effects: (K,) true effect of each detail, as the design averages it.
        margin: of equivalence.
        draw: of outcomes, for rows of signs, each at all seeds.
    """

    effects: Floats
    margin: float
    draw: Draw


class Ended(NamedTuple):
    """What a study has come to: (K,) flags of its verdicts, and the runs that it took."""

    matters: np.ndarray[Any, np.dtype[np.bool_]]
    equivalent: np.ndarray[Any, np.dtype[np.bool_]]
    runs: int
    settled_by: tuple[tuple[int, int], ...] = ()


def make_linear(generator: np.random.Generator, count: int, pairs: float, noise: float = NOISE) -> World:
    """Draws a study of the linear model with pair interactions."""
    third = count // 3
    drawn = generator.normal(0, 1.5 * MARGIN, count - 2 * third)
    effects = generator.permutation(
        np.concatenate([np.zeros(third), MARGIN * generator.choice([-1.0, 1.0], third), drawn])
    )
    return World(effects, MARGIN, draw_linear(effects, pairs, noise, BY_SEED, generator))


def draw_linear(effects: Floats, pairs: float, noise: float, by_seed: float, generator: np.random.Generator) -> Draw:
    """Returns how outcomes of a linear model with pairs are drawn; what a detail does at a seed holds for all rows."""
    first, second = np.triu_indices(len(effects), 1)
    strengths = generator.normal(0, pairs, len(first))

    def draw(signs: Floats, seeds: int, generator: np.random.Generator) -> Floats:
        mean = signs @ effects / 2 + (signs[:, first] * signs[:, second]) @ strengths / 2
        changes = signs @ generator.normal(0, by_seed, (len(effects), seeds)) / 2
        return np.asarray(mean[:, None] + changes + noise * generator.standard_normal((len(signs), seeds)))

    return draw


def make_screening(generator: np.random.Generator, noise: float, by_seed: float) -> World:
    """Returns the screening study as its page knows it, pairs drawn anew."""
    effects = np.array(SCREENING)
    return World(effects, MARGIN, draw_linear(effects, 0.06, noise, by_seed, generator))


def make_surface(generator: np.random.Generator, name: str, count: int) -> World:
    """Draws a subgrid of a surface, one detail moved to nil and one to the margin."""
    grid = draw_subgrid(load_surface(name), generator, [2] * count)
    means = grid.means
    effects = np.array([np.diff(np.moveaxis(means, axis, 0).reshape(2, -1).mean(axis=1))[0] for axis in range(count)])
    margin = float(np.median(np.abs(effects))) / 2
    nil, edge = generator.permutation(count)[:2]
    wanted = effects.copy()
    wanted[nil], wanted[edge] = 0.0, margin * generator.choice([-1.0, 1.0])
    return World(wanted, margin, _draw_repeats(grid, wanted - effects))


def _draw_repeats(grid: Subgrid, moved: Floats) -> Draw:
    def draw(signs: Floats, seeds: int, generator: np.random.Generator) -> Floats:
        cells = grid.repeats[tuple((signs > 0).astype(int).T)]
        counts = np.isfinite(cells).sum(axis=1)
        place = (generator.random((len(cells), seeds)) * counts[:, None]).astype(int)
        return np.asarray(np.take_along_axis(cells, place, axis=1) + ((signs > 0) @ moved)[:, None])

    return draw


@cache
def declare(count: int, design: str, correction: str | None, most: int | None, margin: float, seeds: int) -> Plan:
    """Returns a plan of two-level details, as made by hand: its variants are the rows of the design."""
    levels: dict[str, list[Any]] = {f"d{place:02}": [False, True] for place in range(count)}
    declared: dict[str, Any] = {
        "title": "simulated",
        "reading": "-",
        "scale": "-",
        "details": {key: [True] for key in levels},
        "design": design,
        "correction": correction,
        "seeds": seeds,
        "metrics": {METRIC: {"direction": "higher", "margin": margin, "why": "-"}},
    }
    declared |= {"randomisation": 1} if design == "plackett_burman" else {}
    declared |= {"sequential": {"most_seeds": most}} if most else {}
    study = Study.model_validate(declared)
    signs = two_level_design(study, levels).signs if design == "plackett_burman" else 2 * np.eye(count) - 1
    settings = [{key: True for key, sign in zip(levels, row, strict=True) if sign > 0} for row in signs]
    return plan_rows(study.model_dump(mode="json"), levels, [row for row in settings if row])


def run_fixed(world: World, plan: Plan, generator: np.random.Generator) -> Ended:
    """Runs all of a plan once and judges it, once."""
    coding, seeds = code_details(plan), plan.declaration["seeds"]
    values = np.full((len(plan.variants), seeds), np.nan)
    wanted = coding.points if plan.declaration["design"] != "one_at_a_time" else coding.design
    values[wanted] = world.draw(2 * coding.matrix[wanted] - 1, seeds, generator)
    found = judge_effects(plan, [_table(plan, values)], lambda tables: estimate_effects(plan, tables))
    rows = {key: options for (key, _, _), options in effects_by_detail(found).items()}
    return _read(rows, plan, int(wanted.sum()) * seeds)


def _table(plan: Plan, values: Floats) -> Outcomes:
    names = [variant.id for variant in plan.variants]
    runs = np.array([[f"{name}-s{seed}" for seed in range(values.shape[1])] for name in names], dtype=object)
    failed = np.zeros(values.shape, dtype=bool)
    return Outcomes(METRIC, 1.0, names, np.arange(values.shape[1]), values, failed, runs)


def _read(rows: Mapping[str, Sequence[Effect]], plan: Plan, runs: int, path: tuple[tuple[int, int], ...] = ()) -> Ended:
    inside = np.array([rows[key][0].equivalent_at for key in plan.levels])
    differs = np.array([rows[key][0].matters_at for key in plan.levels])
    equivalent = np.nan_to_num(inside, nan=np.inf) <= np.nan_to_num(differs, nan=np.inf)
    equivalent &= np.isfinite(inside)
    return Ended(np.isfinite(differs) & ~equivalent, equivalent, runs, path)


class Path(NamedTuple):
    """What every detail would show with 2, 3, ... replicates, (N - 1, K) each: p-values are the smallest so far."""

    estimate: Floats
    se: Floats
    p: Floats
    p_equivalent: Floats


def run_adaptive(world: World, plan: Plan, budget: int, generator: np.random.Generator) -> Ended:
    """Runs a study until it is decided: what `runs.adaptive` does, with outcomes drawn rather than made.

    All outcomes that there could be are drawn beforehand, and each detail sees as many of its own as it was given.
    """
    fractions = plan.draws_fractions
    path, shared = _draw_fractions(world, plan, generator) if fractions else _draw_pairs(world, plan, generator)
    count, each = len(plan.levels), 2 if fractions else 1
    given, place = np.full(count, FEWEST), np.arange(count)
    spent = FEWEST * (shared if fractions else 1 + count)
    settled: list[tuple[int, int]] = []
    first = np.full((2, count), np.nan)
    while True:
        seen = Path(*(numbers[given - FEWEST, place] for numbers in path))
        passed = [adjust_p(p, correction_of(plan.declared)) < LEVEL for p in (seen.p, seen.p_equivalent)]
        first = np.where(np.isnan(first) & passed, given.max() * each, first)
        rows = _tell(plan, seen, given * each, first)
        settled.append((spent, int(np.isfinite(first).any(axis=0).sum())))
        decision = choose_details(plan, rows, budget - spent, shared)
        if not decision.details:
            return _read(rows, plan, spent, tuple(settled))
        chosen = np.isin(list(plan.levels), decision.details)
        if fractions:
            given = given + decision.steps
            spent += decision.steps * shared
        else:
            before = given.max()
            given = given + decision.steps * chosen
            spent += decision.steps * int(chosen.sum()) + int(given.max() - before)


def _tell(plan: Plan, seen: Path, seeds: np.ndarray[Any, np.dtype[np.int64]], first: Floats) -> dict[str, list[Effect]]:
    """Returns the effects as the choice of what is next reads them."""
    blank: dict[str, Any] = dict.fromkeys(Effect._fields, np.nan)
    return {
        key: [
            Effect(
                **blank
                | {"detail": key, "seeds": int(seeds[place]), "fixed": 0.0}
                | {"estimate": seen.estimate[place], "se": seen.se[place]}
                | {"matters_at": first[0, place], "equivalent_at": first[1, place]}
            )
        ]
        for place, key in enumerate(plan.levels)
    }


def _hold(plan: Plan, looks: Sequence[pd.DataFrame]) -> Path:
    """Makes the p-values of all looks hold at any."""
    assert plan.declared.sequential is not None
    most, count = plan.declared.sequential.most_seeds, len(plan.levels)
    held = hold_at_any_look(ask_equivalence(plan, pd.concat(looks, ignore_index=True)), most)
    estimate, se, p, p_equivalent = (
        held[name].to_numpy(dtype=np.float64).reshape(-1, count) for name in ("estimate", "se", "p", "p_equivalent")
    )
    return Path(estimate, se, np.fmin.accumulate(p), np.fmin.accumulate(p_equivalent))


def _draw_fractions(world: World, plan: Plan, generator: np.random.Generator) -> tuple[Path, int]:
    most = (plan.declared.sequential.most_seeds if plan.declared.sequential else 0) // 2
    estimates = []
    for _ in range(most):
        drawn = plan.declared.model_copy(update={"randomisation": int(generator.integers(2**31))})
        signs = two_level_design(drawn, plan.levels).signs
        half = len(signs) // 2
        values = np.full((len(signs), 2), np.nan)
        values[:half, :1] = world.draw(signs[:half], 1, generator)
        values[half:, 1:] = world.draw(signs[half:], 1, generator)
        estimates.append(fit_effects((signs + 1) / 2, values).estimates)
    table = Fractions(METRIC, 1.0, np.array(estimates).T, [()] * most, [0] * most)
    return _hold(plan, [fraction_effects(plan, [table], number) for number in range(FEWEST, most + 1)]), len(signs)


def _draw_pairs(world: World, plan: Plan, generator: np.random.Generator) -> tuple[Path, int]:
    assert plan.declared.sequential is not None
    most = plan.declared.sequential.most_seeds
    values = world.draw(2 * code_details(plan).matrix - 1, most, generator)
    looks = [
        estimate_effects(plan, [_table(plan, np.where(np.arange(most) < number, values, np.nan))])
        for number in range(FEWEST, most + 1)
    ]
    return _hold(plan, looks), 1


class Rates(NamedTuple):
    """Of one kind of study: means over studies, and shares of studies with an error."""

    verdicts: float
    runs: float
    any_matters: float
    any_equivalent: float
    share_matters: float
    share_equivalent: float


def rate(worlds: Sequence[World], ended: Sequence[Ended]) -> Rates:
    """Sets verdicts beside the truth."""
    false_m = np.array([(end.matters & (world.effects == 0)).sum() for world, end in zip(worlds, ended, strict=True)])
    false_e = np.array(
        [
            (end.equivalent & (np.abs(world.effects) >= world.margin * (1 - 1e-9))).sum()
            for world, end in zip(worlds, ended, strict=True)
        ]
    )
    matters, equivalent = (np.array([getattr(end, name).sum() for end in ended]) for name in ("matters", "equivalent"))
    return Rates(
        float((matters + equivalent).mean()),
        float(np.mean([end.runs for end in ended])),
        float((false_m > 0).mean()),
        float((false_e > 0).mean()),
        float((false_m / np.maximum(matters, 1)).mean()),
        float((false_e / np.maximum(equivalent, 1)).mean()),
    )


HEAD: Final = (
    "| study | runs | verdicts | a hundred runs | any false matters | any false equivalent | share of matters | "
    "share of equivalent |\n|---|---|---|---|---|---|---|---|"
)


def show(name: str, rates: Rates) -> str:
    """Returns a line of the table."""
    per = 100 * rates.verdicts / rates.runs
    errors = " | ".join(f"{value:.3f}" for value in rates[2:])
    return f"| {name} | {rates.runs:.0f} | {rates.verdicts:.2f} | {per:.2f} | {errors} |"


class Kind(NamedTuple):
    """Studies that are compared.

    Attributes:
        name: as a reader is told it.
        make: of a world.
        count: details.
        design: of both.
        correction: of both.
        most: seeds of the adaptive one.
        budget: in runs, of the adaptive one.
        fixed: seeds of fixed ones.
    """

    name: str
    make: Callable[[np.random.Generator], World]
    count: int
    design: str
    correction: str
    most: int
    budget: int
    fixed: tuple[int, ...]


def kinds(surfaces: Sequence[str]) -> list[Kind]:
    """Lists what is compared."""
    screening = "Benjamini-Hochberg"
    found = [
        Kind(f"model, 15 details, {name}, {correction}", make, 15, "plackett_burman", correction, 60, 960, (2, 10, 30))
        for name, pairs in (("pairs .06", 0.06), ("pairs .15", 0.15))
        for correction in ("Holm", screening)
        for make in [lambda generator, pairs=pairs: make_linear(generator, 15, pairs)]
    ]
    one = Kind(
        "model, 9 details one at a time, Holm",
        lambda generator: make_linear(generator, 9, 0.0, ALONE_NOISE),
        *(9, "one_at_a_time", "Holm", 30, 300, (10, 20, 30)),
    )
    found.append(one)
    found += [
        Kind(
            f"screening, {name}",
            lambda generator, sds=sds: make_screening(generator, *sds),
            *(15, "plackett_burman", screening, 60, 960, (2, 30)),
        )
        for name, sds in SCREENING_NOISE.items()
    ]
    found += [
        Kind(
            f"{surface}, 7 details, Holm",
            lambda generator, surface=surface: make_surface(generator, surface, 7),
            *(7, "plackett_burman", "Holm", 60, 480, (2, 10, 30)),
        )
        for surface in surfaces
    ]
    return found


def compare(kind: Kind, studies: int, seed: int) -> Mapping[str, tuple[list[World], list[Ended]]]:
    """Runs studies of one kind, fixed ones and the adaptive one on the same worlds."""
    found: dict[str, tuple[list[World], list[Ended]]] = {}
    for number in range(studies):
        generator = np.random.default_rng([seed, number])
        world = kind.make(generator)
        for seeds in kind.fixed:
            plan = declare(kind.count, kind.design, kind.correction, None, world.margin, seeds)
            _keep(found, f"fixed, {seeds} seeds", world, run_fixed(world, plan, generator))
        plan = declare(kind.count, kind.design, kind.correction, kind.most, world.margin, 1)
        _keep(found, "until decided", world, run_adaptive(world, plan, kind.budget, generator))
    return found


def _keep(found: dict[str, tuple[list[World], list[Ended]]], name: str, world: World, end: Ended) -> None:
    worlds, ended = found.setdefault(name, ([], []))
    worlds.append(world)
    ended.append(end)


def tell_path(ended: Sequence[Ended], runs: Sequence[int]) -> str:
    """Says how many details were settled after so many runs, on average over studies."""
    told = []
    for bound in runs:
        settled = [max((count for spent, count in end.settled_by if spent <= bound), default=0) for end in ended]
        told.append(f"{np.mean(settled):.1f} by {bound}")
    return ", ".join(told)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks adaptive", description="Adaptive beside fixed studies.")
    parser.add_argument("--studies", type=int, default=200, help="of each kind")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    chosen = parser.parse_args(arguments)
    names = [f"hpolib/{name}" for name in ("naval_propulsion", "protein_structure", "parkinsons_telemonitoring")]
    print(HEAD, flush=True)
    for place, kind in enumerate(kinds(names)):
        if chosen.only in kind.name:
            found = compare(kind, chosen.studies, place)
            for how, (worlds, ended) in found.items():
                print(show(f"{kind.name}: {how}", rate(worlds, ended)), flush=True)
            path = tell_path(found["until decided"][1], [kind.budget * part // 6 for part in range(1, 7)])
            print(f"<!-- {kind.name}: settled {path} -->", flush=True)
    return 0


if __name__ == "__main__":
    main()
