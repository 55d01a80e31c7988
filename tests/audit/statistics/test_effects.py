"""Main effects against statsmodels, and against simulations of which the truth is known."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from simulated_factorial import Noise, linear, long_table, make_plan, simulate, two_levels
from statsmodels.stats.anova import anova_lm

from repro.audit.statistics.effects import EFFECT_COLUMNS, contrast_effects
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.study.designs import plackett_burman, read_signs


@pytest.mark.parametrize("missing", [(), ("v3-s1", "v5-s0", "v6-s2")])
def test_agrees_with_statsmodels(missing: tuple[str, ...]) -> None:
    """Estimate, standard error and mean squares of the same models, complete and with runs missing."""
    plan = make_plan(two_levels(5), seeds=3)
    results = simulate(plan, linear(a=1, b=-2, c_d=3), Noise(seed=2, run=1), missing=missing)
    tables = tabulate_outcomes(plan, results)
    effects, term = contrast_effects(plan, tables).set_index("detail"), choose_error_term(code_details(plan), tables[0])
    table = long_table(plan, results).assign(
        s1=lambda rows: 1.0 * (rows["seed"] == 1), s2=lambda rows: 1.0 * (rows["seed"] == 2)
    )
    mains = smf.ols("value ~ a + b + c + d + e + C(seed)", table).fit()
    pure = anova_lm(smf.ols("value ~ C(variant) + C(seed)", table).fit()).loc["Residual"]
    unit = np.sqrt(np.diag(mains.normalized_cov_params.loc[list("abcde"), list("abcde")]))
    np.testing.assert_allclose(effects["estimate"], mains.params[list("abcde")], rtol=1e-9)
    by_seed = smf.ols("value ~ C(variant) + s1 + s2 + (a + b + c + d + e):(s1 + s2)", table).fit()
    spare = anova_lm(by_seed).loc["Residual"]
    seeds_df, lack_df = pure["df"] - spare["df"], mains.df_resid - pure["df"]
    assert term.split.details == pytest.approx(((pure["sum_sq"] - spare["sum_sq"]) / seeds_df, seeds_df))
    assert term.split.spare == pytest.approx((spare["mean_sq"], spare["df"]))
    assert term.lack.square == pytest.approx(((mains.ssr - pure["sum_sq"]) / lack_df, lack_df))
    np.testing.assert_allclose(effects["se"], unit * np.sqrt(term.variance), rtol=1e-9)
    np.testing.assert_allclose(effects["df"], term.df)
    np.testing.assert_allclose(effects["sd"] ** 2, pure["mean_sq"], rtol=1e-9)


def test_a_balanced_effect_is_a_difference_of_marginal_means() -> None:
    plan = make_plan({"a": [1, 2, 3], "b": ["x", "y"]}, "full_factorial", seeds=2)
    results = simulate(plan, lambda s: {1: 0.0, 2: 5.0, 3: -3.0}[s.get("a", 1)])
    rows = results.rows.join(results.runs["variant"], on="run").join(results.variants, on="variant")
    means = rows.groupby("a")["value"].mean()
    effects = contrast_effects(plan, tabulate_outcomes(plan, results)).set_index(["detail", "option"])["estimate"]
    assert effects["a", "2"] == pytest.approx(means["2"] - means["1"])
    assert effects["a", "3"] == pytest.approx(means["3"] - means["1"])


def test_intervals_cover_and_false_alarms_keep_their_level() -> None:
    """300 experiments of 3 details in all 8 variants by 4 seeds: one does nothing, two do more together."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=4, metrics=300)
    truth = {"a": 1.0, "b": -0.7, "c": 0.0}
    results = simulate(plan, linear(**truth, a_b=4), Noise(seed=3, run=0.8))
    effects = contrast_effects(plan, tabulate_outcomes(plan, results))
    real = effects["detail"].map(truth | {"a": 3, "b": 1.3})  # 4 in the half of the runs with the other
    wide = ((effects["low"] < real) & (real < effects["high"])).mean()
    narrow = ((effects["low90"] < real) & (real < effects["high90"])).mean()
    alarms = (effects["p"][real == 0] < 0.05).mean()
    # 900 intervals, a third of them alarms that are false; the floor of a column's own square adds about .01
    assert wide == pytest.approx(0.955, abs=0.025)
    assert narrow == pytest.approx(0.91, abs=0.035)
    assert alarms == pytest.approx(0.045, abs=0.045)
    assert effects.groupby("detail")["estimate"].mean()["a"] == pytest.approx(3.0, abs=0.05)


def test_what_a_seed_shifts_for_all_is_no_noise() -> None:
    """The shift that a seed gives to all variants is no noise of a contrast."""
    plan = make_plan(two_levels(7), seeds=2, metrics=50)
    sd = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(), Noise(seed=10, run=0.5))))["sd"]
    assert np.sqrt((sd**2).mean()) == pytest.approx(0.5, rel=0.1)


def test_fold_over_frees_main_effects_from_interactions() -> None:
    """An interaction of a and b enters the main effects of others before the fold-over, and none after."""
    levels, truth, silent = two_levels(7), linear(a_b=8), Noise(seed=1, run=0)
    folded = make_plan(levels, seeds=2)
    half = make_plan(levels, "random", seeds=2, rows=read_signs(levels, plackett_burman(7))[:8])
    others = list("cdefg")
    before = contrast_effects(half, tabulate_outcomes(half, simulate(half, truth, silent))).set_index("detail")[
        "estimate"
    ]
    after = contrast_effects(folded, tabulate_outcomes(folded, simulate(folded, truth, silent))).set_index("detail")[
        "estimate"
    ]
    assert before[others].abs().max() == pytest.approx(4)
    np.testing.assert_allclose(after[others], 0, atol=1e-9)
    np.testing.assert_allclose(after[["a", "b"]], 4)  # averaged over the other detail: half of the runs have it


def test_controls_and_further_seeds_of_the_baseline_change_nothing() -> None:
    levels, truth = two_levels(3), linear(a=1)
    plain = make_plan(levels, "full_factorial", seeds=3)
    more = make_plan(levels, "full_factorial", seeds=3, baseline_seeds=9, controls=True)
    results = simulate(more, truth, Noise(seed=1))
    same = results._replace(
        runs=results.runs[results.runs.index.isin([run.id for run in plain.runs])],
        rows=results.rows[results.rows["run"].isin([run.id for run in plain.runs])],
    )
    pd.testing.assert_frame_equal(
        contrast_effects(more, tabulate_outcomes(more, results)),
        contrast_effects(plain, tabulate_outcomes(plain, same)),
    )


def test_a_baseline_off_the_design_serves_pure_error_only() -> None:
    """In the fraction a b ab the baseline is no row: it would unbalance the contrasts."""
    plan = make_plan(two_levels(3), "fractional_factorial", seeds=4, generators="a b ab")
    tables = tabulate_outcomes(plan, simulate(plan, linear(a=1, b=2, c=4), Noise(run=0.1)))
    effects, term = contrast_effects(plan, tables), choose_error_term(code_details(plan), tables[0])
    assert len(plan.variants) == 5
    assert set(effects["df"]) == {3 * 3}
    assert term.pure.df == 4 * 3
    assert all(len(runs) == 8 and not any(run.startswith("v0-") for run in runs) for runs in effects["runs"])
    np.testing.assert_allclose(effects["se"], np.sqrt(term.variance) / 2, rtol=1e-9)
    np.testing.assert_allclose(effects["sd"] ** 2, term.pure.variance, rtol=1e-9)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_failed_run_counts_with_its_stand_in(direction: str) -> None:
    plan = make_plan(two_levels(2), "full_factorial", seeds=2, direction=direction)
    failed = simulate(plan, linear(), failed=["v3-s1"])
    filled = simulate(plan, linear())
    filled.rows.loc[filled.rows["run"] == "v3-s1", "value"] = tabulate_outcomes(plan, failed)[0].values[3, 1]
    found, known = (
        contrast_effects(plan, tabulate_outcomes(plan, failed)),
        contrast_effects(plan, tabulate_outcomes(plan, filled)),
    )
    np.testing.assert_allclose(found["estimate"], known["estimate"])
    np.testing.assert_allclose(found["p"], known["p"])
    assert list(found["failed"]) == [1, 1]
    assert all("v3-s1" in runs for runs in found["runs"])
    of_baseline = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(), failed=["v0-s1"])))
    assert list(of_baseline["failed"]) == [1, 1]


def test_one_seed_gives_estimates_only() -> None:
    plan = make_plan(two_levels(3), seeds=1)
    effects = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(a=2), Noise(run=0))))
    assert effects["estimate"][0] == pytest.approx(2)
    assert effects[["p", "sd", "se", "low", "high", "hedges_g", "superiority"]].isna().all(axis=None)
    assert set(effects["df"]) == {0}


def test_without_any_noise_a_difference_is_certain() -> None:
    plan = make_plan(two_levels(3), seeds=2)
    effects = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(a=0.1), Noise(run=0)))).set_index(
        "detail"
    )
    assert effects["p"].to_dict() == {"a": 0, "b": 1, "c": 1}


def test_superiority_is_the_chance_of_a_better_run_at_the_same_seed() -> None:
    generator = np.random.default_rng(0)
    real = (0.5 + np.sqrt(2) * generator.standard_normal(200_000) > 0).mean()
    plan = make_plan(two_levels(3), seeds=300)
    results = simulate(plan, linear(a=0.5), Noise(seed=2, run=1))
    effects = contrast_effects(plan, tabulate_outcomes(plan, results)).set_index("detail")
    lower = make_plan(two_levels(3), seeds=300, direction="lower")
    assert effects["probability_of_improvement"].isna().all(), "by any two seeds is another question"
    assert effects["superiority"]["a"] == pytest.approx(real, abs=0.02)
    assert contrast_effects(lower, tabulate_outcomes(lower, results))["superiority"][0] == pytest.approx(
        1 - effects["superiority"]["a"]
    )
    assert effects["hedges_g"]["a"] == pytest.approx(0.5, abs=0.08)


def test_hedges_factor_takes_the_bias_away() -> None:
    """With few degrees of freedom the plain ratio overestimates; 400 experiments with 3 df."""
    plan = make_plan(two_levels(2), "full_factorial", seeds=2, metrics=400)
    effects = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(a=2))))
    effects = effects[effects["detail"] == "a"]
    assert (effects["estimate"] / effects["sd"]).mean() > 2.4
    assert effects["hedges_g"].mean() == pytest.approx(2, abs=0.25)


def test_what_the_runs_cannot_tell_apart_is_not_estimated() -> None:
    """If all variants with d fail to have been run, its effect is unknown; the others stay."""
    levels = two_levels(4)
    plan = make_plan(levels, seeds=2)
    gone = [run.id for run in plan.runs if "d" in plan.variants[int(run.variant[1:])].settings]
    effects = contrast_effects(plan, tabulate_outcomes(plan, simulate(plan, linear(a=1), missing=gone))).set_index(
        "detail"
    )
    assert np.isnan(effects["estimate"]["d"])
    assert np.isnan(effects["p"]["d"])
    assert effects["p"].notna().sum() < 4


def test_nothing_measured_gives_no_number() -> None:
    plan = make_plan(two_levels(2), "full_factorial")
    results = simulate(plan, linear(), failed=[run.id for run in plan.runs])
    effects = contrast_effects(plan, tabulate_outcomes(plan, results))
    assert list(effects.columns) == list(EFFECT_COLUMNS)
    assert effects["estimate"].isna().all()
