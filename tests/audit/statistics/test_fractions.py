"""Effects over fractions: what a fraction mixes in averages out, and what comes next is what promises most."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.adaptive import declare, draw_linear
from repro.audit.statistics.effects import Effect
from repro.audit.statistics.fractions import Fractions, fraction_effects
from repro.audit.statistics.linear_model import fit_effects
from repro.audit.statistics.looks import judge_fractions
from repro.audit.statistics.next_batch import Question, Rules, decide, forecast, is_open, leave_levels
from repro.audit.statistics.sequential import level_at_look
from repro.audit.study.constrained_designs import two_level_design

RULES = Rules(margin=0.3, most=40, each=1, matters=0.025, equivalent=0.05)


def draw_estimates(effects: np.ndarray, pairs: float, fractions: int, seed: int) -> np.ndarray:
    """Returns (K, fractions) estimates without any noise: all that is in them is what fractions mix in."""
    generator = np.random.default_rng(seed)
    draw = draw_linear(effects, pairs, 0.0, 0.0, generator)
    plan, found = declare(len(effects), "plackett_burman", "Holm", 40, 0.3, 1), []
    for number in range(fractions):
        study = plan.declared.model_copy(update={"randomisation": number})
        signs = two_level_design(study, plan.levels).signs
        half = signs[: len(signs) // 2]  # without its mirror image, so that pairs are mixed in
        found.append(fit_effects((half + 1) / 2, draw(half, 1, generator)).estimates)
    return np.array(found).T


def test_what_half_a_fraction_mixes_in_averages_out_over_fractions_drawn_afresh() -> None:
    effects = np.array([0.5, 0.0, -0.2, 0.0, 0.1, 0.0, 0.3])
    estimates = draw_estimates(effects, 0.3, 400, seed=2)
    error = estimates.std(axis=1, ddof=1) / np.sqrt(400)
    assert (estimates.std(axis=1) > 0.3).all(), "one fraction alone mixes pairs in"
    t = (estimates.mean(axis=1) - effects) / error
    # 7 two-sided tests, in .001 of all draws of seeds beyond the bound
    assert np.abs(t).max() < stats.norm.isf(0.0005 / 7)


def test_effects_over_fractions_are_the_t_test_of_their_estimates() -> None:
    plan = declare(2, "plackett_burman", "Holm", 40, 0.3, 1)
    estimates = np.random.default_rng(1).normal([[0.4], [0.0]], 0.2, (2, 12))
    table = Fractions("outcome", 1.0, estimates, [("r",)] * 12, [0] * 12)
    found = fraction_effects(plan, [table], 10)
    expected = stats.ttest_1samp(estimates[:, :10], 0.0, axis=1)
    np.testing.assert_allclose(found["p"].to_numpy(dtype=float), expected.pvalue, rtol=1e-9)
    assert found["seeds"].tolist() == [20, 20]
    held = judge_fractions(plan, [table])
    assert held["matters_at"].iloc[0] % 2 == 0
    assert (held["p"].to_numpy(dtype=float) >= expected.pvalue / 30).all()


def test_the_forecast_is_the_share_of_studies_that_come_to_a_verdict() -> None:
    generator, n, then, sd, estimate = np.random.default_rng(4), 10, 25, 0.5, 0.2
    # what is not known of the true effect after n, and what the further seeds will show, as the forecast takes them
    truth = estimate + sd / np.sqrt(n) * generator.standard_normal(40_000)
    later = truth + sd / np.sqrt(then - n) * generator.standard_normal(40_000)
    mean = (n * estimate + (then - n) * later) / then
    outside = np.abs(mean) > stats.t.isf(level_at_look(0.025, then, 40), then - 1) * sd / np.sqrt(then)
    inside = np.abs(mean) < 0.3 - stats.t.isf(level_at_look(0.05, then, 40), then - 1) * sd / np.sqrt(then)
    question = Question("a", np.array([estimate]), np.array([sd]), n, 1)
    found = forecast(question, RULES, then - n)[-1]
    share = (outside | inside).mean()
    assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / 40_000)


def ask(detail: str, estimate: float, sd: float, seeds: int = 10, cost: int = 1) -> Question:
    return Question(detail, np.array([estimate]), np.array([sd]), seeds, cost)


def test_a_scarce_budget_goes_to_what_promises_most_for_a_run() -> None:
    sure, doubtful = ask("sure", 0.6, 0.5), ask("doubtful", 0.15, 0.8)
    assert decide([doubtful, sure], RULES, 8, 1).details == ("sure",)
    assert set(decide([doubtful, sure], RULES, 200, 1).details) == {"sure", "doubtful"}
    dear = ask("dear", 0.6, 0.5, cost=4)
    assert decide([dear, sure], RULES, 5, 1).details == ("sure",)


def test_it_stops_with_the_reason() -> None:
    assert decide([], RULES, 100, 1).why == "all details are settled"
    assert decide([ask("a", 0.6, 0.5)], RULES, 1, 1).why == "the budget is spent: 1 run left"
    assert "verdicts hold up to 40 seeds" in decide([ask("a", 0.6, 0.5, seeds=40)], RULES, 100, 1).why
    assert "no open detail can be settled" in decide([ask("a", 0.0, 50.0, seeds=35)], RULES, 100, 1).why


def test_few_seeds_carry_no_difference_where_signs_are_flipped() -> None:
    question = Question("a", np.array([9.0]), np.array([0.1]), 3, 1, flips=True)
    chances = forecast(question, RULES, 19)
    assert chances[0] == 0
    assert chances[-1] > 0.99


@pytest.mark.parametrize(("correction", "left"), [("Holm", 0.05 / 3), ("Benjamini-Hochberg", 0.05 * 2 / 4)])
def test_what_is_found_leaves_its_level_to_the_rest(correction: str, left: float) -> None:
    blank = dict.fromkeys(Effect._fields, np.nan)
    rows = {name: [Effect(**{**blank, "detail": name})] for name in "abcd"}
    rows["a"] = [rows["a"][0]._replace(matters_at=4.0)]
    assert [is_open(options) for options in rows.values()] == [False, True, True, True]
    assert leave_levels(rows, correction, 0.3, 40, 1).matters == pytest.approx(left / 2)
