"""The minimum detectable effect of a plan: found with 80 % power, two-sided, by the very test of its design.

Fast, so that `repro plan` answers before anything has run: closed forms, a few hundred draws for pairs of few seeds,
and for contrasts a few thousand of their error term; how many further seeds an open question takes is simulated after
the runs (`power`). Before the runs a factorial design knows its degrees of freedom, not how far effects change with the
seed nor what lacks of fit: the promise is that of a study without either. After them the errors of its own contrasts
are taken.
"""

from collections.abc import Callable, Mapping
from math import inf, sqrt
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from repro.audit.statistics.error_terms import draw_errors, plan_error_term
from repro.audit.statistics.looks import bound_at
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.power import POWER, equivalence_power, smallest_shift
from repro.audit.statistics.sequential import FIRST, level_at_look
from repro.audit.study.aliases import design_points
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan

ALPHA: Final = 0.05
BY_ITSELF: Final = "for an effect that is real alone"
ALONE: Final = f"{BY_ITSELF} and changes with no seed"
FEW: Final = 6
"""Degrees of freedom below which the t that they ask for is said, and the seeds that would mend it."""


class PlannedTest(NamedTuple):
    """What one comparison of a plan rests on.

    Attributes:
        name: the test and the adjustment.
        alpha: the level that one comparison has to reach: 0.05 shared among all of them.
        effect: the smallest effect detectable, in standard deviations over seeds; infinite: out of reach.
        note: what to know, or why nothing can be detected.
        equivalence: the chance that nothing is called equivalent, by the margin in standard deviations over seeds.
    """

    name: str
    alpha: float
    effect: float
    note: str
    equivalence: Callable[[float], float]


def detectable_effects(plan: Plan, noise: Mapping[str, float], contrasts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns the smallest detectable effect of each metric, and how often nothing would be called equivalent.

    Args:
        plan: the plan.
        noise: standard deviation over seeds of the replicated baseline, for the metrics where it was measured.
        contrasts: the measured effects of a factorial design at the full training, as in `Analysis`; their standard
            errors then take the place of the noise.

    Returns:
        One row per metric: `metric`, `effect` (in `unit`; infinite: out of reach), `unit` ("seed SD" where no noise
        was measured), `margin`, `equivalence` (chance that an option that does nothing is called equivalent, NaN
        likewise), `sd` (NaN likewise), `seeds`, `test`, `alpha`, `note`. Where contrasts differ, it is that of the
        largest error.
    """
    found, study, rows = choose_test(plan), plan.declared, []
    for name, metric in study.metrics.items():
        sd = noise.get(name, np.nan)
        effect, unit = (found.effect, "seed SD") if np.isnan(sd) else (found.effect * sd, metric.unit)
        equivalence, note = found.equivalence(metric.margin / sd), found.note
        if contrasts is not None:
            own = contrasts[(contrasts["metric"] == name) & contrasts["se"].notna()]
            if len(own):
                errors = list(zip(own["se"], own["df"], strict=True))
                effect, unit = max(t_shift(df, found.alpha) * se for se, df in errors), metric.unit
                level = level_of(plan, len(plan.levels), sides=1)
                equivalence = min(equivalence_power(metric.margin / se if se else inf, df, level) for se, df in errors)
                note = f"by the largest error measured, on {_span(own['df'])} degrees of freedom; {BY_ITSELF}"
        row = (effect, unit, metric.margin, equivalence, sd, study.seeds, found.name, found.alpha, note)
        rows.append((name, *row))
    columns = ["metric", "effect", "unit", "margin", "equivalence", "sd", "seeds", "test", "alpha", "note"]
    return pd.DataFrame(rows, columns=columns)


def _span(df: "pd.Series[float]") -> str:
    low, high = f"{df.min():.3g}", f"{df.max():.3g}"
    return low if low == high else f"{low} to {high}"


def tell_shared_seeds(plan: Plan) -> str:
    """Says in a sentence what it costs that the variants of a factorial design share their seeds; else nothing."""
    if plan.declaration["design"] == "one_at_a_time" or not plan.levels or plan.declaration["seeds"] < 2:
        return ""
    term, points = plan_error_term(plan), len(design_points(plan))
    pure = (points - 1) * (plan.declaration["seeds"] - 1)
    alpha = choose_test(plan).alpha
    more = choose_test(plan).effect * sqrt(term.seeds) / contrast_error(plan) / t_shift(pure, alpha) - 1
    cost = "(the design is saturated: it has no others)"
    if term.spare:
        carried = ", and lack of fit is carried" if term.carried else ""
        cost = f"instead of the {pure} of the pure error{carried}: an effect has to be {more:.0%} larger to be found"
    return (
        f"All variants share their seeds, so that an effect is held against what it changes from seed to seed, on "
        f"{term.df} degrees of freedom {cost}, and one that does change is narrowed by further seeds alone."
    )


def choose_test(plan: Plan) -> PlannedTest:
    """Returns the test of a plan's design, with the smallest effect that it detects."""
    declared = plan.declaration
    contrasts = sum(len(options) - 1 for options in plan.levels.values())
    if not contrasts:
        seeds = max(declared["seeds"], declared["baseline_seeds"])
        return _paired(seeds, ALPHA, "paired sign flip of the controls", ALPHA)
    alpha = level_of(plan, contrasts, sides=2)
    if declared["design"] == "one_at_a_time":
        name = f"paired sign flip, {correction_of(plan.declared)} over {contrasts}"
        return _paired(declared["seeds"], alpha, name, level_of(plan, len(plan.levels), sides=1))
    return _contrast(plan, alpha, contrasts)


def level_of(plan: Plan, tests: int, sides: int, seeds: int | None = None) -> float:
    """Returns the level that one of so many tests has to reach alone, the looks of a study that grows paid for.

    Args:
        plan: of the study; its seeds are those of this look.
        tests: that it is adjusted for.
        sides: 2: of a two-sided test, 1: of a one-sided one.
        seeds: at the look; None: those that the plan declares.
    """
    seeds = plan.declaration["seeds"] if seeds is None else seeds
    most = bound_at(plan, seeds)
    if most is None:
        return ALPHA / tests
    return sides * level_at_look(ALPHA / tests / sides, seeds, most)


def t_shift(df: float, alpha: float) -> float:
    """Returns the mean, in its standard error, that a two-sided t test detects; infinite without degrees of freedom.

    Solves P(T > t(1 - alpha / 2; df)) = .8 for the noncentrality of T, as Cohen (1988), chapter 2.

    Example:
        >>> round(t_shift(15, 0.05), 3), t_shift(0, 0.05)
        (2.998, inf)
    """
    if df < 1 or alpha <= 0:  # fewer seeds than a first look takes leave no level
        return inf
    critical = stats.t.isf(alpha / 2, df)
    return _solve(lambda shift: stats.nct.sf(critical, df, shift))  # the other tail holds less than 1e-5 of it


def seeds_needed(alpha: float) -> int:
    """Returns the fewest pairs with which the sign-flip test can reach a level: its smallest p is 2 / 2^pairs.

    Example:
        >>> seeds_needed(0.05), seeds_needed(0.05 / 12)
        (6, 9)
    """
    return next(seeds for seeds in range(1, 100) if 2 / 2**seeds <= alpha * (1 + 1e-12))


def contrast_error(plan: Plan) -> float:
    """Returns the largest standard error of a main effect with one seed, in standard deviations over seeds.

    An effect is the option less the baseline's, averaged over the rows of the other details; infinite where the
    design cannot estimate one. It is the root of the largest diagonal element of (X'X)^-1, X with a column of ones and
    one of 0 and 1 for each option.
    """
    columns = code_options(plan.levels, design_points(plan))[1]
    model = np.hstack([np.ones((len(columns), 1)), (columns + 1) / 2])
    if np.linalg.matrix_rank(model) < model.shape[1]:
        return inf
    return float(np.sqrt(np.diag(np.linalg.inv(model.T @ model))[1:].max()))


def _paired(seeds: int, alpha: float, name: str, level: float) -> PlannedTest:
    shift = smallest_shift(seeds, alpha)

    def equivalence(margin: float) -> float:
        return equivalence_power(margin / sqrt(2 / seeds), seeds - 1, level)

    if alpha <= 0:
        note = f"nothing can be tested yet: a study that grows is first looked at with {FIRST} seeds"
        return PlannedTest(name, alpha, inf, note, _never)
    if shift == inf:
        smallest = 2 / 2**seeds
        note = (
            f"nothing can reach p < {ALPHA:.2f}: the smallest p of {seeds} seeds is {smallest:.3g}, and {alpha:.3g} is "
            f"needed; {seeds_needed(alpha)} seeds could"
        )
        return PlannedTest(name, alpha, inf, note, equivalence)
    note = "the seeds of two arms are taken as uncorrelated"
    return PlannedTest(name, alpha, shift * sqrt(2), note, equivalence)


def _contrast(plan: Plan, alpha: float, contrasts: int) -> PlannedTest:
    term, seeds = plan_error_term(plan), plan.declaration["seeds"]
    name = f"contrast t on {term.name}, {correction_of(plan.declared)} over {contrasts}"
    error = contrast_error(plan) / sqrt(seeds)
    if term.df < 1:
        note = f"nothing can be tested: one seed leaves no {term.name}; 2 seeds could"
        return PlannedTest(name, alpha, inf, note, _never)
    if error == inf:
        note = "nothing can be tested: some effects share a column; raise variants"
        return PlannedTest(name, alpha, inf, note, _never)
    columns = term.df // (seeds - 1)
    fit = f"{term.spare} more for lack of fit" if term.spare else "none for lack of fit: the design is saturated"
    note = f"{columns} columns by {seeds - 1}: {term.df} degrees of freedom, {fit}; {ALONE}"
    if term.carried:
        note += " and no interactions mixed in: with them it is found far less often"
    if term.df < FEW:
        enough = 1 + -(-FEW // columns)
        note += f"; so few ask for t of {stats.t.isf(alpha / 2, term.df):.3g}: {enough} seeds would give {FEW} or more"
    variance, df = draw_errors(term)
    critical = stats.t.isf(alpha / 2, df) * np.sqrt(variance)
    shift = _solve(lambda shift: float((stats.norm.cdf(shift - critical) + stats.norm.cdf(-shift - critical)).mean()))

    reach = stats.t.isf(level_of(plan, len(plan.levels), sides=1), df) * np.sqrt(variance)

    def equivalence(margin: float) -> float:
        inside = 2 * stats.norm.cdf(margin / error - reach) - 1
        return float(np.maximum(inside, 0).mean()) if np.isfinite(margin) else np.nan

    return PlannedTest(name, alpha, shift * error, note, equivalence)


def _never(_margin: float) -> float:
    return 0.0


def _solve(power: Callable[[float], float]) -> float:
    upper = 1.0
    while power(upper) < POWER:  # a fixed bracket would ask for noncentral t where it is not computable
        upper *= 2
    return float(optimize.brentq(lambda shift: power(shift) - POWER, 0.0, upper))
