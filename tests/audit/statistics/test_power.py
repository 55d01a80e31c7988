"""Power against statsmodels, against plain simulation, and against the numbers that are in the literature."""

from itertools import product

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from repro.audit.statistics.paired import skew_corrected_p
from repro.audit.statistics.power import (
    SEEDS_CAP,
    Level,
    paired_power,
    seeds_for_contrast,
    seeds_for_sign_flip,
    smallest_shift,
    t_power,
)


def at(alpha: float) -> Level:
    """The same level for any number of seeds."""
    return lambda _seeds: alpha


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 12])
@pytest.mark.parametrize(("shift", "seeds"), [(0.5, 34), (1.0, 10), (2.0, 5), (-0.8, 12)])
def test_t_power_is_that_of_statsmodels(shift: float, seeds: int, alpha: float) -> None:
    assert t_power(shift, seeds, alpha) == pytest.approx(TTestPower().power(abs(shift), seeds, alpha), abs=1e-8)


def test_t_power_of_a_huge_shift() -> None:
    assert t_power(500.0, 10, 0.05) == 1.0


@pytest.mark.parametrize(("shift", "seeds", "alpha"), [(1.0, 10, 0.05), (1.5, 9, 0.01), (2.0, 6, 0.05)])
def test_power_in_pairs_is_what_happens(shift: float, seeds: int, alpha: float) -> None:
    option, baseline = np.random.default_rng(4).normal(0, 0.5**0.5, size=(2, 2000, seeds))
    option += shift
    draws, signs = option - baseline, np.array(list(product([-1, 1], repeat=seeds)))
    p = (np.abs(draws @ signs.T) >= np.abs(draws.sum(axis=1, keepdims=True)) - 1e-9).mean(axis=1)
    p = np.maximum(p, skew_corrected_p(option, baseline))
    assert paired_power(shift, seeds, alpha, simulations=2000) == pytest.approx((p < alpha).mean(), abs=0.05)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 12])
def test_the_t_test_stands_in_for_many_seeds(alpha: float) -> None:
    """At the last number that is simulated the two differ by no more than such a simulation errs."""
    shift = smallest_shift(14, alpha)
    assert t_power(shift, 14, alpha) == pytest.approx(0.8, abs=0.06)


def test_a_sign_flip_that_cannot_pass_has_no_power() -> None:
    assert paired_power(8.0, 5, 0.05) == 0.0
    assert smallest_shift(5, 0.05) == np.inf
    assert smallest_shift(6, 0.05) < np.inf


@pytest.mark.parametrize(("shift", "seeds"), [(0.5, 34), (0.3, 90)])
def test_seeds_beyond_the_simulation_are_those_of_the_t_test(shift: float, seeds: int) -> None:
    assert seeds_for_sign_flip(shift, at(0.05), 5) == seeds
    assert seeds == np.ceil(TTestPower().solve_power(shift, None, 0.05, 0.8))


def test_seeds_needed() -> None:
    assert seeds_for_sign_flip(np.inf, at(0.05), 2) == 6
    assert seeds_for_sign_flip(np.inf, at(0.05 / 12), 2) == 9
    assert seeds_for_sign_flip(3.0, at(0.05), 9) == 10
    assert seeds_for_sign_flip(0.1, at(0.05), 5) is None
    assert seeds_for_sign_flip(0.5, at(0.05), 5, most=20) is None
    needed = [seeds_for_sign_flip(shift, at(0.01), 2) or SEEDS_CAP for shift in np.linspace(0.2, 3, 30)]
    assert needed == sorted(needed, reverse=True)


def test_seeds_of_a_contrast() -> None:
    """A contrast of the mean of one group of runs, whose df grow by one a seed, is the one-sample t test."""
    assert seeds_for_contrast(0.5, 1 / 5**0.5, df=4, seeds=5, level=at(0.05)) == 34
    assert seeds_for_contrast(0.5, 1 / 5**0.5, df=4, seeds=5, level=at(0.05), most=30) is None
    assert seeds_for_contrast(0.01, 1.0, df=4, seeds=5, level=at(0.05)) is None
    assert seeds_for_contrast(0.5, 0.0, df=4, seeds=5, level=at(0.05)) == 6
