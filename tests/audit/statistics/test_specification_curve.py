"""The specification curve and its permutation null."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.specification_curve import (
    CURVE_COLUMNS,
    TEST_COLUMNS,
    find_null,
    permute_means,
    specification_curve,
)


def test_the_null_holds_its_level_whatever_the_seeds_do() -> None:
    """200 experiments in which no detail matters and seeds differ widely."""
    plan = make_plan(two_levels(4), seeds=3, metrics=200)
    curve, test = specification_curve(
        plan, tabulate_outcomes(plan, simulate(plan, linear(), Noise(seed=20))), permutations=199
    )
    for level in (0.05, 0.2):
        alarms = (test["p"] <= level).mean()
        assert alarms == pytest.approx(level, abs=2.6 * np.sqrt(level * (1 - level) / 200))
    # the band is of curves about the same mean
    inside = ((curve["null_low"] <= curve["mean"]) & (curve["mean"] <= curve["null_high"])).mean()
    assert inside == pytest.approx(0.95, abs=0.025)


def test_permuting_across_seeds_would_be_blind() -> None:
    """An effect that is small beside the seeds is seen, since labels stay within their seed."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=3)
    results = simulate(plan, linear(a=3), Noise(seed=50, run=0.5))
    _, test = specification_curve(plan, tabulate_outcomes(plan, results))
    assert test["p"][0] == 0.001
    values = results.rows["value"].to_numpy().copy()
    generator = np.random.default_rng(0)
    observed = values.reshape(8, 3).mean(axis=1).std()
    across = [generator.permutation(values).reshape(8, 3).mean(axis=1).std() for _ in range(199)]
    assert np.mean(np.array(across) >= observed) > 0.5


def test_agrees_with_all_permutations() -> None:
    """3 variants by 2 seeds have 36 permutations; the share of spreads as large as the observed one."""
    plan = make_plan({"a": [1, 2, 3]}, "full_factorial", seeds=2)
    results = simulate(plan, lambda s: float(s.get("a", 1)), Noise(seed=3))
    values = results.rows["value"].to_numpy().reshape(3, 2)
    spreads = [
        np.mean([first, second], axis=0).std()
        for first in permutations(values[:, 0])
        for second in permutations(values[:, 1])
    ]
    exact = np.mean(np.array(spreads) >= values.mean(axis=1).std() - 1e-12)
    _, test = specification_curve(plan, tabulate_outcomes(plan, results), permutations=4999)
    assert test["p"][0] == pytest.approx(exact, abs=0.03)


def test_a_missing_run_stays_where_it_is() -> None:
    values = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0]])
    means = permute_means(values, 400, np.random.default_rng(0))
    np.testing.assert_allclose(np.sort(np.unique(means[:, 1])), [1, 2, 3])
    np.testing.assert_allclose(means @ [2, 1, 2], 46)


def test_rows_are_sorted_with_their_intervals() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=4, baseline_seeds=9, controls=True)
    results = simulate(plan, linear(a=5, b=-2), Noise(seed=1), failed=["v1-s2"])
    curve, test = specification_curve(plan, tabulate_outcomes(plan, results))
    assert list(curve["rank"]) == [1, 2, 3, 4]
    assert curve["mean"].is_monotonic_increasing
    assert set(curve["seeds"]) == {4}, "the baseline counts with the seeds that others have"
    assert "v1-s2" in curve.set_index("variant")["runs"]["v1"]
    assert (list(curve.columns), list(test.columns)) == (list(CURVE_COLUMNS), list(TEST_COLUMNS))


def test_intervals_cover_the_means_of_other_seeds() -> None:
    """With three seeds a variant, whether seeds share little or much; 200 experiments."""
    plan = make_plan(two_levels(3), seeds=3, metrics=200)
    truth = linear(a=2, b_c=-3)
    real = {variant.id: truth(variant.settings) for variant in plan.variants}
    for shared in (0.3, 2.0):
        curve, _ = specification_curve(
            plan, tabulate_outcomes(plan, simulate(plan, truth, Noise(seed=shared, run=1))), permutations=9
        )
        means = curve["variant"].map(real)
        covered = ((curve["low"] < means) & (means < curve["high"])).mean()
        assert covered == pytest.approx(0.95, abs=0.035)


def test_the_interval_lies_between_the_extremes_of_pooling() -> None:
    """The mean of the variants' variances, with 4 degrees of freedom if seeds share all and 8 if they share nothing."""
    plan = make_plan(two_levels(1), "full_factorial", seeds=5)
    results = simulate(plan, linear(a=1), Noise(seed=1))
    curve, _ = specification_curve(plan, tabulate_outcomes(plan, results), permutations=9)
    values = results.rows["value"].to_numpy().reshape(2, 5)
    half = (curve["high"] - curve["low"]) / 2
    least = np.sqrt(values.var(axis=1, ddof=1).mean() / 5)
    assert (half >= stats.t.ppf(0.975, 8) * least * 0.999).all()
    assert (half <= stats.t.ppf(0.975, 4) * least * 1.001).all()


def test_the_same_seed_gives_the_same_null() -> None:
    plan = make_plan(two_levels(2), "full_factorial")
    results = simulate(plan, linear())
    first, second, other = (
        specification_curve(plan, tabulate_outcomes(plan, results), 99, seed)[0]["null_low"] for seed in (0, 0, 1)
    )
    assert first.equals(second)
    assert not first.equals(other)


def test_one_seed_has_no_null() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=1)
    curve, test = specification_curve(plan, tabulate_outcomes(plan, simulate(plan, linear(a=9))))
    assert len(curve) == 4
    assert curve[["low", "high", "null_low", "null_high"]].isna().all(axis=None)
    assert np.isnan(test["p"][0])


@pytest.mark.parametrize("permutations", [1, 9, 40, 99, 999])
def test_the_band_is_that_of_quantiles_however_the_null_is_drawn(
    permutations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One block is drawn as all at once; many blocks keep tails alone, and their band is that of the curves drawn."""
    values = np.random.default_rng(3).normal(size=(7, 3))
    values[2, 1] = values[5, 0] = np.nan
    means = permute_means(values, permutations, np.random.default_rng(1))
    null = find_null(values, permutations, np.random.default_rng(1))
    np.testing.assert_allclose(null.spreads, means.std(axis=1))
    np.testing.assert_allclose([null.low, null.high], np.quantile(np.sort(means, axis=1), [0.025, 0.975], axis=0))
    monkeypatch.setattr("repro.audit.statistics.specification_curve.CELLS_AT_ONCE", 7 * 4)
    generator = np.random.default_rng(1)
    blocks = [permute_means(values, min(4, permutations - start), generator) for start in range(0, permutations, 4)]
    wanted = np.quantile(np.sort(np.vstack(blocks), axis=1), [0.025, 0.975], axis=0)
    null = find_null(values, permutations, np.random.default_rng(1))
    np.testing.assert_allclose([null.low, null.high], wanted)
    assert len(null.spreads) == permutations


def test_the_null_is_one_of_distributions() -> None:
    """Means alike and spreads unlike: the share of small p is far from its level, as the note on the page says."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=2, metrics=200)
    generator, tables = np.random.default_rng(0), tabulate_outcomes(plan, simulate(plan, linear()))
    spread = np.where(np.arange(8) < 1, 8.0, 0.3)[:, None]
    tables = [table._replace(values=spread * generator.standard_normal((8, 2))) for table in tables]
    _, test = specification_curve(plan, tables, permutations=199)
    assert (test["p"] <= 0.05).mean() > 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
