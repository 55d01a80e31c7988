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

from repro.audit.statistics.linear_model import ROUNDING, Floats, fit_effects


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
        own: (K,) mean square of each column x seed; NaN where fewer than two seeds can tell the columns apart.
        own_df: of each of them: seeds that can tell the columns apart, less one.
    """

    details: MeanSquare
    spare: MeanSquare
    own: Floats
    own_df: int


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
    variant, seed = np.nonzero(np.isfinite(values))
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    # Variants are swept out by centring (Frisch and Waugh), so that only the few columns of the seeds are solved for.
    centred = np.eye(values.shape[1])[seed] - (present / count)[variant]
    found = (values - np.nansum(values, axis=1, keepdims=True) / count)[variant, seed]
    solution, _, rank, _ = np.linalg.lstsq(centred, found, rcond=1e-10)
    df = len(found) - len(np.unique(variant)) - int(rank)
    total = _without_rounding(float(((found - centred @ solution) ** 2).sum()), values)
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
    own = np.where(own * max(own_df, 1) < _smallest(seen), 0.0 * own, own)
    return SeedSplit(_mean_square(total, pure.df - spare_df), _mean_square(left, spare_df), own, own_df)


def split_complete(columns: Floats, values: Floats) -> tuple[float, int, Floats, int]:
    """Returns what detail x seed leaves of the pure error of a complete table, its df, own squares and their df."""
    variants, seeds = values.shape
    doubly = values - values.mean(axis=1, keepdims=True)
    doubly = doubly - doubly.mean(axis=0)
    left, scale, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    axes = left[:, scale > ROUNDING * np.maximum(scale.max(initial=0.0), 1)]
    rank, width = axes.shape[1], columns.shape[1]
    rest = float(((doubly - axes @ (axes.T @ doubly)) ** 2).sum())
    own = np.full(width, np.nan)
    if rank == width and seeds > 1:
        model = np.hstack([np.ones((variants, 1)), columns])
        apart = np.linalg.pinv(model)[1:] @ doubly
        own = (apart**2).sum(axis=1) / np.diag(np.linalg.inv(model.T @ model))[1:] / (seeds - 1)
    return rest, (variants - 1 - rank) * (seeds - 1), own, seeds - 1 if rank == width else 0


def split_incomplete(columns: Floats, values: Floats) -> tuple[float, int, Floats, int]:
    """Returns the same of a table with runs missing: the model variant + seed + column x seed by least squares."""
    present, (seeds, width) = np.isfinite(values), (values.shape[1], columns.shape[1])
    variant, seed = np.nonzero(present)
    model = np.zeros((*values.shape, seeds, width + 1))
    for place in range(seeds):
        model[:, place, place, 0] = 1
        model[:, place, place, 1:] = columns
    model[~present] = 0
    count = np.maximum(present.sum(axis=1), 1)
    model -= (model.sum(axis=1) / count[:, None, None])[:, None]
    stacked = model[variant, seed].reshape(len(variant), seeds * (width + 1))
    found = (values - (np.nansum(values, axis=1) / count)[:, None])[variant, seed]
    scale, axes = np.linalg.eigh(stacked.T @ stacked)
    kept = scale > 1e-9 * scale.max(initial=0.0)
    inverse = (axes[:, kept] / scale[kept]) @ axes[:, kept].T
    coefficients = inverse @ (stacked.T @ found)
    left = float(((found - stacked @ coefficients) ** 2).sum())
    spare_df = len(found) - len(np.unique(variant)) - int(kept.sum())
    return left, spare_df, *_split_columns(columns, present, coefficients, inverse)


def _split_columns(columns: Floats, present: Floats, coefficients: Floats, inverse: Floats) -> tuple[Floats, int]:
    """Returns the mean square of each column x seed and its degrees of freedom, over seeds that tell all columns."""
    seeds, width = present.shape[1], columns.shape[1]
    full = np.hstack([np.ones((len(columns), 1)), columns])
    whole = [place for place in range(seeds) if np.linalg.matrix_rank(full[present[:, place]]) == width + 1]
    df = len(whole) - 1
    if df < 1 or not width:
        return np.full(width, np.nan), 0
    centring = np.eye(len(whole)) - 1 / len(whole)
    squares = []
    for column in range(width):
        places = np.array(whole) * (width + 1) + 1 + column
        # Only differences between seeds can be told: the rest of the covariance is that of no estimable quantity.
        between = centring @ inverse[np.ix_(places, places)] @ centring
        apart = centring @ coefficients[places]
        squares.append(float(apart @ np.linalg.pinv(between, rcond=1e-9, hermitian=True) @ apart) / df)
    return np.array(squares), df


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
    full = np.hstack([np.ones((int(seen.sum()), 1)), columns[seen]])
    df = int(seen.sum()) - int(np.linalg.matrix_rank(full)) if seen.any() else 0
    if df < 1:
        return LackOfFit(NOTHING, np.nan, np.nan)
    shown = values[np.ix_(seen, np.isfinite(values).any(axis=0))]
    if np.isfinite(shown).all():  # of a complete table the means are enough
        total = shown.shape[1] * fit_effects(columns[seen], shown.mean(axis=1, keepdims=True)).residual
    else:
        total = max(fit_effects(columns, values).residual - find_pure_error(values).total, 0.0)
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
