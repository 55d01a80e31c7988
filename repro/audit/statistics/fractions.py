"""Effects of a study whose batches bring a fraction of their own: each fraction is one replicate, and nothing else is.

A fraction (`study.batches`) gives one estimate of every effect: least squares of its own runs, with a mean for each of
its seeds. Rows, signs and seeds are drawn for it alone, so that the estimates b_1, b_2, ... of one effect are
independent and alike, with the effect averaged over all combinations of the other details as their mean: what noise,
seeds and interactions put into an estimate differs from one to the next, and is seen in their spread. So

    estimate = mean of b_1 ... b_n,   se^2 = variance of b_1 ... b_n / n,   t on n - 1 degrees of freedom,

and there is no lack of fit to carry: it is in se, and n makes it as small as one likes. The spread is that of the
effect's own estimates and not pooled over details: effects with which seeds or interactions do more are not held
against what others do. (Pooled, with one of 15 effects three times as variable, something false is found in .09 of
studies of 20 fractions under Holm; by its own, in .02. It costs a sixth more fractions for ten verdicts of fifteen.)

**Why looks and batches do not break this.** What results decide is how many fractions there are, and which details are
still asked about; never which rows come next, which `study.batches` draws from numbers that no result enters. So the
estimates that an ordinary regression on rows chosen by results would bend (Nie et al. 2018) are plain means of a
sequence that was fixed before. Imagine all fractions, or in pairs all seeds of an arm, as written down beforehand:
whatever is looked at, in whatever order arms are dropped, one sees a prefix of each sequence. The levels of
`sequential` bound the chance that *any* prefix of up to N is found; hence also that of the prefix at which somebody,
for whatever reason in the past, stops. All details count in the correction from the first look, dropped ones too, with
the smallest p so far, as at the look at which they were settled. Holm then bounds false finds at any stop (each p is
one for any stopping time); Benjamini-Hochberg bounds their share where p-values are as if independent, and at
worst times the sum of 1 / k over the family where the stop ties them together: measured, not proved.

Source: Lattimore & Szepesvari, Bandit Algorithms (2020), section 4.6, on sequences that are fixed whatever the policy;
Robbins, Statistical methods related to the law of the iterated logarithm (1970), on bounds for all n at once; Bartroff
& Song (2014) on Holm over looks; Xu, Wang & Ramdas, A unified framework for bandit multiple testing (2021), on false
discoveries where the next sample is chosen by results; Nie, Tian, Taylor & Zou, Why adaptively collected data have
negative bias (2018). Fisher (1935) and Wu & Hamada (2009, section 5.2) on randomised columns. `python -m benchmarks
adaptive` measures error rates over whole studies.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import EFFECT_COLUMNS, describe_effects
from repro.audit.statistics.linear_model import Floats, fit_effects
from repro.audit.statistics.outcomes import Outcomes, baseline_option, tabulate_outcomes
from repro.audit.statistics.results import Results
from repro.audit.study.batches import list_fractions, seeds_of_fraction
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan, Run

FEWEST = 2
"""Fractions with which something can be said."""


class Fractions(NamedTuple):
    """The estimates that fractions give of one metric at one share of the training.

    Attributes:
        metric: its name.
        train_fraction: share of the training.
        estimates: (K, n) float64, one for each option and fraction; NaN where a fraction cannot tell it.
        runs: of each fraction, those with a value.
        failed: how many runs of each fraction have a stand-in.
    """

    metric: str
    train_fraction: float
    estimates: Floats
    runs: list[tuple[str, ...]]
    failed: list[int]


def tabulate_fractions(plan: Plan, results: Results) -> list[Fractions]:
    """Estimates effects in every fraction whose runs have all been run, up to the first that lacks one.

    Args:
        plan: with its batches.
        results: of all their runs.

    Returns:
        One for each metric and share of the training that was measured; empty with fewer than `FEWEST` fractions.
    """
    fractions = list_fractions(plan) if plan.draws_fractions else []
    if len(fractions) < FEWEST:
        return []
    grown = plan.grown()
    fresh = {run.id for fraction in fractions for run in fraction}
    rows = results.rows[results.rows["run"].isin(fresh)]
    held = {run.variant for fraction in fractions for run in fraction} | {plan.baseline().id}
    variants = [variant for variant in grown.variants if variant.id in held]
    alone = grown.model_copy(update={"variants": variants, "runs": [run for run in grown.runs if run.id in fresh]})
    columns = (code_options(plan.levels, [variant.settings for variant in variants])[1] + 1) / 2
    found = [_estimate(table, columns, fractions) for table in tabulate_outcomes(alone, results._replace(rows=rows))]
    return [each for each in found if len(each.runs) >= FEWEST]


def _estimate(table: Outcomes, columns: Floats, fractions: Sequence[Sequence[Run]]) -> Fractions:
    row = {variant: place for place, variant in enumerate(table.variants)}
    column = {int(seed): place for place, seed in enumerate(table.seeds)}
    missing = table.missing()
    estimates: list[Floats] = []
    runs: list[tuple[str, ...]] = []
    failed: list[int] = []
    for fraction in fractions:
        places = np.array([row[run.variant] for run in fraction]), np.array([column[run.seed] for run in fraction])
        if missing[places].any():
            break
        rows, seeds = (np.unique(each) for each in places)
        own = np.full(table.values.shape, np.nan)
        own[places] = table.values[places]
        estimates.append(fit_effects(columns[rows], own[np.ix_(rows, seeds)]).estimates)
        runs.append(tuple(str(run.id) for run in fraction))
        failed.append(int(table.failed[places].sum()))
    together = np.array(estimates, dtype=np.float64).reshape(len(estimates), columns.shape[1]).T
    return Fractions(table.metric, table.train_fraction, together, runs, failed)


def fraction_effects(plan: Plan, tables: Sequence[Fractions], count: int) -> pd.DataFrame:
    """Returns the effects as the first so many fractions give them: rows of `Analysis.effects`, kind "fractions".

    `sd` is that of the estimates of single fractions; `hedges_g` and the two probabilities, which are about single
    runs, are NaN. The runs of an effect are those of all fractions: each tells of every detail.
    """
    names = [(detail, show_value(option)) for detail, known in plan.levels.items() for option in known[1:]]
    parts = []
    for table in tables:
        own, some = table.estimates[:, :count], min(count, len(table.runs))
        known = np.isfinite(own).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known > 0, np.nansum(own, axis=1) / known, np.nan)
            variance = np.where(known > 1, np.nansum((own - mean[:, None]) ** 2, axis=1) / (known - 1), np.nan)
            numbers = describe_effects(mean, 1.0 / known, variance, known - 1.0)
        runs = tuple(run for fraction in table.runs[:some] for run in fraction)
        parts.append(
            pd.DataFrame(
                {
                    "detail": [detail for detail, _ in names],
                    "option": [option for _, option in names],
                    "metric": table.metric,
                    "train_fraction": table.train_fraction,
                    "baseline": [baseline_option(plan, detail) for detail, _ in names],
                    "kind": "fractions",
                    "seeds": known * seeds_of_fraction(plan),
                    **numbers,
                    "sd": np.sqrt(variance),
                    "fixed": 0.0,
                    "failed": sum(table.failed[:some]),
                    "runs": [runs] * len(names),
                    "baseline_runs": [()] * len(names),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).reindex(columns=list(EFFECT_COLUMNS))
