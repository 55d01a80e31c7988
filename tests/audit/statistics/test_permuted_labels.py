"""A/A of factorial designs: the tests are those of the study, and their rate of false alarms is what it should be."""

import numpy as np
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics import permuted_labels
from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import Coding, code_details, fit_design
from repro.audit.statistics.multiplicity import LEVEL, adjust_p
from repro.audit.statistics.outcomes import Outcomes, tabulate_outcomes
from repro.audit.statistics.permuted_labels import (
    NotMeasuredError,
    count_false_alarms,
    describe_design,
    has_any,
    hold_contrasts,
)
from repro.audit.study.plan import Plan

PLANS = {
    "free of pairs": make_plan(two_levels(15)),
    "free of pairs, with columns to spare": make_plan(two_levels(9)),
    "with pairs": make_plan(two_levels(5), "fractional_factorial", generators="a b c ab ac"),
    "saturated": make_plan(two_levels(3), "fractional_factorial", generators="a b ab"),
    "full": make_plan({"a": [0, 1, 2], "b": [0, 1]}, "full_factorial"),
}


def outcomes(values: np.ndarray) -> Outcomes:
    names, runs = [f"v{place}" for place in range(len(values))], np.full(values.shape, "run", dtype=object)
    return Outcomes("m0", 1.0, names, np.arange(values.shape[1]), values, np.zeros(values.shape, dtype=bool), runs)


@pytest.mark.parametrize("seeds", [2, 4])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_many_tables_are_tested_as_one_is(plan: Plan, seeds: int) -> None:
    coding, generator = code_details(plan), np.random.default_rng(3)
    # seeds that change effects, and lack of fit, in every measure, so that each branch of the error term is met
    sizes = 10 ** generator.uniform(-1, 1, (12, 2))
    drawn = [
        generator.standard_normal((len(coding.matrix), seeds))
        + coding.matrix @ generator.standard_normal((coding.matrix.shape[1], seeds)) * by_seed
        + generator.standard_normal((len(coding.matrix), 1)) * lack
        for by_seed, lack in sizes
    ]
    found = hold_contrasts(describe_design(coding), np.array(drawn)[:, coding.points])
    for place, values in enumerate(drawn):
        fit, term = fit_design(coding, outcomes(values)), choose_error_term(coding, outcomes(values))
        wanted = (fit.estimates, np.sqrt(term.variance * np.diag(fit.unit)), term.df)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one[place], other, rtol=1e-8)


def test_any_alarm_of_a_family_is_that_of_adjusted_p() -> None:
    p = np.random.default_rng(0).random((300, 7)) ** 4
    for correction in ("Holm", "Benjamini-Hochberg"):
        wanted = [bool((adjust_p(row, correction) < LEVEL).any()) for row in p]
        assert 0 < sum(wanted) < len(wanted)
        assert has_any(p, correction).tolist() == wanted


def rates(plan: Plan, studies: int, interaction: float, seeds: int = 3) -> np.ndarray:
    """Returns the rate of false alarms in each of many studies whose details do much, and interact."""
    coding, generator = code_details(plan), np.random.default_rng(1)
    signs = 2 * coding.matrix - 1
    found = []
    for _ in range(studies):
        values = generator.standard_normal((len(signs), seeds)) + 5 * signs[:, [0]]
        values += interaction * generator.standard_normal((len(signs), 1))
        found.append(count_false_alarms(coding, outcomes(values), "Holm", permutations=100).rate)
    return np.array(found)


def test_contrasts_alarm_in_a_twentieth_where_interactions_are_the_error() -> None:
    """With lack of fit far above what seeds do, its floors hardly bind: .05, within three errors over 40 studies."""
    found = rates(make_plan(two_levels(12)), 40, interaction=5.0)
    assert found.mean() == pytest.approx(0.05, abs=3 * found.std() / 40**0.5 + 0.003)


def test_contrasts_alarm_less_where_the_floors_bind() -> None:
    assert rates(make_plan(two_levels(12)), 20, interaction=0.0).mean() < 0.04


def test_what_main_effects_leave_is_brought_to_size() -> None:
    """Else 12 of 31 dimensions would be missing of the means, and an error term that is too small would pass."""
    coding, values = code_details(make_plan(two_levels(12))), np.random.default_rng(2).standard_normal((32, 2))
    design = describe_design(coding)
    dealt = permuted_labels._deal_out(design, values, 200, np.random.default_rng(0))
    means = values.mean(axis=1) - values.mean()
    rest = means - design.mains @ (design.mains.T @ means)
    spread = dealt.mean(axis=2).var(axis=1, ddof=1)
    np.testing.assert_allclose(spread, (rest**2).sum() / (31 - 12))
    between = np.sort(values[:, 0] - values[:, 1])
    np.testing.assert_allclose(np.sort(dealt[:, :, 0] - dealt[:, :, 1], axis=1), np.tile(between, (200, 1)))


def test_an_error_term_that_is_too_small_is_found_out(monkeypatch) -> None:
    """Tests on what seeds do alone, where interactions are the larger error."""
    held = permuted_labels.hold_contrasts
    monkeypatch.setattr(
        permuted_labels, "hold_contrasts", lambda design, values: held(design._replace(explained=None), values)
    )
    plan = make_plan(two_levels(12), seeds=3)
    results = simulate(plan, linear(a_b_c=6, d_e_f=6, g_h_i=6))
    control = analyse(plan, results).controls.set_index("control").loc["A/A contrasts"]
    assert not control["passed"]
    assert control["rate_low"] > 0.2


def test_what_cannot_be_dealt_out_is_not_measured() -> None:
    saturated, full = PLANS["saturated"], PLANS["full"]
    with pytest.raises(NotMeasuredError, match="saturated"):
        count_false_alarms(code_details(saturated), outcomes(np.random.default_rng(0).random((5, 3))), "Holm")
    with pytest.raises(NotMeasuredError, match="with 1 of its seeds"):
        count_false_alarms(code_details(full), outcomes(np.random.default_rng(0).random((6, 1))), "Holm")
    coding = code_details(full)
    twice = Coding([*coding.options, ("c", "x")], np.hstack([coding.matrix, coding.matrix[:, :1]]), *coding[2:])
    with pytest.raises(NotMeasuredError, match="cannot tell its effects apart"):
        count_false_alarms(twice, outcomes(np.random.default_rng(0).random((6, 3))), "Holm")


def test_interactions_of_a_full_factorial_are_no_alarm() -> None:
    """They mix into no main effect there, and the error term does not carry them."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=5)
    controls = analyse(plan, simulate(plan, linear(a_b=30, a_b_c=20), Noise(run=1.0))).controls.set_index("control")
    control = controls.loc["A/A contrasts"]
    assert control["passed"]
    assert "differences between seeds" in control["detail"]


def test_seeds_that_lack_a_run_are_left_out() -> None:
    plan = make_plan(two_levels(7), seeds=3)
    whole = simulate(plan, linear(a=2))
    coding, table = code_details(plan), tabulate_outcomes(plan, whole)[0]
    values = table.values.copy()
    values[4, 1] = np.nan
    kept = table._replace(values=values[:, [0, 2]], seeds=table.seeds[[0, 2]], runs=table.runs[:, [0, 2]])
    assert count_false_alarms(coding, table._replace(values=values), "Holm") == count_false_alarms(coding, kept, "Holm")
