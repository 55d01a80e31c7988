"""The smallest effect that a plan can be expected to see: 80 % power, two-sided, for the very test of its design.

A plan and, where they were measured, standard deviations over seeds flow in; a table flows out. Knows nothing of
results. Closed forms only; how many further seeds an open question takes is simulated after the sweep.
"""

from collections.abc import Callable, Mapping
from math import floor, inf, sqrt
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from repro.audit.study.aliases import design_points
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan

ALPHA: Final = 0.05
POWER: Final = 0.8


class Test(NamedTuple):
    """What one comparison of a plan rests on.

    Attributes:
        name: the test and the adjustment.
        alpha: the level that one comparison has to reach: 0.05 shared among all of them.
        effect: the smallest effect detectable, in standard deviations over seeds; infinite: out of reach.
        note: what to know, or why nothing can be detected.
    """

    name: str
    alpha: float
    effect: float
    note: str


def detectable_effects(plan: Plan, noise: Mapping[str, float]) -> pd.DataFrame:
    """Returns the smallest detectable effect of each metric.

    Args:
        plan: the plan.
        noise: standard deviation over seeds of the replicated baseline, for the metrics where it was measured.

    Returns:
        One row per metric: `metric`, `effect` (in `unit`; infinite: out of reach), `unit` ("seed SD" where no noise
        was measured), `margin`, `sd` (NaN likewise), `seeds`, `test`, `alpha`, `note`.
    """
    found = choose_test(plan)
    rows = []
    for name, metric in plan.declaration["metrics"].items():
        sd = noise.get(name, np.nan)
        known = not np.isnan(sd)
        unit = metric["unit"] if known else "seed SD"
        effect = found.effect * sd if known else found.effect
        seeds = plan.declaration["seeds"]
        rows.append((name, effect, unit, metric["margin"], sd, seeds, found.name, found.alpha, found.note))
    return pd.DataFrame(rows, columns=["metric", "effect", "unit", "margin", "sd", "seeds", "test", "alpha", "note"])


def choose_test(plan: Plan) -> Test:
    """Returns the test of a plan's design, with the smallest effect that it detects."""
    declared = plan.declaration
    contrasts = sum(len(options) - 1 for options in plan.levels.values())
    if not contrasts:
        seeds = max(declared["seeds"], declared["baseline_seeds"])
        return _paired(seeds, ALPHA, "paired sign flip of the controls")
    alpha = ALPHA / contrasts
    if declared["design"] == "one_at_a_time":
        return _paired(declared["seeds"], alpha, f"paired sign flip, Holm over {contrasts}")
    return _contrast(plan, alpha, f"contrast t on pure error, Benjamini-Hochberg over {contrasts}")


def paired_shift(seeds: int, alpha: float) -> float:
    """Returns the mean of paired differences, in their standard deviation, that the sign-flip test detects.

    Where only the most extreme of all sign patterns is significant the power has a closed form, since the test then
    asks for differences of one sign; else it is taken as that of the t test at the level that the test can reach,
    which with two to five significant patterns promises up to 0.1 too much power.

    Args:
        seeds: pairs.
        alpha: two-sided level.
    """
    patterns = 2 ** (seeds - 1) if seeds else 0
    significant = floor(alpha * patterns * (1 + 1e-12))
    if significant < 1:
        return inf
    if significant == 1:
        return _solve(lambda shift: stats.norm.cdf(shift) ** seeds + stats.norm.cdf(-shift) ** seeds)
    return t_shift(seeds - 1, significant / patterns) / sqrt(seeds)


def t_shift(df: float, alpha: float) -> float:
    """Returns the mean, in its standard error, that a two-sided t test detects; infinite without freedom."""
    if df < 1:
        return inf
    critical = stats.t.isf(alpha / 2, df)
    return _solve(lambda shift: stats.nct.sf(critical, df, shift))  # the other tail holds less than 1e-5 of it


def seeds_needed(alpha: float) -> int:
    """Returns the fewest pairs with which the sign-flip test can reach a level: its smallest p is 2 / 2^pairs."""
    return next(seeds for seeds in range(1, 100) if 2 / 2**seeds <= alpha * (1 + 1e-12))


def contrast_error(plan: Plan) -> float:
    """Returns the largest standard error of a main effect with one seed, in standard deviations over seeds.

    An effect is the option less the baseline's, averaged over the rows of the other details; infinite where the
    design cannot estimate one.
    """
    columns = code_options(plan.levels, design_points(plan))[1]
    model = np.hstack([np.ones((len(columns), 1)), (columns + 1) / 2])
    if np.linalg.matrix_rank(model) < model.shape[1]:
        return inf
    return float(np.sqrt(np.diag(np.linalg.inv(model.T @ model))[1:].max()))


def _paired(seeds: int, alpha: float, name: str) -> Test:
    shift = paired_shift(seeds, alpha)
    if shift == inf:
        smallest = 2 / 2**seeds
        note = (
            f"nothing can reach p < {ALPHA:.2f}: the smallest p of {seeds} seeds is {smallest:.3g}, and {alpha:.3g} is "
            f"needed; {seeds_needed(alpha)} seeds could"
        )
        return Test(name, alpha, inf, note)
    return Test(name, alpha, shift * sqrt(2), "the seeds of two arms are taken as uncorrelated")


def _contrast(plan: Plan, alpha: float, name: str) -> Test:
    seeds, rows = plan.declaration["seeds"], len(design_points(plan))
    df = (rows - 1) * (seeds - 1)
    error = contrast_error(plan) / sqrt(seeds)
    if df < 1:
        return Test(name, alpha, inf, "nothing can be tested: one seed leaves no pure error; 2 seeds could")
    if error == inf:
        return Test(name, alpha, inf, "nothing can be tested: some effects share a column; raise runs")
    note = f"{rows} rows by {seeds} seeds, {df} degrees of freedom; for an effect that is real alone"
    return Test(name, alpha, t_shift(df, alpha) * error, note)


def _solve(power: Callable[[float], float]) -> float:
    upper = 1.0
    while power(upper) < POWER:  # a fixed bracket would ask for noncentral t where it is not computable
        upper *= 2
    return float(optimize.brentq(lambda shift: power(shift) - POWER, 0.0, upper))
