"""The mean squares of a design: detail x seed, what seeds do beyond it, and lack of fit.

In a factorial design all variants share their seeds: seeds are blocks in which the whole design is repeated. The
variation of the runs within seeds then has three parts, each with an expectation of its own. With s2 the noise of a
run, g2 what the effects of the details vary from seed to seed, h2 what the interactions do so, f2 what the
interactions are on average over the seeds, all in the variance of a run:

    detail x seed      s2 + g2           K(S - 1)
    spare x seed       s2 + h2           (V - 1 - K)(S - 1)
    lack of fit        s2 + h2 + S f2    V - 1 - K

in a complete table of V design points on S seeds with K columns. The first two together are the pure error.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from repro.audit.statistics.incomplete_tables import find_imbalance, fit_by_seed, square_changes
from repro.audit.statistics.linear_model import ROUNDING, Counts, Floats, centre_runs, fit_effects, invert_gram


class MeanSquare(NamedTuple):
    """An estimated variance with its degrees of freedom; NaN and 0 where there are none."""

    value: float
    df: float


class PureError(NamedTuple):
    """What runs of one variant differ by, less the shift that a seed gives to all variants.

    Attributes:
        variance: of one run; NaN without degrees of freedom.
        df: its degrees of freedom.
        total: sum of squares, variance * df.
    """

    variance: float
    df: int
    total: float


class SeedSplit(NamedTuple):
    """The pure error of the points of a design, split in two.

    Attributes:
        details: mean square of detail x seed, pooled over the columns.
        spare: mean square of what is left of the pure error.
        own: (K,) mean square of each column x seed; NaN where fewer than two seeds can tell the column from others.
        own_df: (K,) of each of them: in a complete table the seeds less one.
        imbalance: (K,) by which the first is multiplied in the error of each column: 1 in a complete table.
    """

    details: MeanSquare
    spare: MeanSquare
    own: Floats
    own_df: Counts
    imbalance: Floats


class LackOfFit(NamedTuple):
    """What the columns leave of the means of the design points, held against what seeds do to the same contrasts.

    Attributes:
        square: its mean square; NaN and 0 in a saturated design.
        f: the ratio to spare x seed, 1 where interactions are nil.
        p: of the F test; NaN where one of the two has no degrees of freedom.
    """

    square: MeanSquare
    f: float
    p: float


NOTHING = MeanSquare(np.nan, 0)


def satterthwaite_df(parts: Sequence[MeanSquare]) -> float:
    """Returns the degrees of freedom of a sum of independent mean squares m_i on d_i: (sum m_i)^2 / sum(m_i^2 / d_i).

    A mean square that is taken away has a negative value.

    Source: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2
    (1946), 110-114.

    Example:
        >>> satterthwaite_df([MeanSquare(2.0, 4), MeanSquare(2.0, 4)])
        8.0
    """
    return sum(part.value for part in parts) ** 2 / sum(part.value**2 / part.df for part in parts)


def find_pure_error(values: Floats) -> PureError:
    """Estimates the noise of values (V, S), NaN where there is none, after a mean for each variant and each seed.

    In a complete table, with y_vs the value of variant v at seed s:
        total = sum over v, s of (y_vs - mean_v - mean_s + mean)^2,   df = (V - 1)(S - 1),   variance = total / df.
    Where values are missing it is the residual of the same model, variant + seed, by least squares.

    Source: Draper & Smith, Applied Regression Analysis (1998), on lack of fit and pure error; Box, Hunter & Hunter,
    Statistics for Experimenters (2005), chapter 4, on blocks.

    Example:
        >>> error = find_pure_error(np.array([[1.0, 2.0], [4.0, 6.0]]))  # the difference of differences is 1
        >>> error.df, round(error.variance, 9)
        (1, 0.25)
    """
    if values.size and np.isfinite(values).all():
        apart = centre_runs(values - values.mean(axis=1, keepdims=True))
        total, df = float((apart**2).sum()), (values.shape[0] - 1) * (values.shape[1] - 1)
    else:
        fit = fit_by_seed(np.empty((len(values), 0)), values)
        total, df = fit.residual, fit.df
    total = _without_rounding(total, values)
    return PureError(total / df if df else np.nan, df, total)


def split_pure_error(columns: Floats, values: Floats) -> SeedSplit:
    """Splits the pure error of values (V, S), NaN where there is none, into detail x seed and the rest.

    In a complete table, with b_s the (K,) estimates from the runs of seed s alone, b their mean and U the covariance of
    b_s when the noise has variance 1:
        detail x seed = sum over s of (b_s - b)' U^-1 (b_s - b) / (K(S - 1)),
        column k x seed = sum over s of (b_ks - b_k)^2 / (U_kk (S - 1)).
    Where runs are missing, the sum of squares is what a coefficient for each column at each seed takes off the
    residual of the model variant + seed. Means of the variants stay in the model, so that no lack of fit leaks into
    the differences between seeds that miss different runs; seeds weigh as much as their runs can tell.

    Args:
        columns: (V, K) of the linear model.
        values: of the points of the design.

    Source: Montgomery, Design and Analysis of Experiments (2017), chapters 5 and 14, on factorials in random blocks:
    the error of an effect is its interaction with the block; Searle, Linear Models (1971), on extra sums of squares.

    Example:
        >>> columns = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
        >>> values = np.array([[0.0, 0], [1, 3], [0, 0], [1, 3]])  # the first detail does 1, then 3
        >>> split = split_pure_error(columns, values)
        >>> [round(float(x), 9) for x in split.own], [round(x, 9) for x in split.details], split.spare.df
        ([2.0, 0.0], [1.0, 2], 1)
    """
    seen = values[np.ix_(np.isfinite(values).any(axis=1), np.isfinite(values).any(axis=0))]
    shown = columns[np.isfinite(values).any(axis=1)]
    pure, split = find_pure_error(seen), split_complete if seen.size and np.isfinite(seen).all() else split_incomplete
    left, spare_df, own, own_df = split(shown, seen)
    left = _without_rounding(left, seen)
    total = _without_rounding(max(pure.total - left, 0.0), seen)
    own = np.where(own * np.maximum(own_df, 1) < _smallest(seen), 0.0 * own, own)
    details, imbalance = _mean_square(total, pure.df - spare_df), np.ones(columns.shape[1])
    if details.df and np.isnan(seen).any():
        imbalance = find_imbalance(shown, seen, pure.df - spare_df)
    return SeedSplit(details, _mean_square(left, spare_df), own, own_df, imbalance)


def split_complete(columns: Floats, values: Floats) -> tuple[float, int, Floats, Counts]:
    """Returns what detail x seed leaves of the pure error of a complete table, its df, own squares and their df."""
    seeds, centred = values.shape[1], columns - columns.mean(axis=0)
    doubly = centre_runs(values - values.mean(axis=1, keepdims=True))
    inverse, estimable, rank = invert_gram(centred.T @ centred, (columns**2).sum(axis=0))
    apart = inverse @ (centred.T @ doubly)
    rest = float(((doubly - centred @ apart) ** 2).sum())
    own_df = np.where(estimable, seeds - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(own_df > 0, (apart**2).sum(axis=1) / np.diag(inverse) / own_df, np.nan)
    return rest, (len(values) - 1 - rank) * (seeds - 1), own, own_df


def split_incomplete(columns: Floats, values: Floats) -> tuple[float, int, Floats, Counts]:
    """Returns the same of a table with runs missing: the model variant + seed + column x seed by least squares."""
    fit = fit_by_seed(columns, values)
    squares = [square_changes(fit, column) for column in range(columns.shape[1])]
    own, own_df = np.array(squares, dtype=np.float64).reshape(len(squares), 2).T
    return fit.residual, fit.df, own, own_df.astype(np.int64)


def find_lack_of_fit(columns: Floats, values: Floats, spare: MeanSquare) -> LackOfFit:
    """Tests what the columns (V, K) leave of the means of the variants in values (V, S), NaN where there is none.

    square = (residual of seed + columns - residual of seed + variant) / (V - rank),   F = square / spare.

    Args:
        columns: of the linear model.
        values: of the points of the design.
        spare: the mean square of spare x seed, whose expectation is the same where no interaction is there on average.

    Source: Draper & Smith, Applied Regression Analysis (1998), chapter 2, but for the denominator: with shared seeds
    the error of a contrast is what seeds do to contrasts of its kind.

    Example:
        >>> columns = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
        >>> values = np.array([[0.0, 0], [0, 1], [0, 0], [8, 7]])  # something happens in the last variant only
        >>> lack = find_lack_of_fit(columns, values, split_pure_error(columns, values).spare)
        >>> round(lack.square.value, 9), lack.square.df, round(lack.f, 9), round(lack.p, 3)
        (24.5, 1, 49.0, 0.09)
    """
    seen = np.isfinite(values).any(axis=1)
    shown = values[np.ix_(seen, np.isfinite(values).any(axis=0))]
    if shown.size and np.isfinite(shown).all():  # of a complete table the means are enough
        fit = fit_effects(columns[seen], shown.mean(axis=1, keepdims=True))
        df, total = len(shown) - 1 - fit.rank, shown.shape[1] * fit.residual
    else:
        fit, pure = fit_effects(columns, values), find_pure_error(values)
        df = int(np.isfinite(shown).sum()) - shown.shape[1] - fit.rank - pure.df
        total = max(fit.residual - pure.total, 0.0)
    if df < 1:
        return LackOfFit(NOTHING, np.nan, np.nan)
    square = _mean_square(_without_rounding(total, values), df)
    if not spare.df:
        return LackOfFit(square, np.nan, np.nan)
    f = square.value / spare.value if spare.value else (np.inf if square.value else 1.0)
    return LackOfFit(square, f, float(stats.f.sf(f, df, spare.df)))


def _mean_square(total: float, df: int) -> MeanSquare:
    return MeanSquare(total / df, df) if df > 0 else NOTHING


def _smallest(values: Floats) -> float:
    present = np.abs(values[np.isfinite(values)])
    return float(len(present) * (ROUNDING * present.max(initial=0.0)) ** 2)


def _without_rounding(total: float, values: Floats) -> float:
    """Returns 0 for what is left of equal values: rounding, not noise."""
    return 0.0 if total < _smallest(values) else total
