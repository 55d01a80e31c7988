"""How often the verdicts of a design were right where the truth is known: figures measured beforehand, as a table.

Studies were planned and judged by this package on surfaces of which every combination has been run several times;
`calibration.json` beside this file holds what came of it, with the command that measured it and the date. Nothing is
simulated here: a page looks up the figures of the study's own design, at the size nearest to its own.
"""

from collections.abc import Sequence
from functools import cache
from math import log
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

FILE: Final = Path(__file__).with_name("calibration.json")
COVERED, WRONG, ERRORS = 0.95, 0.05, 2.0
"""What is meant to cover, and to be wrong at most; by how many Monte Carlo errors a figure may miss it by chance."""


class Rate(NamedTuple):
    """A share with its Monte Carlo error over subgrids: studies of one subgrid share its surface."""

    value: float
    error: float


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Kept):
    """What one design at one size did on one family of surfaces.

    Attributes:
        surface: family of data sets.
        design: as a study declares it.
        details: varied.
        variants: planned, the largest number over subgrids.
        seeds: per variant.
        correction: of p-values; false `matters` are any in a study with Holm, their share among all with
            Benjamini-Hochberg.
        subgrids: drawn, each with one study of every scenario.
        coverage: share of 95 % intervals that hold the effect which the design estimates.
        one_nil, half_nil, all_nil: false `matters` where the true effects of so many details were subtracted from the
            surface.
        equivalent: studies with any false `equivalent` where all true effects were put on the margin.
        equivalent_each: the same by detail.
        natural: details found to matter at the effects that the surface has.
        power: the same at effects of 1, 2 and 4 standard deviations of a run.
        planned: studies that find the minimum detectable effect which the plan promises at 80 %.
        measured: the same of that which the page promises after the runs; None where both are one.
        width: median width of the intervals, in that of intervals if all cells of the subgrid were run on these seeds
            and their noise were known.
        oracle: the same, in that of intervals from the very runs if the mean square of noise and of the interactions
            that the design mixes in were known.
    """

    surface: str
    design: str
    details: int
    variants: int
    seeds: int
    correction: str
    subgrids: int
    coverage: Rate
    one_nil: Rate
    half_nil: Rate
    all_nil: Rate
    equivalent: Rate
    equivalent_each: Rate
    natural: Rate
    power: tuple[Rate, Rate, Rate]
    planned: Rate
    measured: Rate | None
    width: float
    oracle: float

    def misses(self) -> list[str]:
        """Returns which goals the row misses by more than chance."""
        missed = ["coverage"] if self.coverage.value < COVERED - ERRORS * self.coverage.error else []
        rates = {"one_nil": self.one_nil, "half_nil": self.half_nil, "all_nil": self.all_nil}
        rates["equivalent"] = self.equivalent
        return missed + [name for name, rate in rates.items() if rate.value > WRONG + ERRORS * rate.error]


class Method(_Kept):
    """An error term that was tried for the contrasts of a design.

    Attributes:
        surface, design, details, seeds: as in `Row`.
        method: the error term.
        coverage: of its 95 % intervals.
        width, oracle: as in `Row`.
    """

    surface: str
    design: str
    details: int
    seeds: int
    method: str
    coverage: Rate
    width: float
    oracle: float


class Calibration(_Kept):
    """All that was measured.

    Attributes:
        date: ISO.
        command: that measured it.
        data: where the surfaces are from.
        surfaces: title of each family of them.
        spreads: of an effect over seeds, in standard deviations of a run; subgrids take them in turn.
        seed_shift: standard deviation of what a seed adds to all variants, likewise.
        rows: by surface, design and size.
        methods: error terms that were tried.
    """

    date: str
    command: str
    data: str
    surfaces: dict[str, str]
    spreads: tuple[float, ...]
    seed_shift: float
    rows: list[Row]
    methods: list[Method]


@cache
def load_calibration(file: Path = FILE) -> Calibration:
    """Reads the figures that come with the package."""
    return Calibration.model_validate_json(file.read_text(encoding="utf-8"))


def find_nearest(rows: Sequence[Row], design: str, details: int, seeds: int) -> list[Row]:
    """Returns for each surface the row of a design whose size is nearest: least |log| of both ratios together.

    Empty where the design was not tried, or where a study has no replicates or no details.
    """
    if details < 1 or seeds < 2:
        return []
    found: dict[str, Row] = {}
    for row in rows:
        if row.design != design:
            continue
        best = found.get(row.surface)
        if best is None or _apart(row, details, seeds) < _apart(best, details, seeds):
            found[row.surface] = row
    return list(found.values())


def _apart(row: Row, details: int, seeds: int) -> float:
    return abs(log(row.details / details)) + abs(log(row.seeds / seeds))
