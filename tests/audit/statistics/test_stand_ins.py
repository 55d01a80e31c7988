"""Stand-ins of failed runs: bounded, on the bad side, and without harm to options that have nothing to do with them."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from simulated_factorial import make_plan, two_levels

from repro.audit.statistics.effects import describe_effects
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import code_details, fit_design
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.stand_ins import NOISE_SDS, fill_failed, fit_additive

ARMS = np.eye(4)[:, 1:]
ALL = np.ones(4, dtype=bool)


def runs(seed: int = 0, seeds: int = 5) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return 20 + 3 * generator.normal(size=(1, seeds)) + generator.normal(size=(4, seeds))


def failing(*places: tuple[int, int], seeds: int = 5) -> np.ndarray:
    failed = np.zeros((4, seeds), dtype=bool)
    for place in places:
        failed[place] = True
    return failed


def test_the_additive_fit_is_least_squares() -> None:
    """Against statsmodels, with values missing."""
    values = runs()
    values[0, 1] = values[2, 3] = values[2, 4] = np.nan
    variant, seed = np.nonzero(np.isfinite(values))
    table = pd.DataFrame({"y": values[variant, seed], "v": variant, "s": seed})
    fit, known = fit_additive(values), smf.ols("y ~ C(v) + C(s)", table).fit()
    assert fit.sd == pytest.approx(known.mse_resid**0.5)
    fitted = fit.means[:, None] + fit.shifts
    np.testing.assert_allclose(fitted[variant, seed], known.fittedvalues)


def test_a_seed_of_one_variant_shifts_nothing() -> None:
    values = np.hstack([runs(), np.full((4, 2), np.nan)])
    values[0, 5:] = [90.0, -50.0]
    fit, without = fit_additive(values), fit_additive(values[:, :5])
    assert fit.shifts[5:].tolist() == [0, 0]
    assert fit.sd == pytest.approx(without.sd)


@pytest.mark.parametrize("higher", [True, False])
def test_a_stand_in_is_bounded_by_the_noise(higher: bool) -> None:
    """Two noise sd below what variant and seed lead one to expect, whatever other arms show."""
    values, failed = runs(), failing((2, 1))
    values[3] -= 1000 if higher else -1000
    filled, lost = fill_failed(values, failed, ARMS, ALL, higher)
    fit = fit_additive(np.where(failed, np.nan, values))
    expected = fit.means[2] + fit.shifts[1]
    assert lost == pytest.approx(NOISE_SDS * fit.sd)
    assert lost < 3
    away = expected - filled[2, 1] if higher else filled[2, 1] - expected
    residuals = (values[2] - fit.means[2] - fit.shifts)[~failed[2]]
    assert away == pytest.approx(max(lost, -residuals.min() if higher else residuals.max()))
    np.testing.assert_array_equal(filled[~failed], values[~failed])


def test_it_is_never_better_than_the_variant_s_worst_run() -> None:
    values = np.zeros((4, 5)) + np.random.default_rng(1).normal(0, 0.01, size=(4, 5))
    values[2, 0] = -10.0
    filled, lost = fill_failed(values, failing((2, 4)), ARMS, ALL, higher_is_better=True)
    fit = fit_additive(np.where(failing((2, 4)), np.nan, values))
    assert fit.means[2] - filled[2, 4] + fit.shifts[4] == pytest.approx(fit.means[2] + fit.shifts[0] + 10)
    assert fit.means[2] + fit.shifts[0] + 10 > lost


def test_an_arm_that_always_fails_stands_below_the_baseline() -> None:
    values, failed = runs(), failing(*((2, seed) for seed in range(5)))
    filled, lost = fill_failed(values, failed, ARMS, ALL, higher_is_better=True)
    fit = fit_additive(np.where(failed, np.nan, values))
    np.testing.assert_allclose(filled[2], fit.means[0] + fit.shifts - lost)


def test_a_variant_without_a_run_is_expected_from_its_options() -> None:
    """Two details in all four combinations: without noise the missing one is the sum of their effects."""
    columns = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=float)
    values = np.array([20.0, 22.0, 25.0, 0.0])[:, None] + np.arange(3)
    failed = np.zeros((4, 3), dtype=bool)
    failed[3] = True
    assert fill_failed(values, failed, columns, ALL, True)[0][3] == pytest.approx([27, 28, 29])


def test_a_control_stands_in_for_nobody_else() -> None:
    values, failed, design = runs(), failing((1, 2)), np.array([True, True, True, False])
    before = fill_failed(values, failed, ARMS, design, True)
    values[3] = [-50, 400, 3, 9000, 1]
    after = fill_failed(values, failed, ARMS, design, True)
    np.testing.assert_array_equal(before[0][:3], after[0][:3])


def test_without_replicates_it_is_the_worst_value() -> None:
    values, failed = runs(seeds=1), failing((2, 0), seeds=1)
    filled, lost = fill_failed(values, failed, ARMS, ALL, higher_is_better=False)
    assert filled[2, 0] == values[~failed].max()
    assert np.isnan(lost)


def test_where_all_runs_failed_there_is_no_value() -> None:
    filled, lost = fill_failed(runs(), np.ones((4, 5), dtype=bool), ARMS, ALL, True)
    assert np.isnan(filled).all()
    assert np.isnan(lost)


def test_the_other_effects_hold_beside_a_terrible_option() -> None:
    """15 details in 32 variants of two seeds, one run of 64 failed, one option 10 sd worse: standard errors stay.

    They were five times as large with the worst value of the study. Of 40 studies, each effect covers in no less than
    95 % but for 1 in 10,000: 14 effects share a study's error, so that the limit is taken over studies.
    """
    plan = make_plan(two_levels(15), seeds=2)
    coding, names = code_details(plan), np.full((32, 2), "run", dtype=object)
    truth = np.zeros(15)
    truth[0] = -10.0
    inflated, covered = [], []
    for study in range(40):
        generator = np.random.default_rng(study)
        values = (coding.matrix @ truth)[:, None] + generator.normal(size=(32, 2))
        failed = np.zeros((32, 2), dtype=bool)
        failed.ravel()[generator.integers(64)] = True
        errors = []
        for table in (values, fill_failed(values, failed, coding.matrix, coding.design, True)[0]):
            outcomes = Outcomes("m0", 1.0, [v.id for v in plan.variants], np.arange(2), table, failed, names)
            fit, term = fit_design(coding, outcomes), choose_error_term(coding, outcomes)
            found = describe_effects(fit.estimates, np.diag(fit.unit), term.variance, term.df)
            errors.append(found["se"][1:].mean())
        covered.append(((found["low"] < truth) & (truth < found["high"]))[1:].mean())
        inflated.append(errors[1] / errors[0])
    assert np.mean(inflated) < 1.1
    assert np.mean(covered) > 0.95 - 3.7 * np.std(covered) / 40**0.5
