"""The whole analysis of a study at 1,000, 10,000 and 100,000 runs: `python -m benchmarks analysis`.

Studies of two metrics with 20 details, one row a run, complete and with a tenth of the runs missing at random. What is
timed is `analyse`, from the plan and the tables of results, in processor time of one thread, as the goal is that of one
core; memory is the peak of the whole process, imports, plan and results included.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.timing import Row, read_apart, read_peak_mib
from repro.audit.statistics.analysis import Analysis, analyse
from repro.audit.statistics.results import OK, Results
from repro.audit.study.declaration import Design
from repro.audit.study.designs import plackett_burman, read_signs
from repro.audit.study.plan import Plan, Role, Run, Variant

SIZES: Final = (1_000, 10_000, 100_000)
SECONDS: Final = (2, 10, 60)
"""The goal at each size."""
MEMORY_MIB: Final = 1024
MISSING: Final = 0.1
DETAILS: Final = 20
METRICS: Final = ("accuracy", "loss")
FEWEST_VARIANTS: Final = 64


class Shape(NamedTuple):
    """How a number of runs is spread.

    Attributes:
        design: of the study.
        variants: from the number of runs; the rest are seeds.
        words: as the table names it.
    """

    design: Design
    variants: Callable[[int], int]
    words: str


SHAPES: Final[Mapping[str, Shape]] = {
    "balanced": Shape("random", lambda runs: runs // 10, "10 seeds"),
    "wide": Shape("random", lambda runs: runs // 2, "2 seeds"),
    "deep": Shape("random", lambda runs: max(runs // 1000, FEWEST_VARIANTS), "few variants, many seeds"),
    "square": Shape("random", lambda runs: max(int(runs**0.5), FEWEST_VARIANTS), "as many variants as seeds"),
    "folded": Shape("plackett_burman", lambda _: 2 * 24, "Plackett-Burman, folded over"),
    "alone": Shape("one_at_a_time", lambda runs: max(runs // 1000, DETAILS + 1), "one at a time"),
}


def make_study(shape: Shape, runs: int, missing: float = 0.0, seed: int = 0) -> tuple[Plan, Results]:
    """Returns a study of about so many runs and its results.

    Outcomes are effects of a third of the details, one interaction, a shift of each seed, detail x seed and noise.

    Args:
        shape: design and number of variants.
        runs: about how many are planned.
        missing: share of the runs that have not been run, at random.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    variants = shape.variants(runs)
    seeds = min(max(runs // variants, 2), 1000)
    details = variants - 1 if shape.design == "one_at_a_time" else DETAILS
    levels: dict[str, list[Any]] = {f"group.detail{place}": ["usual", "other"] for place in range(details)}
    plan = _make_plan(shape.design, levels, _draw_rows(shape.design, levels, variants, generator), seeds)
    return plan, _draw_results(plan, missing, generator)


def _draw_rows(
    design: Design, levels: Mapping[str, list[Any]], variants: int, generator: np.random.Generator
) -> list[dict[str, Any]]:
    """Returns the settings of the arms."""
    match design:
        case "one_at_a_time":
            return [{key: "other"} for key in levels]
        case "plackett_burman":
            return [row for row in read_signs(levels, plackett_burman(len(levels))) if row]
        case _:
            drawn = np.unique(generator.integers(0, 2, (2 * variants, len(levels))), axis=0)
            drawn = generator.permutation(drawn[drawn.any(axis=1)])[: variants - 1]
            return [{key: "other" for key, taken in zip(levels, row, strict=True) if taken} for row in drawn]


def _make_plan(design: Design, levels: Mapping[str, list[Any]], rows: list[dict[str, Any]], seeds: int) -> Plan:
    declaration = {
        "title": "simulated",
        "reading": "none",
        "scale": "none",
        "details": {key: options[1:] for key, options in levels.items()},
        "design": design,
        "variants": len(rows) if design == "random" else None,
        "seeds": seeds,
        "metrics": {name: {"direction": "higher", "margin": 0.5, "why": "simulated"} for name in METRICS},
    }
    return plan_rows(declaration, levels, rows)


def plan_rows(declaration: dict[str, Any], levels: Mapping[str, list[Any]], rows: Sequence[dict[str, Any]]) -> Plan:
    """Returns the plan of a simulated study: the baseline and an arm for each row of settings, all at every seed."""
    wanted: list[tuple[Role, dict[str, Any]]] = [("baseline", {}), *(("arm", row) for row in rows)]
    variants = [Variant(id=f"v{place:05}", role=role, settings=row) for place, (role, row) in enumerate(wanted)]
    runs = [
        Run(id=f"{variant.id}-s{place}", variant=variant.id, seed=place)
        for place in range(declaration["seeds"])
        for variant in variants
    ]
    named: dict[str, Any] = {"study": "simulated", "fingerprint": "", "frozen": "", "left_out": [], "deviations": []}
    return Plan(**named, declaration=declaration, levels=dict(levels), variants=variants, runs=runs)


def _draw_results(plan: Plan, missing: float, generator: np.random.Generator) -> Results:
    row = {variant.id: place for place, variant in enumerate(plan.variants)}
    taken = np.array([[key in variant.settings for key in plan.levels] for variant in plan.variants], dtype=np.float64)
    seeds = plan.declaration["seeds"]
    effects = np.where(np.arange(taken.shape[1]) % 3 == 0, 1.0, 0.0)[:, None]
    done = [run for run in plan.runs if generator.random() >= missing]
    places = np.array([row[run.variant] for run in done]), np.array([run.seed for run in done])
    parts = []
    for metric in METRICS:
        changes = effects + 0.5 * generator.standard_normal((taken.shape[1], seeds))
        values = taken @ changes + 2 * (taken[:, :1] * taken[:, 1:2]) + generator.standard_normal((1, seeds))
        values += generator.standard_normal(values.shape)
        parts.append(pd.DataFrame({"run": [run.id for run in done], "metric": metric, "value": values[places]}))
    rows = pd.concat(parts, ignore_index=True).assign(train_fraction=1.0, unit=0)
    table = pd.DataFrame(
        {
            "variant": [run.variant for run in done],
            "seed": places[1],
            "status": OK,
            **dict.fromkeys(("reason", "link", "path"), ""),
            **dict.fromkeys(("seconds", "joules"), 1.0),
        },
        index=pd.Index([run.id for run in done], name="run"),
    )
    variants = pd.DataFrame({"role": [v.role for v in plan.variants]}, index=[v.id for v in plan.variants])
    for key in plan.levels:
        variants[key] = [variant.settings.get(key, "usual") for variant in plan.variants]
    return Results(variants, table, rows, pd.DataFrame(columns=["run", "metric", "value"]))


def time_analysis(shape: str, runs: int, missing: float = 0.0) -> tuple[float, Analysis]:
    """Returns the seconds of processor time that the analysis of a study takes, and what it says."""
    plan, results = make_study(SHAPES[shape], runs, missing)
    with threadpool_limits(1):
        started = time.process_time()
        analysis = analyse(plan, results)
        return time.process_time() - started, analysis


def rows() -> Iterator[Row]:
    """Yields a row for each shape and size, complete and with runs missing."""
    for name, shape in SHAPES.items():
        for runs, goal in zip(SIZES, SECONDS, strict=True):
            for missing in (0.0, MISSING):
                found = read_apart("benchmarks.analysis", name, str(runs), str(missing))
                yield Row(
                    f"analysis, {found['runs']:,.0f} runs, {shape.words}, {missing:.0%} missing",
                    f"{found['seconds']:.1f} s, {found['peak_mib']:.0f} MiB",
                    "",
                    None,
                    None,
                    f"{goal} s, {MEMORY_MIB} MiB wanted",
                )


def main(shape: str, runs: int, missing: float) -> None:
    """Measures one study and prints the figures as JSON, for the processes of `rows`."""
    imported = read_peak_mib()
    seconds, analysis = time_analysis(shape, runs, missing)
    planned = float(analysis.cost["runs"].iloc[0]) + len(analysis.failures)
    print(json.dumps({"seconds": seconds, "peak_mib": read_peak_mib(), "imports_mib": imported, "runs": planned}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
