"""Spread over seeds: closed forms, level and power of both comparisons, and the verdicts."""

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.spread import CHANGES, UNDECIDED, compare_deviations, compare_spreads, compare_variants


def draw(noise: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.exponential(size=shape) if noise == "exponential" else generator.normal(size=shape)


def holds(count: int, trials: int, rate: float) -> bool:
    return bool(stats.binomtest(count, trials, rate, "greater").pvalue > 1e-4)


def test_pairs_are_the_t_test_of_deviations_from_medians() -> None:
    option, baseline = np.random.default_rng(0).normal(size=(2, 9)) * [[3], [1]]
    found, turned = compare_deviations(np.array([option, baseline]), np.array([baseline, option]))
    first, second = np.abs(option - np.median(option)), np.abs(baseline - np.median(baseline))
    assert found.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert found.value == pytest.approx(first.mean() / second.mean())
    assert (turned.value, turned.low, turned.high) == pytest.approx((1 / found.value, 1 / found.high, 1 / found.low))


@pytest.mark.parametrize("noise", ["normal", "exponential"])
def test_pairs_keep_their_level(noise: str) -> None:
    arms = draw(noise, (600, 2, 8), seed=1)
    false = sum(ratio.p <= 0.05 for ratio in compare_deviations(arms[:, 0], arms[:, 1]))
    assert holds(false, 600, 0.05)
    found = sum(ratio.p <= 0.05 for ratio in compare_deviations(4 * arms[:, 0], arms[:, 1]))
    assert found > 0.2 * 600


@pytest.mark.parametrize("noise", ["normal", "exponential"])
def test_variants_keep_their_level(noise: str) -> None:
    """16 and 16 of two seeds, with a seed's shift and a detail x seed that the spread must not take for its own."""
    generator = np.random.default_rng(2)
    groups = draw(noise, (600, 2, 16, 2), seed=3) + generator.normal(size=(600, 1, 1, 2))
    groups[:, 0] += generator.normal(size=(600, 1, 2))
    false = sum(compare_variants(*pair).p <= 0.05 for pair in groups)
    assert holds(false, 600, 0.05)


def test_variants_find_a_spread_and_cover_its_ratio() -> None:
    groups = draw("normal", (300, 2, 16, 2), seed=4)
    found = [compare_variants(3 * option, baseline) for option, baseline in groups]
    assert sum(ratio.p < 0.05 for ratio in found) > 0.8 * 300
    assert holds(sum(not ratio.low < 3 < ratio.high for ratio in found), 300, 0.07)
    assert np.median([ratio.value for ratio in found]) == pytest.approx(3, rel=0.15)


def test_unequal_numbers_of_seeds_have_no_bias() -> None:
    """An sd of two seeds is .80 of the truth on average, one of eight .96: both are brought to 1."""
    two, eight = draw("normal", (2000, 8), seed=5), draw("normal", (2000, 8), seed=6)
    two[:, 2:] = np.nan
    found = compare_variants(two, eight)
    assert found.value == pytest.approx(1, abs=0.05)


def test_too_little_is_not_compared() -> None:
    for found in (
        *compare_deviations(np.ones((1, 3)), np.ones((1, 3))),
        compare_variants(np.ones((3, 2)), np.ones((9, 2))),
    ):
        assert np.isnan([found.value, found.p]).all()
    flat, nothing = compare_deviations(np.array([np.arange(6.0), np.ones(6)]), np.ones((2, 6)))
    assert np.isnan(flat.value)
    assert flat.p < 0.05
    assert nothing.p == 1


def test_an_option_that_spreads_the_runs_is_found_one_at_a_time() -> None:
    plan = arms_plan(2, seeds=20, controls=True)
    results = simulate(plan, linear(a=1), failed=["v2-s0"], seed=2)
    wide = results.rows["run"].str.startswith("v1-")
    results.rows.loc[wide, "value"] = 20 + 8 * (results.rows.loc[wide, "value"] - 20)
    found = compare_spreads(plan, tabulate_outcomes(plan, results)).set_index("detail")
    assert found["verdict"].to_dict() == {"a": CHANGES, "b": UNDECIDED}
    assert found["units"].to_dict() == {"a": "20 seeds", "b": "19 seeds"}
    assert found.loc["a", "low"] > 1
    assert len(found.loc["b", "runs"]) == 38


def test_an_option_that_spreads_the_runs_is_found_in_a_design() -> None:
    plan = make_plan(two_levels(7), "plackett_burman", seeds=4)
    results = simulate(plan, linear(b=3), Noise(seed=5, run=1))
    with_a = {v.id for v in plan.variants if "a" in v.settings}
    wide = results.rows["run"].str.rpartition("-")[0].isin(with_a)
    results.rows.loc[wide, "value"] += np.random.default_rng(7).normal(0, 5, wide.sum())
    found = compare_spreads(plan, tabulate_outcomes(plan, results)).set_index("detail")
    assert found["verdict"].to_dict() == {"a": CHANGES} | dict.fromkeys("bcdefg", UNDECIDED)
    assert found["units"]["a"] == "8 and 8 variants"
    plan.declaration["sequential"] = {"most_seeds": 20}
    grows = compare_spreads(plan, tabulate_outcomes(plan, results)).set_index("detail")
    assert (grows["p"] > found["p"]).all()
