"""The statistics on studies of known truth: error rates at their nominal level, intervals that cover.

Every metric of a simulated study is one independent repetition of it. Images share an effect between all arms and
differ by noise of their own within a run, as test images do.
"""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import Noise, at_most, linear, simulate

from repro.audit.statistics.effects import paired_effects
from repro.audit.statistics.interactions import INTERACTION_COLUMNS
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.paired import skew_corrected_p
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS, judge_details
from repro.audit.study.plan import Plan

NO_INTERACTIONS = pd.DataFrame(columns=list(INTERACTION_COLUMNS))
NESTED = Noise(seed=0.7, run=1.0, image=0.5)


def adjusted_effects(plan: Plan, results: Results) -> pd.DataFrame:
    return judge_effects(plan, tabulate_outcomes(plan, results), partial(paired_effects, plan))


def image_effects(results: Results, seed: int) -> Results:
    """Adds an effect of each image that all runs share, per metric."""
    rows = results.rows
    metrics = pd.factorize(rows["metric"])[0]
    shared = np.random.default_rng(seed).normal(0, 3, size=(metrics.max() + 1, rows["unit"].max() + 1))
    return results._replace(rows=rows.assign(value=rows["value"] + shared[metrics, rows["unit"]]))


def test_family_wise_false_alarms() -> None:
    """Twelve details that do nothing: hardly more than one study in twenty says of any that it matters."""
    plan = arms_plan(12, seeds=10, metrics=400)
    results = image_effects(simulate(plan, linear(), NESTED, images=3, seed=1), 2)
    effects = adjusted_effects(plan, results)
    alarmed = (effects["p_adjusted"] < 0.05).groupby(effects["metric"]).any()
    assert at_most(int(alarmed.sum()), len(alarmed), 0.05)
    assert (effects["p"] < 0.05).groupby(effects["metric"]).any().mean() > 0.25  # unadjusted, it would be many


def test_images_counted_as_replicates_would_break_it() -> None:
    """The same kind of studies, every image taken for a run of its own: most of them raise a false alarm."""
    plan = arms_plan(12, seeds=10, metrics=60)
    results = image_effects(simulate(plan, linear(), NESTED, images=10, seed=3), 4)
    values = results.rows["value"].to_numpy().reshape(60, 13, 10 * 10)  # metric, variant, seed and image
    p = stats.ttest_1samp(values[:, 1:] - values[:, :1], 0, axis=2).pvalue
    alarmed = p.min(axis=1) * 12 < 0.05  # the first step of Holm
    assert not at_most(int(alarmed.sum()), len(alarmed), 0.05)
    assert np.mean(alarmed) > 0.5


@pytest.mark.parametrize("sign", [-1, 1])
def test_equivalence_at_the_margin(sign: int) -> None:
    """A true difference as large as the margin is called equivalent at most once in twenty."""
    plan = arms_plan(1, seeds=10, margin=2.0, metrics=400)
    tables = tabulate_outcomes(plan, results := simulate(plan, linear(a=sign * 2.0), NESTED, seed=5))
    verdicts = judge_details(plan, tables, adjusted_effects(plan, results), NO_INTERACTIONS)
    called = int((verdicts["verdict"] == EQUIVALENT).sum())
    assert at_most(called, len(verdicts), 0.05)
    assert called > 8  # the margin is narrow enough for the rate to be reached


@pytest.mark.parametrize("seeds", [3, 8])
def test_intervals_cover(seeds: int) -> None:
    """Intervals of 95 and 90 % hold the true effect as often as they say, within Monte Carlo error."""
    plan = arms_plan(1, seeds=seeds, metrics=500)
    effects = adjusted_effects(plan, simulate(plan, linear(a=1.5), NESTED, images=2, seed=6))
    for low, high, level in (("low", "high", 0.95), ("low90", "high90", 0.9)):
        covered = int(((effects[low] < 1.5) & (effects[high] > 1.5)).sum())
        assert stats.binomtest(covered, len(effects), level).pvalue > 1e-4


def test_an_effect_is_found_as_often_as_its_power_says() -> None:
    """The sd of differences is sqrt(2); a shift of 1.5 of them at 9 seeds, by both halves of the test."""
    plan = arms_plan(1, seeds=9, metrics=400)
    tables = tabulate_outcomes(plan, results := simulate(plan, linear(a=1.5 * 2**0.5), NESTED, seed=7))
    verdicts = judge_details(plan, tables, adjusted_effects(plan, results), NO_INTERACTIONS)
    generator = np.random.default_rng(8)
    shared = NESTED.seed * generator.normal(size=(2000, 9))
    option, baseline = shared + generator.normal(size=(2, 2000, 9)) * np.hypot(NESTED.run, NESTED.image)
    draws = (option := option + 1.5 * 2**0.5) - baseline
    signs = np.array(list(product([-1, 1], repeat=9)))
    p = (np.abs(draws @ signs.T) >= np.abs(draws.sum(axis=1, keepdims=True)) - 1e-9).mean(axis=1)
    p = np.maximum(p, skew_corrected_p(option, baseline))
    assert abs((verdicts["verdict"] == MATTERS).mean() - (p < 0.05).mean()) < 0.05
