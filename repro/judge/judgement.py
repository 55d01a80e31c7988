"""What is known of a table of runs once it is judged, and the noise that it is judged against."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from repro.audit.statistics.analysis import Analysis
from repro.audit.statistics.results import Results
from repro.audit.study.plan import Plan
from repro.judge.columns import Column
from repro.judge.declaration import Declaration
from repro.judge.settling import NextBatch
from repro.judge.slopes import SLOPE_COLUMNS


class Noise(NamedTuple):
    """How far runs of one variant differ.

    Attributes:
        sd: pooled within variants; of the last outcome's replicates.
        df: runs less variants.
        groups: variants.
    """

    sd: float
    df: int
    groups: int


NO_NOISE = Noise(np.nan, 0, 0)


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


def pool_noise(table: pd.DataFrame, outcome: str, groups: list[str]) -> Noise:
    """Pools the SD of runs that share a variant, task and unit, as they were found.

    Args:
        table: a row a run, with `failed`.
        outcome: column.
        groups: columns that name what is repeated.

    Example:
        `Noise(sd=0.00117, df=470, groups=49)`: 519 runs of 49 variants would have 470 degrees of freedom.
    """
    values = table[~table["failed"]].groupby(groups, dropna=False, observed=True)[outcome]
    spare = values.size() - 1
    df = int(spare.sum())
    square = float((values.var(ddof=1).fillna(0) * spare).sum())
    return Noise(float(np.sqrt(square / df)) if df else np.nan, df, values.ngroups)
