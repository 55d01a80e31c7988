"""Least squares on a table with runs missing: a mean for each variant, and for each seed a model of its own.

Model: y_vs = a_v + c_s + x_v'b_s + noise. It has V + S(K + 1) coefficients, most of them in two large sets that meet
nowhere within themselves: variants, and seeds with their coefficients. With an orthonormal basis of what the runs of
a seed can tell, W (V, R) those of all seeds side by side, and D the runs of each variant, the normal equations are

    D a + W t = sums of the variants,    W'a + t = W'y,

and with T = D^-1/2 W either set is eliminated by the other: I - T'T or I - TT', whichever is smaller. Both have the
same eigenvalues, 1 - (canonical correlations of the two sets)^2, and an eigenvalue of 0 is a combination of seeds'
coefficients that means of variants imitate: no runs can tell it. Memory is that of W: runs times K + 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from repro.audit.statistics.linear_model import (
    SQUARED_ROUNDING,
    Counts,
    Flags,
    Floats,
    gram_within_seeds,
    invert_gram,
)


class SeedFit(NamedTuple):
    """The fitted model; a coefficient of a seed is a row of `readings` times what the seed's runs say.

    Attributes:
        stacked: (V, R) W.
        said: (R,) t, the fitted coefficients in the bases of the seeds.
        places: (S + 1,) where those of each seed begin.
        readings: of each seed (K, r_s), from its part of t to its coefficients b_s.
        whole: (S, K) whether the runs of the seed tell the column from the others.
        axes: (m, R) canonical directions that can be told, by length the canonical correlation.
        weights: (m,) 1 / (1 - correlation^2).
        hidden: (h, R) directions that means of variants imitate.
        residual: sum of squares that the model leaves.
        df: runs less the rank of the model.
    """

    stacked: Floats
    said: Floats
    places: Counts
    readings: list[Floats]
    whole: Flags
    axes: Floats
    weights: Floats
    hidden: Floats
    residual: float
    df: int


def fit_by_seed(columns: Floats, values: Floats) -> SeedFit:
    """Fits the model of this module to values (V, S), NaN where there is none, with columns (V, K).

    Source: Searle, Linear Models (1971), chapter 7, on the absorption of a factor in unbalanced two-way tables; Tjur,
    Analysis of variance models in orthogonal designs (1984), on canonical correlations of two factors.

    Example:
        >>> nan, none = np.nan, np.empty((3, 0))
        >>> fit = fit_by_seed(none, np.array([[1.0, 2.0], [3.0, 5.0], [4.0, nan]]))  # variant + seed
        >>> round(fit.residual, 9), fit.df
        (0.25, 1)
    """
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    bases = [_find_basis(columns[here]) for here in present.T]
    places = np.cumsum([0, *(basis.shape[1] for basis, _, _ in bases)])
    stacked = np.zeros((len(values), places[-1]))
    told = np.zeros(places[-1])
    for seed, (basis, _, _) in enumerate(bases):
        own = slice(places[seed], places[seed + 1])
        stacked[present[:, seed], own] = basis
        told[own] = basis.T @ values[present[:, seed], seed]
    counts = np.maximum(present.sum(axis=1), 1).astype(np.float64)
    means = filled.sum(axis=1) / counts
    told -= stacked.T @ means
    correlation, axes = _canonical_axes(stacked / np.sqrt(counts)[:, None])
    hidden = 1 - correlation**2 < SQUARED_ROUNDING
    weights, axes, hidden_axes = 1 / (1 - correlation[~hidden] ** 2), axes[~hidden], axes[hidden]
    # (I - T'T)^+ = I + sum of w q q', q of the length of its correlation; what is hidden is not in `told`.
    said = told + axes.T @ (weights * (axes @ told))
    variants = means - stacked @ said / counts
    residual = 0.0
    for seed, (basis, _, _) in enumerate(bases):
        here = present[:, seed]
        fitted = variants[here] + basis @ said[places[seed] : places[seed + 1]]
        residual += float(((values[here, seed] - fitted) ** 2).sum())
    rank = int(present.any(axis=1).sum()) + int(places[-1]) - int(hidden.sum())
    readings, whole = [reading for _, reading, _ in bases], np.array([row for _, _, row in bases], dtype=bool)
    df = int(present.sum()) - rank
    return SeedFit(
        stacked,
        said,
        places,
        readings,
        whole.reshape(len(bases), columns.shape[1]),
        axes,
        weights,
        hidden_axes,
        residual,
        df,
    )


def explain_by_seed(fit: SeedFit, apart: Floats) -> float:
    """Returns the sum of squares that a fit without columns, by seeds alone, explains of deviations (V, S, U).

    Args:
        fit: of the table whose runs are there, with one direction for each seed that has runs.
        apart: runs less the means of their variants, 0 where there is no run.
    """
    told = np.einsum("vs,vsu->su", fit.stacked, apart[:, np.diff(fit.places) > 0])
    return float((told**2).sum() + (fit.weights[:, None] * (fit.axes @ told) ** 2).sum())


def square_changes(fit: SeedFit, column: int) -> tuple[float, int]:
    """Returns the mean square of what a column's coefficient changes from seed to seed, and its degrees of freedom.

    With b the coefficients of the seeds that tell the column from the others, B their covariance where the noise is 1,
    and H what of them means of variants imitate (a shift of all alike, at least):
        square = min over h of (b - H h)' B^-1 (b - H h) / df,    df = seeds - rank(H).

    Returns:
        NaN and 0 where fewer than two such seeds can be compared.
    """
    seeds = np.flatnonzero(fit.whole[:, column])
    if len(seeds) < 2:
        return np.nan, 0
    spans = [slice(fit.places[seed], fit.places[seed + 1]) for seed in seeds]
    rows = [fit.readings[seed][column] for seed in seeds]
    found = np.array([row @ fit.said[span] for row, span in zip(rows, spans, strict=True)])
    seen = np.array([fit.axes[:, span] @ row for row, span in zip(rows, spans, strict=True)])
    hidden = np.array([fit.hidden[:, span] @ row for row, span in zip(rows, spans, strict=True)])
    covariance = (seen * fit.weights) @ seen.T + np.diag([row @ row for row in rows])
    root = cholesky(covariance, lower=True)
    left, size, _ = np.linalg.svd(solve_triangular(root, hidden, lower=True), full_matrices=False)
    left = left[:, size > 1e-7 * size.max(initial=0.0)]
    apart = solve_triangular(root, found, lower=True)
    apart = apart - left @ (left.T @ apart)
    df = len(seeds) - left.shape[1]
    return (float(apart @ apart) / df, df) if df > 0 else (np.nan, 0)


def find_imbalance(columns: Floats, values: Floats, df: int) -> Floats:
    """Returns how many times more of detail x seed the estimates (K,) hold than its mean square; 1 at least.

    Where a seed has few runs, effects rest on the others, and what these do to an effect is averaged over fewer seeds
    than the mean square is told by. Let effects change with the seed by g2 times their covariance in one seed with all
    runs, q the columns (V, r) made orthonormal, and G_s their products with X centred within seed s:
        an estimate varies by s2 + g2 a_k runs, a_k = sum over s of |((X'MX)^- G_s)_k|^2 / ((X'MX)^-)_kk,
        the mean square by s2 + g2 b, b = sum over s, j of |what variants and seeds leave of q_j at s|^2 / df,
    and the imbalance is a_k / b: 1 in a complete table. To multiply the mean square with it takes s2 for g2, and errs
    on the wide side where effects do not change.

    Args:
        columns: (V, K) of the linear model.
        values: (V, S), NaN where there is none.
        df: degrees of freedom of the mean square of detail x seed.

    Source: Searle, Casella & McCulloch, Variance Components (1992), chapter 5, on expected mean squares of unbalanced
    data; the factor is ours.

    Example:
        >>> columns, values = np.array([[0.0], [0], [1], [1]]), np.zeros((4, 2))
        >>> values[[1, 2], 1] = np.nan  # the second seed has half of the runs
        >>> find_imbalance(columns, values, df=1).round(3).tolist()
        [1.667]
    """
    present = np.isfinite(values)
    counts = np.maximum(present.sum(axis=1), 1)[:, None]
    centred = columns - columns.mean(axis=0)
    size, axes = np.linalg.eigh(centred.T @ centred)
    kept = size > SQUARED_ROUNDING * size.max(initial=0.0)
    basis = centred @ (axes[:, kept] / np.sqrt(size[kept]))
    inverse, _, _ = invert_gram(*gram_within_seeds(columns, present))
    fit = fit_by_seed(np.empty((len(values), 0)), values)
    held, told = np.zeros(columns.shape[1]), 0.0
    for seed, here in enumerate(present.T):
        some = basis[here]
        own = columns[here] - columns[here].mean(axis=0)
        held += ((inverse @ (own.T @ some)) ** 2).sum(axis=1)
        # What variants (by their means) and seeds (by canonical axes) leave of the columns at this seed.
        apart = some / counts[here]
        left = -fit.stacked[here].T @ apart
        left[seed] += fit.stacked[here, seed] @ some
        explained = (left**2).sum() + (fit.weights[:, None] * (fit.axes @ left) ** 2).sum()
        told += float((some * (some - apart)).sum() - explained)
    unit = np.diag(inverse)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.fmax(np.where(unit > 0, held / unit, 1.0) * df / told, 1.0))


def _find_basis(columns: Floats) -> tuple[Floats, Floats, Flags]:
    """Returns what the runs of one seed (n, K) can tell beside their mean.

    Returns:
        An orthonormal basis (n, r) of the ones and the columns, the coefficients of the columns in it (K, r), and
        which of them the runs tell from the others (K,).
    """
    runs, width = columns.shape
    ones = np.full((runs, min(runs, 1)), max(runs, 1) ** -0.5)
    if not runs or not width:
        return ones, np.empty((width, ones.shape[1])), np.zeros(width, dtype=bool)
    left, size, right = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    kept = size > 1e-8 * max(float(size[0]), 1.0)
    left, size, right = left[:, kept], size[kept], right[kept]
    reading = np.zeros((width, 1 + len(size)))
    reading[:, 1:] = right.T / size
    return np.concatenate([ones, left], axis=1), reading, (right**2).sum(axis=0) > 1 - 1e-8


def _canonical_axes(scaled: Floats) -> tuple[Floats, Floats]:
    """Returns the singular values (m,) of T (V, R) and its right singular vectors times them (m, R), m = min(V, R)."""
    variants, width = scaled.shape
    if width <= variants:
        square, axes = np.linalg.eigh(scaled.T @ scaled)
        size = np.sqrt(np.clip(square, 0.0, 1.0))
        return size, axes.T * size[:, None]
    square, axes = np.linalg.eigh(scaled @ scaled.T)
    return np.sqrt(np.clip(square, 0.0, 1.0)), axes.T @ scaled
