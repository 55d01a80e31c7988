"""A study whose columns and signs were drawn goes the whole way, with its baseline among the rows or not."""

import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.linear_model import code_details
from repro.audit.study.aliases import design_points
from repro.audit.study.plan import Plan

GENERATORS = "a b c d abc abd acd bcd"


def randomised(design: str, details: int, seed: int) -> Plan:
    generators = GENERATORS if design == "fractional_factorial" else None
    empty = make_plan(two_levels(details), design, rows=[], generators=generators)
    seeded = empty.model_copy(update={"declaration": empty.declaration | {"randomisation": seed}})
    rows = [row for row in design_points(seeded) if row]
    plan = make_plan(two_levels(details), design, rows=rows, generators=generators, baseline_seeds=6)
    return plan.model_copy(update={"declaration": plan.declaration | {"randomisation": seed}})


@pytest.mark.parametrize(("design", "details"), [("plackett_burman", 9), ("fractional_factorial", 8)])
def test_effects_are_option_less_baseline_whichever_is_high(design, details) -> None:
    outside = 0
    for seed in range(3):
        plan = randomised(design, details, seed)
        coding = code_details(plan)
        outside += not coding.points[0]
        assert coding.points.sum() == (24 if design == "plackett_burman" else 16)
        analysis = analyse(plan, simulate(plan, linear(a=3, b=-2, c_d=1), Noise(run=0.01), seed=seed))
        found = analysis.effects.set_index("detail")["estimate"]
        # the tolerance is five standard errors, of 2 x .01 over the root of 32 runs;
        # a pair that does 1 where both options are there does a half to each on average
        wanted = dict.fromkeys(plan.levels, 0.0) | {"a": 3.0, "b": -2.0, "c": 0.5, "d": 0.5}
        assert found.to_dict() == pytest.approx(wanted, abs=0.02)
        assert analysis.controls.set_index("control").loc["dummy column", "passed"]
    assert outside  # the baseline is a row of one draw in ten, or fewer
