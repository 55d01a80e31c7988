"""Paired statistics against scipy, statsmodels and closed forms."""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, simulate
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from repro.audit.statistics.effects import paired_effects
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.multiplicity import adjust_p, smallest_adjusted_p
from repro.audit.statistics.outcomes import noise_floor, tabulate_outcomes
from repro.audit.statistics.paired import compare_pairs, sign_flip_p, skew_corrected_p, smallest_p


def pairs(seeds: int, arms: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    baseline = generator.normal(20, 1, size=(1, seeds))
    return baseline + generator.normal(0.5, 0.8, size=(arms, seeds)), baseline


@pytest.mark.parametrize("seeds", [2, 5, 9, 12])
def test_sign_flip_is_scipys_exact_test(seeds: int) -> None:
    option, baseline = pairs(seeds)
    differences = (option - baseline).round(1)  # ties among the sums
    expected = [
        stats.permutation_test((row,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False).pvalue
        for row in differences
    ]
    np.testing.assert_allclose(sign_flip_p(differences), expected, rtol=1e-12)


def test_sign_flip_of_many_seeds_is_drawn() -> None:
    """At 16 seeds it is exact; the drawn test of 17 is close to a t test on normal data, never zero, and repeats."""
    differences = np.random.default_rng(1).normal(0.4, 1, size=(5, 17))
    p = sign_flip_p(differences)
    np.testing.assert_allclose(p, stats.ttest_1samp(differences, 0, axis=1).pvalue, atol=0.02)
    np.testing.assert_array_equal(p, sign_flip_p(differences))
    assert sign_flip_p(differences + 50).tolist() == [1 / 20_000] * 5


@pytest.mark.parametrize(("seeds", "expected"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (9, 0.00390625)])
def test_smallest_p(seeds: int, expected: float) -> None:
    assert smallest_p(seeds) == expected == sign_flip_p(np.ones((1, seeds)))[0]
    assert smallest_adjusted_p(seeds, 12) == min(1.0, 12 * expected)


def test_intervals_are_those_of_the_paired_t_test() -> None:
    option, baseline = pairs(7)
    found = compare_pairs(option, baseline, higher_is_better=True)
    for row, values in enumerate(option):
        test = stats.ttest_rel(values, baseline[0])
        assert found["df"][row] == test.df
        assert found["estimate"][row] == pytest.approx((values - baseline[0]).mean())
        for names, level in ((("low", "high"), 0.95), (("low90", "high90"), 0.9)):
            assert [found[name][row] for name in names] == pytest.approx(list(test.confidence_interval(level)))
        assert found["correlation"][row] == pytest.approx(np.corrcoef(values, baseline[0])[0, 1])
        greater = stats.mannwhitneyu(values, baseline[0]).statistic / 49
        assert found["probability_of_improvement"][row] == pytest.approx(greater)
        assert found["superiority"][row] == pytest.approx((values > baseline[0]).mean())
    turned = compare_pairs(option, baseline, higher_is_better=False)
    for name in ("probability_of_improvement", "superiority"):
        np.testing.assert_allclose(turned[name], 1 - found[name])


def draw_arms(noise: str, ratio: float, seeds: int, studies: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Returns an option and a baseline of equal means, the option with `ratio` times the spread."""
    generator = np.random.default_rng([seeds, len(noise)])
    draws = generator.exponential(size=(2, studies, seeds)) - 1 if noise == "exponential" else None
    draws = generator.normal(size=(2, studies, seeds)) if draws is None else draws
    return ratio * draws[0], draws[1]


@pytest.mark.parametrize(("noise", "ratio"), [("normal", 1), ("normal", 4), ("exponential", 1), ("exponential", 4)])
@pytest.mark.parametrize("seeds", [8, 12])
def test_skewed_noise_of_unequal_spread_is_no_effect(noise: str, ratio: float, seeds: int) -> None:
    """4,000 studies err by .0034: .065 is four such errors above the level, and the sign flip alone has .08."""
    option, baseline = draw_arms(noise, ratio, seeds)
    found = compare_pairs(option, baseline, higher_is_better=True)
    assert (found["p"] <= 0.05).mean() < 0.065
    assert (found["p"] >= found["p_sign_flip"]).all()
    if noise == "exponential" and ratio == 4:
        assert (found["p_sign_flip"] <= 0.05).mean() > 0.07, "the setting shows nothing"


def test_the_robust_test_keeps_its_power_at_equal_spread() -> None:
    option, baseline = draw_arms("normal", 1, 12)
    found = compare_pairs(option + 1.3, baseline, higher_is_better=True)
    robust, flip = ((found[name] <= 0.05).mean() for name in ("p", "p_sign_flip"))
    assert 0.8 < flip < 0.95
    assert robust > flip - 0.02


def test_the_correction_is_nothing_where_arms_mirror_each_other() -> None:
    """Equal spread and exchanged residuals: no skewness, so that it is the t test."""
    values = np.array([[1.0, 2.0, 9.0, 4.0]])
    shifted = values[:, ::-1] + 3
    expected = stats.ttest_rel(shifted[0], values[0]).pvalue
    assert skew_corrected_p(shifted, values)[0] == pytest.approx(expected)


def test_the_correction_grows_with_the_difference() -> None:
    """More of a difference is never less evidence, however skewed."""
    option, baseline = draw_arms("exponential", 4, 7, studies=50)
    shifts = np.linspace(3, 60, 30)
    found = np.array([skew_corrected_p(option + shift, baseline) for shift in shifts])
    late = np.diff(found[shifts > 30], axis=0)
    assert (late <= 1e-12).all()
    assert found[-1].max() < 0.05


@pytest.mark.parametrize("margin", [0.2, 0.6, 1.2, 2.0])
def test_the_interval_inside_the_margin_is_tost(margin: float) -> None:
    option, baseline = pairs(8, arms=20)
    found = compare_pairs(option, baseline, higher_is_better=True)
    inside = (found["low90"] > -margin) & (found["high90"] < margin)
    tost = [ttost_paired(values, baseline[0], -margin, margin)[0] < 0.05 for values in option]
    assert inside.tolist() == tost


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_hedges_g_has_hardly_a_bias(shared: float) -> None:
    """Its mean over many studies is the true difference over the arms' sd, whatever their correlation."""
    generator = np.random.default_rng(2)
    seed_effect = generator.normal(0, shared, size=(20_000, 6))
    option, baseline = (seed_effect + generator.normal(mean, (1 - shared**2) ** 0.5, (20_000, 6)) for mean in (1.2, 0))
    found = compare_pairs(option, baseline, higher_is_better=True)["hedges_g"]
    raw = (option - baseline).mean(axis=1) / np.sqrt((option.var(axis=1, ddof=1) + baseline.var(axis=1, ddof=1)) / 2)
    assert found.mean() == pytest.approx(1.2, rel=0.03)  # 20,000 studies err by .005
    assert raw.mean() > 1.2 * 1.05


def test_seeds_that_one_arm_lacks_are_left_out() -> None:
    option, baseline = pairs(9)
    option[0, 3], option[1, 5:], option[2, 1:] = np.nan, np.nan, np.nan
    found = compare_pairs(option, baseline, higher_is_better=True)
    assert found["seeds"].tolist() == [8, 5, 1, 9]
    whole = compare_pairs(np.delete(option, 3, axis=1)[:1], np.delete(baseline, 3, axis=1), higher_is_better=True)
    for name in (
        "estimate",
        "low",
        "high90",
        "hedges_g",
        "probability_of_improvement",
        "superiority",
        "p",
        "correlation",
    ):
        assert found[name][0] == pytest.approx(whole[name][0])
    assert np.isnan([found["sd"][2], found["low"][2], found["hedges_g"][2]]).all()
    assert found["p"][2] == 1.0


def test_arms_that_agree_to_the_bit() -> None:
    """A detail that has no effect at all: no division by zero, an interval of no width."""
    _, baseline = pairs(5)
    found = {name: column[0] for name, column in compare_pairs(baseline.copy(), baseline, True).items()}
    assert [found[name] for name in ("estimate", "sd", "low", "high90", "hedges_g")] == [0] * 5
    assert (found["p"], found["probability_of_improvement"], found["correlation"]) == (1.0, 0.5, pytest.approx(1.0))


def test_bca_from_thirty_seeds() -> None:
    option, baseline = pairs(30, arms=1)
    found = compare_pairs(option, baseline, higher_is_better=True)
    direct = stats.bootstrap(
        (option[0], baseline[0]), lambda a, b: np.mean(a - b), paired=True, vectorized=False, n_resamples=4999, rng=1
    ).confidence_interval
    assert (found["bca_low"][0], found["bca_high"][0]) == pytest.approx(tuple(direct), abs=0.02)
    assert np.isnan(compare_pairs(option[:, 1:], baseline[:, 1:], True)["bca_low"]).all()


@pytest.mark.parametrize(("correction", "method"), [("Holm", "holm"), ("Benjamini-Hochberg", "fdr_bh")])
def test_corrections_are_those_of_statsmodels(correction, method: str) -> None:
    p = np.round(np.random.default_rng(3).uniform(size=15) ** 3, 2)
    np.testing.assert_allclose(adjust_p(p, correction), multipletests(p, method=method)[1])
    p[4] = np.nan
    adjusted = adjust_p(p, correction)
    expected = multipletests(np.nan_to_num(p, nan=1.0), method=method)[1]
    np.testing.assert_allclose(np.delete(adjusted, 4), np.delete(expected, 4))
    assert np.isnan(adjusted[4])


def test_controls_are_a_family_of_their_own() -> None:
    plan = arms_plan(4, seeds=6, controls=True, metrics=2)
    effects = judge_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(a=9))), partial(paired_effects, plan))
    assert dict(zip(effects["detail"], effects["family"], strict=True)) == {
        **dict.fromkeys("abcd", 4),
        "negative control": 2,
        "positive control": 2,
    }
    assert effects.loc[effects["detail"] == "a", "p_adjusted"].tolist() == [4 * 2 / 2**6] * 2


def test_noise_floor_holds_the_true_sd() -> None:
    """The chi-square interval covers 95 % of the time; failed runs are counted and left out of it."""
    plan = arms_plan(1, seeds=2, baseline_seeds=8, metrics=400)
    noise = noise_floor(tabulate_outcomes(plan, simulate(plan, linear(), Noise(run=2.0), failed=["v0-s3"])))
    covered = int(((noise["sd_low"] < 2) & (noise["sd_high"] > 2)).sum())
    assert stats.binomtest(covered, 400, 0.95).pvalue > 1e-4
    assert set(noise["n"]) == {7}
    assert set(noise["failed"]) == {1}
    assert "v0-s3" not in noise["runs"][0]
