"""The mixed model: fixed effects of columns, a random intercept for each seed.

Outcomes of variants by seeds flow in; effects and the variances of seed and noise flow out. It is fitted by restricted
maximum likelihood where that converges away from the border, else by the method of moments.
"""

import warnings
from typing import Literal, NamedTuple

import numpy as np
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from repro.audit.statistics.linear import Floats, find_pure_error, fit_effects, stack_runs

Method = Literal["REML", "moments"]

LARGEST = 100
"""Columns up to which REML is tried: its cost grows with their cube, and in a complete table the moments agree."""


class Mixed(NamedTuple):
    """A fitted mixed model.

    Attributes:
        effects: (K,) fixed effects; NaN where the runs cannot tell one.
        errors: (K,) their standard errors.
        seed: variance of what all variants share at a seed.
        noise: variance of a run beyond that.
        method: how it was fitted.
    """

    effects: Floats
    errors: Floats
    seed: float
    noise: float
    method: Method


def fit_mixed(columns: Floats, values: Floats) -> Mixed:
    """Fits columns (V, K) to values (V, S), NaN where there is none, with a random intercept for each seed.

    In a complete table the effects equal those of seeds as fixed blocks; where seeds are missing in some variants, the
    seeds that only one of them has tell something too.

    Source: `MixedLM` of statsmodels; moments: Searle, Casella & McCulloch, Variance Components (1992), chapter 5.
    """
    present = np.isfinite(values).any(axis=0)
    values = values[:, present]
    return _fit_likelihood(columns, values) or fit_moments(columns, values)


def fit_moments(columns: Floats, values: Floats) -> Mixed:
    """Fits by the method of moments: noise is the pure error, what else varies within variants is the seeds'.

    Unbiased for the variances, but for the one of the seeds being cut off at 0; NaN without replicates.
    """
    noise = find_pure_error(values)
    fit = fit_effects(columns, values)
    count = np.isfinite(values).sum(axis=1)
    replicated = values[count > 1]
    spread = np.nan
    if len(replicated):
        within = np.nansum((replicated - np.nanmean(replicated, axis=1, keepdims=True)) ** 2)
        spread = float(within) / float((count[count > 1] - 1).sum())
    errors = np.sqrt(noise.variance * np.maximum(np.diag(fit.unit), 0))
    if noise.df == 0:
        return Mixed(fit.estimates, errors, np.nan, spread, "moments")
    return Mixed(fit.estimates, errors, max(spread - noise.variance, 0.0), noise.variance, "moments")


def mean_squares(mixed: Mixed, values: Floats) -> list[tuple[float, float]]:
    """Splits the variance of a run between seeds into independent mean squares (value, degrees of freedom).

    The first is what seeds share, the second the noise within them, as in a complete table with as many variants per
    seed as there are on average; one alone where there is one variant. Their sum is seed + noise; empty without
    replicates.
    """
    present = np.isfinite(values)
    seeds = int(present.any(axis=0).sum())
    if seeds < 2 or np.isnan(mixed.noise):
        return []
    if np.isnan(mixed.seed):
        return [(mixed.noise, seeds - 1.0)]
    variants = float(present.sum()) / seeds
    shared = (mixed.seed + mixed.noise / variants, seeds - 1.0)
    within = (mixed.noise * (1 - 1 / variants), (variants - 1) * (seeds - 1))
    return [shared, within] if variants > 1 else [shared]


def _fit_likelihood(columns: Floats, values: Floats) -> Mixed | None:
    stacked, found = stack_runs(columns, values)
    seeds, effects = stacked[:, : values.shape[1]].argmax(axis=1), stacked[:, values.shape[1] :]
    design = np.hstack([np.ones((len(found), 1)), effects])
    spread = found.std()
    if (
        columns.shape[1] > LARGEST
        or values.shape[1] < 2
        or not spread > 0
        or len(found) <= design.shape[1] + 1
        or np.linalg.matrix_rank(design) < design.shape[1]
    ):
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = MixedLM((found - found.mean()) / spread, design, groups=seeds).fit(reml=True, method="lbfgs")
        except np.linalg.LinAlgError:
            return None
    at_border = [w for w in caught if issubclass(w.category, ConvergenceWarning) or "singular" in str(w.message)]
    for warning in caught:
        if warning not in at_border:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if at_border or not fitted.converged:
        return None
    errors = np.asarray(fitted.bse_fe, dtype=np.float64)[1:] * spread
    effects = np.asarray(fitted.fe_params, dtype=np.float64)[1:] * spread
    variances = float(np.asarray(fitted.cov_re)[0, 0]), float(fitted.scale)
    return Mixed(effects, errors, variances[0] * spread**2, variances[1] * spread**2, "REML")
