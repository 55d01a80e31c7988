"""Simulated adaptive studies: that they come to what the real analysis comes to, and count errors as errors."""

import numpy as np
import pytest

from benchmarks.adaptive import (
    MARGIN,
    Ended,
    World,
    _draw_fractions,
    declare,
    draw_linear,
    make_linear,
    rate,
    run_adaptive,
    run_fixed,
)
from repro.audit.statistics.fractions import Fractions
from repro.audit.statistics.looks import judge_fractions
from repro.audit.statistics.multiplicity import adjust_p

SEED = 3


def make_world(effects: list[float], noise: float = 0.3) -> World:
    given = np.array(effects)
    return World(given, MARGIN, draw_linear(given, 0.05, noise, 0.1, np.random.default_rng(SEED)))


def test_a_simulated_study_holds_its_looks_as_the_analysis_does(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = declare(3, "plackett_burman", "Holm", 20, MARGIN, 1)
    kept: list[Fractions] = []
    monkeypatch.setattr("benchmarks.adaptive.fraction_effects", _spy(kept))
    path, rows = _draw_fractions(make_world([0.5, 0.0, 0.2]), plan, np.random.default_rng(SEED))
    judged = judge_fractions(plan, kept[:1])
    assert rows == 8
    np.testing.assert_allclose(judged["p_adjusted"], adjust_p(path.p[-1], "Holm"))
    np.testing.assert_allclose(judged["p_equivalent_adjusted"], adjust_p(path.p_equivalent[-1], "Holm"))


def _spy(kept: list[Fractions]):
    from repro.audit.statistics.fractions import fraction_effects

    def spied(plan, tables, count):
        kept.extend(tables)
        return fraction_effects(plan, tables, count)

    return spied


def test_a_study_stops_within_its_budget_and_settles_what_is_plain() -> None:
    world = make_world([1.0, 0.0, -0.8])
    plan = declare(3, "plackett_burman", "Holm", 40, MARGIN, 1)
    end = run_adaptive(world, plan, 120, np.random.default_rng(SEED))
    assert end.matters.tolist() == [True, False, True]
    assert end.equivalent.tolist() == [False, True, False]
    assert end.runs < 120
    fixed = run_fixed(world, declare(3, "plackett_burman", "Holm", None, MARGIN, 5), np.random.default_rng(SEED))
    assert fixed.runs == 8 * 5


def test_errors_are_counted_against_the_truth() -> None:
    world = World(np.array([0.0, MARGIN, 0.1]), MARGIN, make_linear(np.random.default_rng(SEED), 3, 0.0).draw)
    wrong = Ended(np.array([True, False, False]), np.array([False, True, True]), 100)
    right = Ended(np.array([False, True, False]), np.array([True, False, True]), 50)
    found = rate([world, world], [wrong, right])
    assert found.verdicts == 3
    assert found.runs == 75
    assert (found.any_matters, found.any_equivalent) == (0.5, 0.5)
    assert (found.share_matters, found.share_equivalent) == (0.5, 0.25)
