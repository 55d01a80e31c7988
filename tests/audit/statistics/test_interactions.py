"""Interactions against statsmodels, and against designs whose aliases are known from the literature."""

from collections import Counter

import numpy as np
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from simulated_factorial import Noise, linear, long_table, make_plan, simulate, two_levels
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from repro.audit.statistics.interactions import INTERACTION_COLUMNS, interactions
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.pairs import find_pairs, group_pairs
from repro.audit.study.optimal import d_optimal, list_candidates


@pytest.mark.parametrize("missing", [(), ("v3-s1", "v5-s0")])
def test_agrees_with_statsmodels_where_all_can_be_told_apart(missing: tuple[str, ...]) -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=3)
    results = simulate(plan, linear(a=1, a_b=2, c_d=-1), Noise(seed=2), missing=missing)
    found = interactions(plan, tabulate_outcomes(plan, results))
    table = long_table(plan, results).assign(
        s1=lambda rows: 1.0 * (rows["seed"] == 1), s2=lambda rows: 1.0 * (rows["seed"] == 2)
    )
    model = smf.ols("value ~ (a + b + c + d) ** 2 + C(seed)", table).fit()
    spare = anova_lm(smf.ols("value ~ C(variant) + s1 + s2 + (a + b + c + d):(s1 + s2)", table).fit()).loc["Residual"]
    names = found["first"] + ":" + found["second"]
    unit = np.sqrt(np.diag(model.normalized_cov_params.loc[names, names]))
    np.testing.assert_allclose(found["estimate"], model.params[names], rtol=1e-8)
    np.testing.assert_allclose(found["se"], unit * np.sqrt(spare["mean_sq"]), rtol=1e-8)
    np.testing.assert_allclose(found["p_adjusted"], multipletests(found["p"], method="fdr_bh")[1])
    assert found["p"].is_monotonic_increasing
    assert set(found["aliases"]) == {""}


def test_an_interaction_is_a_difference_of_differences() -> None:
    plan = make_plan({"a": [0, 1], "b": ["x", "y", "z"]}, "full_factorial", seeds=2)
    truth = {("x", 0): 0, ("x", 1): 1, ("y", 0): 5, ("y", 1): 9, ("z", 0): 2, ("z", 1): 1}
    found = interactions(
        plan, tabulate_outcomes(plan, simulate(plan, lambda s: truth[s.get("b", "x"), s.get("a", 0)], Noise(run=0)))
    )
    estimates = found.set_index("second_option")["estimate"]
    assert estimates["y"] == pytest.approx((9 - 5) - (1 - 0))
    assert estimates["z"] == pytest.approx((1 - 2) - (1 - 0))


def test_sixteen_folded_runs_have_seven_groups_of_three_pairs() -> None:
    """8 runs folded over are a regular fraction of 7 details at resolution IV: 21 pairs in 7 words of three."""
    pairs = find_pairs(code_details(make_plan(two_levels(7))))
    assert not pairs.together
    assert Counter(len(group) for group in group_pairs(pairs)) == {3: 7}


def test_a_contrast_names_its_aliases_and_is_named_after_the_largest_main_effects() -> None:
    plan = make_plan(two_levels(7), seeds=2)
    pairs = find_pairs(code_details(plan))
    group = next(group for group in group_pairs(pairs) if (0, 1) in [pairs.columns[pair] for pair in group])
    others = {" x ".join("abcdefg"[i] for i in pairs.columns[pair]) for pair in group} - {"a x b"}
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a=5, b=3, a_b=4), Noise(seed=1, run=0.1))))
    strongest = found.iloc[0]
    assert (strongest["first"], strongest["second"]) == ("a", "b")
    assert strongest["estimate"] == pytest.approx(4, abs=0.2)
    assert others == {part.split(" (")[0] for part in strongest["aliases"].split(", ")}
    assert len(found) == 7
    assert (found["p_adjusted"][1:] > 0.001).all()


def test_twelve_folded_runs_mix_pairs_by_a_third() -> None:
    """Plackett and Burman's 12 runs: each pair is partially aliased, by one third, with pairs of other details."""
    plan = make_plan(two_levels(11), seeds=2)
    pairs = find_pairs(code_details(plan))
    away = ~np.eye(len(pairs.columns), dtype=bool)
    np.testing.assert_allclose(np.unique(np.abs(pairs.shares[away]).round(9)), [0, 1 / 3], atol=1e-6)
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a=5, b=5, c_d=3), Noise(run=0.01))))
    assert len(found) == 55
    strongest = found.iloc[0]
    assert (strongest["first"], strongest["second"]) == ("c", "d")
    assert strongest["estimate"] == pytest.approx(3, abs=0.05)
    assert "0.33)" in strongest["aliases"]
    assert strongest["aliases"].endswith("more of up to 0.33")


@pytest.mark.parametrize("design", ["plackett_burman", "d_optimal", "random"])
def test_one_active_pair_accuses_no_other(design: str) -> None:
    """Its contrast is a part of most others in these designs; unselected, eight of nine innocents would be named."""
    rows = None
    if design != "plackett_burman":
        candidates = list_candidates(two_levels(9), lambda _settings: True)
        rows = d_optimal(two_levels(9), candidates, 24) if design == "d_optimal" else candidates[:24]
    plan = make_plan(two_levels(9), design, seeds=3, metrics=60, rows=rows)
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a=1, a_b=6), Noise(seed=1))))
    named = found[(found["p_adjusted"] < 0.05) & (found["shared"] == 0)]
    true = (named["first"] + named["second"]) == "ab"
    assert true.sum() > 40
    innocent = int((~true).groupby(named["metric"]).any().sum())
    assert stats.binomtest(innocent, 60, 0.05, "greater").pvalue > 1e-4
    by_itself = found["p"] * found.groupby("metric")["p"].transform("size") < 0.05
    assert by_itself.sum() == (found["p_adjusted"] < 0.05).sum()


def test_a_pair_that_fits_as_well_is_a_rival() -> None:
    """In 12 runs two active pairs can often be told from no other two: then neither is named."""
    plan = make_plan(two_levels(9), seeds=2, metrics=60)
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a_b=3, c_d=3), Noise(seed=1))))
    strong = found[found["p_adjusted"] < 0.05]
    named = strong[strong["shared"] == 0]
    assert len(strong) > len(named)
    assert strong.loc[strong["shared"] > 0, "rivals"].str.len().gt(0).all()
    wrong = ~(named["first"] + named["second"]).isin(["ab", "cd"])
    assert stats.binomtest(int(wrong.groupby(named["metric"]).any().sum()), 60, 0.05, "greater").pvalue > 1e-4


def test_what_no_design_can_see_is_not_there() -> None:
    """One at a time has no run with two options; a saturated half design has them only as main effects."""
    single = make_plan(two_levels(4), "one_at_a_time", seeds=3, rows=[{key: "yes"} for key in "abcd"])
    half = make_plan(two_levels(3), "fractional_factorial", seeds=3, generators="a b ab")
    for plan in (single, half):
        found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a_b=3))))
        assert not len(found)
        assert list(found.columns) == list(INTERACTION_COLUMNS)


def test_false_discoveries_keep_their_level() -> None:
    """300 experiments with main effects only: in at most 5 % of them an interaction is found."""
    plan = make_plan(two_levels(7), seeds=2, metrics=300)
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a=3, b=-2), Noise(seed=2))))
    alarmed = (found["p_adjusted"] < 0.05).groupby(found["metric"]).any().mean()
    covered = ((found["low"] < 0) & (found["high"] > 0)).mean()
    assert alarmed <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 300)
    assert covered == pytest.approx(0.95, abs=0.02)


def test_one_seed_gives_estimates_only() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=1)
    found = interactions(plan, tabulate_outcomes(plan, simulate(plan, linear(a_b=2), Noise(run=0))))
    assert found.iloc[0][["first", "second"]].tolist() == ["a", "b"]
    assert found["estimate"][0] == pytest.approx(2)
    assert found[["p", "p_adjusted", "low", "high"]].isna().all(axis=None)
