"""Failure rates: exact tests against enumeration and scipy, the level of both, and the verdicts."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from simulated_arms import arms_plan
from simulated_factorial import linear, make_plan, simulate, two_levels

from repro.audit.statistics.failure_rates import (
    CHANGES,
    NONE_FAILED,
    UNDECIDED,
    compare_arms,
    draw_sums,
    failure_rates,
    permute_variants,
)
from repro.audit.statistics.outcomes import tabulate_outcomes


def rates(plan, **what):
    return failure_rates(plan, tabulate_outcomes(plan, simulate(plan, linear(), **what))).set_index("detail")


def enumerate_sets(failures: np.ndarray, chosen: int) -> np.ndarray:
    return np.array([failures[list(members)].sum() for members in combinations(range(len(failures)), chosen)])


@pytest.mark.parametrize(("failures", "chosen"), [([0, 0, 1, 2, 2, 0, 3, 1], 4), ([0, 0, 0, 0, 2], 2), ([1, 2, 3], 1)])
def test_the_distribution_is_that_of_all_sets(failures: list[int], chosen: int) -> None:
    sums = enumerate_sets(np.array(failures), chosen)
    expected = np.bincount(sums, minlength=sum(failures) + 1) / len(sums)
    np.testing.assert_allclose(draw_sums(tuple(np.bincount(failures).tolist()), chosen), expected, atol=1e-12)


def test_the_permutation_of_variants_is_scipy_s() -> None:
    failures, taken = np.array([2, 2, 1, 0, 2, 0, 0, 0, 1]), np.array([True] * 5 + [False] * 4)
    found = permute_variants(failures, np.full(9, 2), taken)
    sums = enumerate_sets(failures, 5)
    away = np.abs(sums - sums.mean())
    assert found.p == pytest.approx((away >= abs(7 - sums.mean()) - 1e-9).mean())
    assert found.smallest == pytest.approx((away >= away.max() - 1e-9).mean())


def test_one_failure_for_each_variant_is_fisher_s_test() -> None:
    """With equal groups, and runs as good as variants."""
    failures = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    found = permute_variants(failures, np.ones(16, dtype=int), np.arange(16) < 8)
    assert found.p == pytest.approx(stats.fisher_exact([[4, 1], [4, 7]]).pvalue)


def test_hundreds_of_variants_are_in_range() -> None:
    failures = np.maximum(np.arange(1200) % 12 - 8, 0)
    sums = draw_sums(tuple(np.bincount(failures).tolist()), 500)
    assert sums.sum() == pytest.approx(1)
    mean = np.arange(len(sums)) @ sums
    assert mean == pytest.approx(500 * failures.mean())


def test_variants_with_other_numbers_of_runs_stay_among_themselves() -> None:
    """A variant with one run only is no stand-in for one with two: alone in its stratum it says nothing."""
    failures, runs = np.array([2, 2, 2, 0, 0, 0, 1]), np.array([2, 2, 2, 2, 2, 2, 1])
    taken = np.array([True, True, True, False, False, False, True])
    assert permute_variants(failures, runs, taken).p == pytest.approx(2 / 20)


def test_boschloo_keeps_its_level_and_finds_more_than_fisher_s() -> None:
    """Its level summed over all tables of 4 and 4 runs, with no simulation."""
    rejected = [(a, b) for a in range(5) for b in range(5) if a != b and compare_arms(a, 4, b, 4).p <= 0.05]
    assert rejected
    for chance in (0.05, 0.3, 0.5):
        assert sum(stats.binom.pmf(a, 4, chance) * stats.binom.pmf(b, 4, chance) for a, b in rejected) <= 0.05
    assert compare_arms(4, 8, 0, 8).p < 0.05 < stats.fisher_exact([[4, 0], [4, 8]]).pvalue


def test_an_arm_that_fails_is_found() -> None:
    plan = arms_plan(2, seeds=8)
    found = rates(plan, failed=[f"v1-s{seed}" for seed in range(6)])
    assert found["verdict"].to_dict() == {"a": CHANGES, "b": NONE_FAILED}
    assert found.loc["a", ["failed", "run", "planned", "baseline_failed", "trials"]].tolist() == [6, 8, 8, 0, "runs"]
    assert found.loc["a", "p_adjusted"] == pytest.approx(2 * found.loc["a", "p"])
    assert len(found.loc["a", "runs"]) == 6


def test_one_failure_is_undecided_and_says_what_it_could_show() -> None:
    found = rates(arms_plan(2, seeds=4), failed=["v1-s0"])
    assert found.loc["a", "verdict"] == UNDECIDED
    assert found.loc["a", "smallest_p"] > 0.3
    assert "could not have given less than" in found.loc["a", "reason"]


def test_missing_runs_have_not_failed() -> None:
    found = rates(arms_plan(1, seeds=4), missing=["v1-s0", "v1-s1"], failed=["v0-s2"])
    assert found.loc["a", ["failed", "run", "planned"]].tolist() == [0, 2, 4]
    assert found.loc["a", ["baseline_failed", "baseline_run"]].tolist() == [1, 4]


def test_a_combination_that_always_fails_is_one_event() -> None:
    """Ten seeds of one variant fail: runs would be significant, variants are not."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=10, baseline_seeds=12, controls=True)
    found = rates(plan, failed=[f"v7-s{seed}" for seed in range(10)])
    assert compare_arms(10, 40, 0, 40).p < 0.001
    assert found["p"].min() == pytest.approx(1)
    assert set(found["verdict"]) == {UNDECIDED}
    everywhere = rates(plan, failed=[f"v{v}-s{s}" for v in range(4, 8) for s in range(2)])
    assert everywhere["p"].min() == pytest.approx(2 / 70)


def test_the_permutation_keeps_its_level() -> None:
    """300 studies of 16 variants that fail at rates of their own; wrong once in ten thousand."""
    generator, false = np.random.default_rng(0), 0
    taken = np.arange(16) < 8
    for _ in range(300):
        chance = generator.beta(1, 1.5, size=16)
        false += permute_variants(generator.binomial(3, chance), np.full(16, 3), taken).p <= 0.05
    assert stats.binomtest(false, 300, 0.05, "greater").pvalue > 1e-4
    assert false > 2, "it is no test that never rejects"


def test_an_empty_study_has_no_rates() -> None:
    assert rates(make_plan({}, "one_at_a_time", seeds=2, rows=[])).empty


def test_looks_are_paid_for() -> None:
    plan = arms_plan(1, seeds=8)
    once = rates(plan, failed=[f"v1-s{seed}" for seed in range(6)]).loc["a"]
    plan.declaration["sequential"] = {"most_seeds": 20}
    grows = rates(plan, failed=[f"v1-s{seed}" for seed in range(6)]).loc["a"]
    assert grows["p"] > 4 * once["p"]
    assert grows["smallest_p"] > once["smallest_p"]
