"""Shrunken effects: what is to be expected of an effect, given how large the effects of the same study are.

An effect that is looked at because it is the largest, or has passed a test, is too large on average: noise has helped
it there. Each is unbiased alone; the selected ones are not, and the worse the larger the standard error is beside the
effects (winner's curse). With the effects of all options as a sample of what such details do, the noise can be told
from them, and each estimate is drawn towards nothing by as much as its error asks for.

Model, per metric and share of the training, for the estimate y_k of option k with standard error s_k:

    y_k ~ N(theta_k, s_k^2 v),    theta_k = tau l_k z_k,    z_k ~ N(0, 1),    l_k^2 ~ 2 / chi-square(2),

that is, effects are t distributed on 2 degrees of freedom about nothing with scale tau. About nothing, as which option
is the baseline's is an accident; with longer tails than normal ones, as a few details do much and most do little
(effect sparsity, Box & Meyer 1986), and a normal prior would draw the few to the many.

- tau^2 is uniform, as in Morris's intervals: with few options it stays unknown, and is averaged over, not plugged in.
  Plugging in its estimate would give intervals that are too short. It takes three options.
- v is what an estimated variance may be off by, df / chi-square(df): one for all contrasts of a design, whose error
  term is pooled; one for each comparison in pairs.

Both are sums over grids; given tau, l and v everything is normal. Estimates are taken as independent; those of arms
that share a baseline, or of options of one detail, are not quite.

Measured over 400 simulated screens a setting (15 options on 15 degrees of freedom; selected by Benjamini and Hochberg;
in standard errors; raw, then shrunken):

    effects                error of all   of the selected   their inflation   coverage of all   of the selected
    normal, sd 1           .79 .58        1.54 .92          1.53 .84          .96 .95           .68 .92
    normal, sd 2           .81 .76        .95 .77           .72 .20           .95 .94           .89 .94
    3 of 15 at 4           .79 .62        .79 .89           .40 -.25          .95 .96           .91 .89
    3 of 15 at 6           .80 .65        .88 1.02          .13 -.36          .95 .96           .90 .86

Where a few effects stand alone and far out, there was little to mend in them, and the many draw them in by a third of a
standard error; it is the many that gain there.

Source: James & Stein, Estimation with quadratic loss (1961); Morris, Parametric empirical Bayes inference: theory and
applications (1983), for intervals that include the uncertainty of tau; Stephens, False discovery rates: a new deal
(2017), for scale mixtures of normals about nothing; Box & Meyer, An analysis for unreplicated fractional factorials
(1986); Gelman & Carlin, Beyond power calculations (2014), for errors of size among selected effects.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from repro.audit.statistics.linear_model import Floats
from repro.audit.study.plan import Plan

SHRUNKEN_COLUMNS = (
    *("detail", "option", "metric", "train_fraction", "estimate", "low", "high"),
    *("shrunken", "shrunken_low", "shrunken_high", "effects_sd", "options", "runs"),
)
FEWEST = 3
"""Options below which the spread of their effects is not known at all: the posterior of tau^2 would be improper."""
TAIL_DF = 2
"""Of the t distribution that effects are taken to have."""
_SCALES, _TAILS, _ERRORS = 24, 12, 8
"""Points of the grids over tau, l and v."""
_NEGLIGIBLE = 1e-5
_HALVINGS = 22


class Shrunken(NamedTuple):
    """Posterior of K effects.

    Attributes:
        mean: (K,) float64.
        low: (K,) of the central 95 % interval.
        high: (K,) of the same.
        scale: posterior mean of tau, the scale of the effects.
    """

    mean: Floats
    low: Floats
    high: Floats
    scale: float


def shrink_effects(plan: Plan, effects: pd.DataFrame) -> pd.DataFrame:
    """Shrinks the effects of the varied details, per metric and train fraction; the controls are no sample of them.

    Returns:
        `Analysis.shrunken`: per detail, option, metric and train fraction: estimate, low, high (95 %, as measured),
        shrunken, shrunken_low, shrunken_high (95 %), effects_sd (scale of the effects by the model), options (with an
        error, that were shrunken together). NaN with fewer than `FEWEST` of them.
    """
    effects = effects[effects["detail"].isin(list(plan.levels))]
    columns = ["detail", "option", "metric", "train_fraction", "estimate", "low", "high", "runs"]
    parts = []
    for _, part in effects.groupby(["metric", "train_fraction"], sort=False):
        se, df = part["se"].to_numpy(dtype=np.float64), part["df"].to_numpy(dtype=np.float64)
        known = np.isfinite(se) & (se > 0) & (df > 0)
        numbers = np.full((3, len(part)), np.nan)
        scale = np.nan
        if known.sum() >= FEWEST:
            pooled = bool((part["kind"] == "contrast").all())
            found = shrink_estimates(part["estimate"].to_numpy(dtype=np.float64)[known], se[known], df[known], pooled)
            numbers[:, known], scale = found[:3], found.scale
        named = dict(zip(("shrunken", "shrunken_low", "shrunken_high"), numbers, strict=True))
        parts.append(part[columns].assign(**named, effects_sd=scale, options=int(known.sum())))
    if not parts:
        return pd.DataFrame(columns=list(SHRUNKEN_COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(SHRUNKEN_COLUMNS)]


def shrink_estimates(estimates: Floats, se: Floats, df: Floats, pooled: bool) -> Shrunken:
    """Returns the posterior of K effects, K at least `FEWEST`.

    Args:
        estimates: (K,) float64.
        se: (K,) float64, positive.
        df: (K,) float64, degrees of freedom of the standard errors; positive.
        pooled: whether the errors are estimates of one variance, and so too large or too small together.

    Example:
        >>> noise = np.array([0.5, -1.1, 0.9, -0.2, 1.3, -0.7, 0.3, 2.4])  # of standard error 1
        >>> found = shrink_estimates(noise, np.ones(8), np.full(8, 30.0), pooled=True)
        >>> found.mean.round(1).tolist()
        [0.2, -0.5, 0.4, -0.1, 0.6, -0.3, 0.1, 1.3]
        >>> large = shrink_estimates(10 * noise, np.ones(8), np.full(8, 30.0), pooled=True)
        >>> (large.mean / noise).round().tolist()  # noise is little of it
        [10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0]
    """
    # Cells of the grid: axis 1 is what all options have in common, axis 2 what each has of its own.
    axes = np.meshgrid(np.arange(_SCALES), np.arange(_TAILS), np.arange(_ERRORS), indexing="ij")
    order, common = ((0, 2, 1), _SCALES * _ERRORS) if pooled else ((0, 1, 2), _SCALES)
    places = [axis.transpose(order).reshape(common, -1) for axis in axes]
    scale = _scales(estimates, se)[places[0]]
    prior = (scale * _tails()[places[1]]) ** 2
    error = _misjudgements(df)[:, places[2]] * se[:, None, None] ** 2
    total = prior + error
    fit = -0.5 * np.log(total) - 0.5 * estimates[:, None, None] ** 2 / total
    own = special.logsumexp(fit, axis=2)
    # tau^2 is uniform; on a grid that is even in log tau its weight is tau^2.
    weight = special.softmax(own.sum(axis=0) + 2 * np.log(scale[:, 0]))
    kept = weight > _NEGLIGIBLE
    share = (np.exp(fit - own[:, :, None]) * weight[:, None])[:, kept].reshape(len(se), -1)
    share /= share.sum(axis=1, keepdims=True)
    drawn = (prior / total)[:, kept].reshape(len(se), -1)
    mean = drawn * estimates[:, None]
    sd = np.sqrt(drawn * error[:, kept].reshape(len(se), -1))
    reach = 10 * se * np.sqrt(_misjudgements(df).max(axis=1))
    ends = (np.minimum(estimates, 0) - reach, np.maximum(estimates, 0) + reach)
    low, high = (_find_quantile(chance, share, mean, sd, ends) for chance in (0.025, 0.975))
    return Shrunken((share * mean).sum(axis=1), low, high, float(weight @ scale[:, 0]))


def _scales(estimates: Floats, se: Floats) -> Floats:
    """Returns values of tau, even in its logarithm: from a twentieth of the errors to four times the largest effect."""
    typical = 1 / np.sqrt(np.mean(1 / se**2))
    return np.asarray(typical * np.geomspace(0.05, max(5.0, 4 * float(np.abs(estimates).max()) / typical), _SCALES))


def _tails() -> Floats:
    return np.asarray(np.sqrt(TAIL_DF / stats.chi2.ppf(_midpoints(_TAILS), TAIL_DF)))


def _misjudgements(df: Floats) -> Floats:
    """Returns (K, `_ERRORS`) equally likely values of the variance over its estimate."""
    return np.asarray(df[:, None] / stats.chi2.ppf(_midpoints(_ERRORS), df[:, None]))


def _midpoints(count: int) -> Floats:
    return (np.arange(count) + 0.5) / count


def _find_quantile(chance: float, share: Floats, mean: Floats, sd: Floats, ends: tuple[Floats, Floats]) -> Floats:
    """Returns the quantile (K,) of mixtures of normals (K, cells), by bisection."""
    low, high = ends
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = (share * special.ndtr((middle[:, None] - mean) / sd)).sum(axis=1) < chance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)
