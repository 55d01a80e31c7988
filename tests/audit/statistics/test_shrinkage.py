"""Shrunken effects: on selected effects they are nearer the truth than the raw ones, and their intervals cover."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats
from simulated_factorial import linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.linear_model import Floats
from repro.audit.statistics.multiplicity import adjust_p
from repro.audit.statistics.shrinkage import FEWEST, SHRUNKEN_COLUMNS, TAIL_DF, shrink_estimates

OPTIONS, DF, STUDIES = 15, 15, 80


class Found(NamedTuple):
    """What a method says of effects, with the truth."""

    truth: Floats
    estimate: Floats
    low: Floats
    high: Floats

    def select(self, chosen: Floats) -> "Found":
        return Found(*(column[chosen] for column in self))

    @property
    def error(self) -> float:
        return float(np.abs(self.estimate - self.truth).mean())

    @property
    def inflation(self) -> float:
        """How much larger than the truth, in its direction."""
        return float((np.abs(self.estimate) - self.truth * np.sign(self.estimate)).mean())

    @property
    def coverage(self) -> float:
        return float(((self.low <= self.truth) & (self.truth <= self.high)).mean())


def draw_studies(sd: float, sparse: bool) -> tuple[Found, Found, Floats]:
    """Draws screens whose runs have an error of 1 per effect, known to 15 degrees of freedom, one for all effects."""
    generator = np.random.default_rng([7, int(10 * sd), sparse])
    raw, shrunken, selected = [], [], []
    for _ in range(STUDIES):
        truth = sd * generator.standard_normal(OPTIONS)
        if sparse:
            truth = np.where(np.arange(OPTIONS) < 3, sd * generator.choice([-1, 1], OPTIONS), 0.0)
        estimate = truth + generator.standard_normal(OPTIONS)
        se = np.full(OPTIONS, np.sqrt(generator.chisquare(DF) / DF))
        half = stats.t.ppf(0.975, DF) * se
        raw.append(Found(truth, estimate, estimate - half, estimate + half))
        found = shrink_estimates(estimate, se, np.full(OPTIONS, float(DF)), pooled=True)
        shrunken.append(Found(truth, found.mean, found.low, found.high))
        p = 2 * stats.t.sf(np.abs(estimate) / se, DF)
        selected.append(adjust_p(p, "Benjamini-Hochberg") < 0.05)
    return (
        Found(*map(np.concatenate, zip(*raw, strict=True))),
        Found(*map(np.concatenate, zip(*shrunken, strict=True))),
        np.concatenate(selected),
    )


@pytest.mark.parametrize(("sd", "sparse"), [(1.0, False), (2.0, False), (4.0, True)], ids=["small", "large", "sparse"])
def test_selected_effects_are_nearer_the_truth(sd: float, sparse: bool) -> None:
    raw, shrunken, selected = draw_studies(sd, sparse)
    assert shrunken.error < raw.error
    assert shrunken.coverage > 0.95 - 0.02, (
        "1,200 effects have a Monte Carlo error of .006, those of one study go together"
    )
    first, second = raw.select(selected), shrunken.select(selected)
    assert len(first.truth) > 30
    assert first.inflation > 0.3, "winner's curse"
    assert abs(second.inflation) < first.inflation
    if not sparse:  # there the selected are the few that a prior on all of them draws inwards
        assert second.error < first.error
    assert second.coverage > max(first.coverage - 0.02, 0.85)


def test_the_less_is_known_the_more_is_shrunken() -> None:
    estimates, se = np.array([1.0, -1.0, 2.0, 0.5, -0.3, 2.0]), np.array([0.5, 0.5, 0.5, 0.5, 0.5, 2.0])
    found = shrink_estimates(estimates, se, np.full(6, 20.0), pooled=False)
    assert (np.abs(found.mean) < np.abs(estimates)).all()
    assert (np.sign(found.mean) == np.sign(estimates)).all()
    assert abs(found.mean[5]) < abs(found.mean[2]), "the same estimate, less well known"
    assert ((found.low < found.mean) & (found.mean < found.high)).all()


@pytest.mark.parametrize("pooled", [True, False])
def test_large_effects_keep_their_raw_intervals(pooled: bool) -> None:
    """Where noise is nothing beside the effects there is nothing to shrink, and the t interval stays."""
    estimates, df = 1000.0 * np.arange(1, 9), 12.0
    found = shrink_estimates(estimates, np.ones(8), np.full(8, df), pooled)
    half = stats.t.ppf(0.975, df)
    np.testing.assert_allclose(found.mean, estimates, rtol=1e-4)
    np.testing.assert_allclose(found.high - found.mean, half, rtol=0.06)  # eight values of the error, not all of them


def test_the_unit_of_the_metric_does_not_matter() -> None:
    estimates = np.array([0.3, -1.2, 2.5, 0.1, -0.4])
    one = shrink_estimates(estimates, np.full(5, 0.6), np.full(5, 9.0), pooled=True)
    more = shrink_estimates(100 * estimates, np.full(5, 60.0), np.full(5, 9.0), pooled=True)
    for first, second in zip(one, more, strict=True):
        np.testing.assert_allclose(second, 100 * np.asarray(first), rtol=1e-5)


def test_the_posterior_mean_is_that_of_a_direct_integration() -> None:
    """Three options, errors known: the model integrated over a fine grid of tau and of the effects themselves."""
    estimates, se = np.array([1.0, -0.5, 3.0]), 1.0
    found = shrink_estimates(estimates, np.full(3, se), np.full(3, 1e9), pooled=True)
    tau = np.geomspace(0.05, 12.0, 300)
    theta = np.linspace(-60, 60, 4001)
    prior = stats.t.pdf(theta / tau[:, None], TAIL_DF) / tau[:, None]
    fit = stats.norm.pdf(estimates[:, None] - theta)
    marginal = np.einsum("tx,kx->kt", prior, fit)
    weight = marginal.prod(axis=0) * tau**2
    means = np.einsum("tx,kx,x->kt", prior, fit, theta) / marginal
    expected = (means * weight).sum(axis=1) / weight.sum()
    np.testing.assert_allclose(found.mean, expected, atol=0.05)


def test_the_table_has_every_option_and_no_control() -> None:
    plan = make_plan(two_levels(4), seeds=3, controls=True)
    analysis = analyse(plan, simulate(plan, linear(a=3)))
    shrunken = analysis.shrunken
    assert list(shrunken.columns) == list(SHRUNKEN_COLUMNS)
    assert set(shrunken["detail"]) == set(plan.levels)
    assert set(shrunken["options"]) == {4}
    assert (shrunken["shrunken"].abs() < shrunken["estimate"].abs()).all()


def test_too_few_options_are_not_shrunken() -> None:
    plan = make_plan(two_levels(FEWEST - 1), "full_factorial", seeds=3)
    shrunken = analyse(plan, simulate(plan, linear(a=3))).shrunken
    assert shrunken["shrunken"].isna().all()
    assert shrunken["estimate"].notna().all()
