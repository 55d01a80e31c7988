"""How far runs of the same options differ: the noise that a table is judged against."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy


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


def pool_noise(table: pd.DataFrame, outcome: str, groups: list[str]) -> Noise:
    """Pools the SD of runs that share a variant, task and unit, as they were found.

    Args:
        table: a row a run, with `failed`.
        outcome: column.
        groups: columns that name what is repeated.

    Example:
        `Noise(sd=0.00117, df=470, groups=49)`: 519 runs of 49 variants would have 470 degrees of freedom.
    """
    return pool_within(table[~table["failed"]].groupby(groups, dropna=False, observed=True)[outcome])


def pool_within(values: "SeriesGroupBy[Any, Any]") -> Noise:
    """Pools the SD within groups of values: s^2 = sum of (n - 1) s_g^2 / sum of (n - 1)."""
    spare = values.size() - 1
    df = int(spare.sum())
    square = float((values.var(ddof=1).fillna(0) * spare).sum())
    return Noise(float(np.sqrt(square / df)) if df else np.nan, df, values.ngroups)
