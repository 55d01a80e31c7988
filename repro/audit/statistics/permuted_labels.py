"""A/A by the very test of a factorial design: how often its contrasts alarm where the labels of variants mean nothing.

What the main effects leave of the runs is dealt out to the variants anew, many times, and the contrasts are tested as
those of the study: every alarm is false. The noise, the interactions and what seeds do are those of the study.

The rate is one given these runs: the sums of squares of means and of seeds stay what they are, so that in designs of
less than a dozen variants it lies below that of new runs. It says nothing on whether seeds change some details more
than others, which is dealt out with the rest.
"""

from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.error_terms import runs_all_combinations
from repro.audit.statistics.linear_model import Coding, Floats, find_basis, shared_values
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.declaration import Correction

PERMUTATIONS = 400
_AT_ONCE = 2_000_000
"""Values that are tested in one go, which bounds the memory."""
_VALUES = 20_000_000
"""Values in all, beyond which fewer permutations are made."""


class NotMeasuredError(Exception):
    """The rate cannot be had; the message says why."""


class Alarms(NamedTuple):
    """How often contrasts alarm where there is nothing.

    Attributes:
        rate: share of contrasts with p below .05, over all permutations.
        rate_error: its Monte Carlo standard error; contrasts of one permutation are not independent.
        any_rate: share of permutations in which a contrast has an adjusted p below .05.
        any_error: its Monte Carlo standard error.
        permutations: how many.
        carried: whether interactions are among what was dealt out.
    """

    rate: float
    rate_error: float
    any_rate: float
    any_error: float
    permutations: int
    carried: bool


class Design(NamedTuple):
    """A complete design of V points, as its contrasts are tested.

    Attributes:
        weights: (K, V) from the means of the variants to the estimates.
        unit: (K,) variances of the estimates from one seed, when the noise has variance 1.
        mains: (V, K) orthonormal, the space of the main effects.
        explained: (V, R) orthonormal, the space beyond which lack of fit is carried; None: none is.
    """

    weights: Floats
    unit: Floats
    mains: Floats
    explained: Floats | None


def count_false_alarms(
    coding: Coding, outcomes: Outcomes, correction: Correction, permutations: int = PERMUTATIONS, seed: int = 0
) -> Alarms:
    """Permutes the labels of variants in what main effects leave of the runs, and tests the contrasts each time.

    With e_vs = y_vs less the main effects, e_v their means over seeds, pi a permutation of the V variants:
        y*_vs = c e_pi(v) + (e_pi(v)s - e_pi(v)),   c^2 = (V - 1) / (V - 1 - K),
    the same pi for all seeds. c makes good that least squares has taken K of V - 1 dimensions off the means, though
    not off the differences between seeds. Where all combinations have been run, e_v holds interactions that mix into
    no main effect and are not carried: means are then made of the differences between seeds, r_vs = y_vs - y_v,
        y*_vs = sum over s' of q_s' r_pi'(v)s' / sqrt(S) + r_pi(v)s,   q drawn with sum q = 0, |q| = 1,
    with a second permutation pi' for them. Seeds that lack a run of the design are left out.

    Raises:
        NotMeasuredError: fewer than two seeds are complete, the design is saturated, so that main effects leave nothing
            of the means, or it cannot tell its effects apart.

    Source: Freedman & Lane, A nonstochastic interpretation of reported significance levels (1983), on permuting what
    a model leaves; c is the usual scale of such residuals (Davison & Hinkley 1997, section 6.2).
    """
    values = shared_values(outcomes, coding.points)[coding.points]
    values = values[:, np.isfinite(values).all(axis=0)]
    design, (variants, seeds) = describe_design(coding), values.shape
    if seeds < 2:
        raise NotMeasuredError(f"with {seeds} of its seeds all variants have been run; it takes 2")
    if variants == 1 + len(design.weights):
        raise NotMeasuredError("the design is saturated: main effects leave nothing to deal out")
    count = int(np.clip(_VALUES // values.size, min(100, permutations), permutations))
    generator = np.random.default_rng([seed, variants, seeds])
    step = max(1, _AT_ONCE // values.size)
    found = [
        _find_p(design, _deal_out(design, values, min(step, count - start), generator))
        for start in range(0, count, step)
    ]
    p = np.concatenate(found)
    each, whole = (p < LEVEL).mean(axis=1), has_any(p, correction)
    return Alarms(
        rate=float(each.mean()),
        rate_error=float(each.std(ddof=1) / np.sqrt(count)),
        any_rate=float(whole.mean()),
        any_error=float(np.sqrt(whole.mean() * (1 - whole.mean()) / count)),
        permutations=count,
        carried=design.explained is not None,
    )


def has_any(p: Floats, correction: Correction) -> NDArray[np.bool_]:
    """Says of families (N, K) whether one p of theirs stays below the level after its adjustment."""
    tests = p.shape[1]
    match correction:
        case "Holm":
            found = p.min(axis=1) * tests < LEVEL
        case "Benjamini-Hochberg":
            found = (np.sort(p, axis=1) * tests / np.arange(1, tests + 1) < LEVEL).any(axis=1)
        case _:
            assert_never(correction)
    return np.asarray(found)


def describe_design(coding: Coding) -> Design:
    """Returns the design of a coding.

    Raises:
        NotMeasuredError: it cannot tell its effects apart.
    """
    matrix = coding.matrix[coding.points]
    model = np.hstack([np.ones((len(matrix), 1)), matrix])
    if not matrix.size or np.linalg.matrix_rank(model) < model.shape[1]:
        raise NotMeasuredError("the design cannot tell its effects apart")
    weights, unit = np.linalg.pinv(model)[1:], np.diag(np.linalg.inv(model.T @ model))[1:]
    return Design(weights, unit, find_basis(matrix), _carried(coding, matrix))


def _carried(coding: Coding, matrix: Floats) -> Floats | None:
    """Returns the space beyond which the error term carries lack of fit, as `choose_error_term` does."""
    mains = find_basis(matrix)
    return None if len(matrix) == 1 + mains.shape[1] or runs_all_combinations(coding) else mains


def hold_contrasts(design: Design, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns estimates, standard errors and degrees of freedom (N, K) of N complete tables (N, V, S).

    The formulas of `choose_error_term` and `combine_errors`, for many tables at once.
    """
    _, variants, seeds = values.shape
    width = len(design.weights)
    by_seed = design.weights @ values
    estimates = by_seed.mean(axis=2)
    own = ((by_seed - estimates[:, :, None]) ** 2).sum(axis=2) / design.unit / (seeds - 1)
    centred = values - values.mean(axis=1, keepdims=True)
    means = centred.mean(axis=2)
    apart = centred - means[:, :, None]
    df, spare_df = width * (seeds - 1), (variants - 1 - width) * (seeds - 1)
    of_details = ((design.mains.T @ apart) ** 2).sum(axis=(1, 2))
    details = np.maximum(of_details[:, None] / df, own)
    variance, freedom = details, np.full(details.shape, float(df))
    if design.explained is not None:
        spare = (((apart**2).sum(axis=(1, 2)) - of_details) / spare_df)[:, None]
        lack_df = variants - 1 - design.explained.shape[1]
        rest = (means**2).sum(axis=1) - ((means @ design.explained) ** 2).sum(axis=1)
        lack = (seeds * rest / lack_df)[:, None]
        total = details + lack - spare
        together = total**2 / (details**2 / df + lack**2 / lack_df + spare**2 / spare_df)
        larger = np.maximum(details, lack)
        variance = np.maximum(total, larger)
        freedom = np.where(total >= larger, together, np.where(lack > details, lack_df, df))
    return estimates, np.sqrt(variance * design.unit / seeds), freedom


def _find_p(design: Design, values: Floats) -> Floats:
    estimates, se, df = hold_contrasts(design, values)
    with np.errstate(divide="ignore", invalid="ignore"):  # without any noise a difference is certain
        t = np.where(estimates == 0, 0.0, np.abs(estimates) / se)
    return np.asarray(2 * stats.t.sf(t, df))


def _deal_out(design: Design, values: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Returns tables (count, V, S) in which no column does anything."""
    variants, seeds = values.shape
    means = values.mean(axis=1)
    between = values - means[:, None]
    order = generator.permuted(np.tile(np.arange(variants), (count, 1)), axis=1)
    if design.explained is None:
        contrasts = generator.standard_normal((count, seeds))
        contrasts -= contrasts.mean(axis=1, keepdims=True)
        contrasts /= np.linalg.norm(contrasts, axis=1, keepdims=True) * np.sqrt(seeds)
        other = generator.permuted(np.tile(np.arange(variants), (count, 1)), axis=1)
        centred = between - between.mean(axis=0)
        return np.asarray((centred[other] @ contrasts[:, :, None]) + between[order])
    left = means - means.mean()
    left = left - design.mains @ (design.mains.T @ left)
    left *= np.sqrt((variants - 1) / (variants - 1 - design.mains.shape[1]))
    return np.asarray(left[order][:, :, None] + between[order])
