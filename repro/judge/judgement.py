"""What is known of a table of runs once it is judged."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from repro.audit.statistics.analysis import Analysis
from repro.audit.statistics.results import Results
from repro.audit.study.plan import Plan
from repro.judge.columns import Column
from repro.judge.declaration import Declaration
from repro.judge.noise import NO_NOISE, Noise
from repro.judge.settling import NextBatch
from repro.judge.slopes import SLOPE_COLUMNS


class Judgement(NamedTuple):
    """What a table says.

    Attributes:
        declared: how it was read, everything inferred said.
        columns: with their roles.
        said: sentences on what was found and done.
        refused: why there is no verdict; empty if there is one.
        plan: of the variants; None where there is no verdict.
        results: likewise.
        analysis: likewise.
        slopes: of numeric details.
        noise: of the main outcome.
        next_runs: what would settle open verdicts.
        word: what is repeated: seed, run or task.
        options: of each variant of the plan, by its id, the option of each column; where none was run twice, of the
            two whose repeats would tell the noise.
        seeds: values of the column of seeds, in the order of the plan's numbers where they pair.
        batch: of runs to make next, where it was asked for.
    """

    declared: Declaration
    columns: list[Column]
    said: list[str]
    refused: str = ""
    plan: Plan | None = None
    results: Results | None = None
    analysis: Analysis | None = None
    slopes: pd.DataFrame = pd.DataFrame(columns=list(SLOPE_COLUMNS))
    noise: Noise = NO_NOISE
    next_runs: tuple[str, ...] = ()
    word: str = "seed"
    options: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    seeds: tuple[str, ...] = ()
    batch: NextBatch | None = None
