"""The components of variance against known components."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.variance import PROTOCOL, RESIDUAL, SEED, TOGETHER, UNIT, variance_components
from repro.audit.statistics.variance_components import find_true_spread, share_of_sum
from repro.audit.study.plan import Plan


def components_of(plan: Plan, results: Results) -> pd.DataFrame:
    return variance_components(plan, tabulate_outcomes(plan, results), results)


def by_component(components: pd.DataFrame) -> pd.DataFrame:
    """Returns the mean variance of each component over the metrics."""
    return components.groupby("component")[["variance"]].mean()


def covered(components: pd.DataFrame, component: str, sd: float) -> float:
    rows = components[components["component"] == component]
    return float(((rows["low"] <= sd) & (sd <= rows["high"])).mean())


def test_components_are_recovered() -> None:
    """80 experiments of a complete design: an effect of 2 is a variance of 1, an interaction of 2 one of 1/4."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=4, metrics=80)
    truth, noise = linear(a=1, b=0.4, a_b=2), Noise(seed=1.5, run=1, image=3)
    components = components_of(plan, simulate(plan, truth, noise, images=10, seed=1))
    found = by_component(components)["variance"]
    run = 1 + 9 / 10  # the mean over images varies with them
    assert found["a"] == pytest.approx((1 + 1) ** 2 / 4, rel=0.15)
    assert found["b"] == pytest.approx(1.4**2 / 4, rel=0.2)
    assert found["c"] == pytest.approx(0, abs=0.04)
    assert found[TOGETHER] == pytest.approx(1 + 0.49, rel=0.15)
    assert found[RESIDUAL] == pytest.approx(0.25, rel=0.4)
    assert found[SEED] == pytest.approx(1.5**2 + run, rel=0.15)
    assert found[UNIT] == pytest.approx(9, rel=0.02)
    assert covered(components, "a", 1.0) == pytest.approx(0.95, abs=0.05)
    assert covered(components, TOGETHER, np.sqrt(1.49)) == pytest.approx(0.95, abs=0.05)
    assert covered(components, RESIDUAL, 0.5) == pytest.approx(0.95, abs=0.05)
    assert covered(components, "c", 0.0) == pytest.approx(0.975, abs=0.04)  # cut off at 0, it misses on one side only
    assert covered(components, UNIT, 3.0) == pytest.approx(0.95, abs=0.05)
    assert covered(components, SEED, np.sqrt(1.5**2 + run)) == pytest.approx(0.95, abs=0.06)


def test_three_options_weigh_the_same() -> None:
    plan = make_plan({"a": [1, 2, 3], "b": ["x", "y"]}, "full_factorial", seeds=5, metrics=40)
    effects = {1: 0.0, 2: 3.0, 3: -1.0}
    components = components_of(plan, simulate(plan, lambda s: effects[s.get("a", 1)], Noise(seed=1)))
    assert by_component(components)["variance"]["a"] == pytest.approx(np.var([0, 3, -1]), rel=0.1)
    assert covered(components, "a", float(np.std([0, 3, -1]))) == pytest.approx(0.95, abs=0.06)


def test_sampling_does_not_pass_for_an_effect() -> None:
    """With one detail at a time and two seeds the raw variances would be large; nothing matters here."""
    plan = make_plan(two_levels(5), "one_at_a_time", metrics=30, rows=[{key: "yes"} for key in "abcde"])
    components = components_of(plan, simulate(plan, linear(), Noise(seed=1)))
    details = components[components["component"].isin(list("abcde"))]
    assert (details["variance"] == 0).mean() > 0.5
    assert ((details["low"] == 0).mean()) >= 0.95
    assert components[components["component"] == RESIDUAL]["variance"].isna().all()


def test_components_stand_in_the_metrics_own_unit() -> None:
    """Ten times the unit, ten times the sd: nothing is scaled to a sum of one."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=3)
    results = simulate(plan, linear(a=1), Noise(seed=1, image=1), images=4)
    tenfold = results._replace(rows=results.rows.assign(value=10 * results.rows["value"]))
    columns = ["sd", "low", "high"]
    once, more = components_of(plan, results)[columns], components_of(plan, tenfold)[columns]
    np.testing.assert_allclose(more, 10 * once, rtol=1e-3)


@pytest.mark.parametrize(("turns", "sd"), [(True, 1.5), (False, 0.0)], ids=["some runs", "all runs alike"])
def test_protocols_vary_within_a_run(turns: bool, sd: float) -> None:
    """3 up in one half of the runs and 3 down in the other; what is added to all is another quantity, no spread."""
    plan = make_plan(two_levels(2), "full_factorial", seeds=2)
    results = simulate(plan, linear())
    protocols = pd.DataFrame(
        [
            {"run": run, "rounding": rounding, "metric": "m0", "value": place + shift * (-1) ** (turns * place)}
            for place, run in enumerate(results.runs.index)
            for rounding, shift in (("none", 0.0), ("8 bit", 3.0))
        ]
    )
    components = components_of(plan, results._replace(protocols=protocols)).set_index("component")
    assert components["sd"][PROTOCOL] == pytest.approx(sd)
    assert components["low"][PROTOCOL] == pytest.approx(sd)
    assert np.isnan(components_of(plan, results).set_index("component")["sd"][PROTOCOL])


def test_further_seeds_of_the_baseline_narrow_the_interval_of_the_seed() -> None:
    levels = two_levels(1)
    widths = []
    for baseline_seeds in (2, 20):
        plan = make_plan(levels, "full_factorial", seeds=2, baseline_seeds=baseline_seeds)
        components = components_of(plan, simulate(plan, linear(), Noise(seed=2, run=1))).set_index("component")
        widths.append(components["high"][SEED] / components["low"][SEED])
    assert widths[1] < widths[0] / 2


def test_one_seed_gives_no_component_but_that_of_the_images() -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=1)
    components = components_of(plan, simulate(plan, linear(a=1), Noise(image=2), images=50)).set_index("component")
    assert components["sd"].drop([UNIT]).isna().all()
    assert components["sd"][UNIT] == pytest.approx(2, rel=0.2)


@pytest.mark.parametrize("df", [8, 31])
@pytest.mark.parametrize("t", [6.0, 40.0, 3000.0])
def test_one_clear_effect_has_the_t_interval_of_its_size(t: float, df: int) -> None:
    low, high = (np.sqrt(find_true_spread(t**2, 1, df, tail)) for tail in (0.975, 0.025))
    reach = stats.t.ppf(0.975, df)
    assert (low, high) == pytest.approx((t - reach, t + reach), rel=0.002)


@pytest.mark.parametrize("effects", [1, 4])
def test_an_interval_begins_at_zero_unless_the_f_test_is_significant(effects: int) -> None:
    border = effects * stats.f.ppf(0.975, effects, 12)
    assert find_true_spread(0.98 * border, effects, 12, 0.975) == 0
    assert find_true_spread(1.02 * border, effects, 12, 0.975) > 0


def test_one_mean_square_has_the_chi_square_interval() -> None:
    share = share_of_sum([(2.0, 7)], "")
    assert (share.low, share.high) == pytest.approx(tuple(7 * 2 / stats.chi2.ppf([0.975, 0.025], 7)))
