"""The multiverse of protocols: detail x protocol by hand, and the study's own verdicts by every protocol."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.multiplicity import adjust_p
from repro.audit.statistics.multiverse import (
    EFFECT_COLUMNS,
    HEADLINE,
    PROTOCOL_COLUMNS,
    find_multiverses,
    protocol_multiverse,
    subtract_headline,
    tabulate_protocols,
)
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.results import FAILED, Results
from repro.audit.study.plan import Plan

SHIFTS = {"composite": 0.0, "raw": -2.0, "none": 0.0, "8 bit": 0.5}


def add_protocols(plan: Plan, results: Results, grey: float = 0.0, noise: float = 0.0) -> Results:
    """m0 by two colours and two roundings: grey adds 5, `grey` more where b is set, and noise; rounding nothing."""
    generator = np.random.default_rng(5)
    has_b = {variant.id: "b" in variant.settings for variant in plan.variants}
    rows = []
    for run, value in results.rows[results.rows["metric"] == "m0"].set_index("run")["value"].items():
        turned = value + 5 + grey * has_b[results.runs["variant"][run]] + noise * generator.standard_normal()
        for colour, rounding in product(("rgb", "grey"), ("none", "8 bit")):
            shown = value if colour == "rgb" else turned
            rows.append({"run": run, "colour": colour, "rounding": rounding, "metric": "m0", "value": shown})
    return results._replace(protocols=pd.DataFrame(rows))


@pytest.fixture
def plan() -> Plan:
    return make_plan(two_levels(3), "full_factorial", seeds=3, controls=True)


def test_protocols_that_give_the_same_numbers_are_one(plan: Plan) -> None:
    results = add_protocols(plan, simulate(plan, linear(b=3)))
    (found,) = find_multiverses(plan, results)
    assert found.protocols == [HEADLINE, "colour=grey"]
    assert found.same == [2, 2]
    assert list(protocol_multiverse(plan, results)[0]["protocol"]) == found.protocols


def test_what_a_protocol_adds_to_all_runs_changes_no_effect(plan: Plan) -> None:
    results = add_protocols(plan, simulate(plan, linear(b=3)))
    protocols, effects = protocol_multiverse(plan, results)
    assert list(protocols.columns) == list(PROTOCOL_COLUMNS)
    assert list(effects.columns) == list(EFFECT_COLUMNS)
    by_grey = effects[effects["protocol"] == "colour=grey"]
    np.testing.assert_allclose(by_grey["change"], 0, atol=1e-9)
    assert (by_grey["p_adjusted"] == 1).all()
    assert by_grey["within_margin"].all()
    last = protocols.set_index("protocol").loc["colour=grey"]
    assert (last["verdicts_changed"], last["effects_changed"], last["effects_same"]) == (0, 0, 3)
    assert last["mean"] == pytest.approx(protocols["mean"][0] + 5), "the level is said, of the runs of the design"


def test_a_detail_that_a_protocol_turns_is_found_with_the_error_of_the_differences(plan: Plan) -> None:
    """Runs have an sd of 1, what the protocol changes in each only .05: the change is known that much better."""
    results = add_protocols(plan, simulate(plan, linear(b=3)), grey=0.5, noise=0.05)
    protocols, effects = protocol_multiverse(plan, results)
    row = effects[(effects["protocol"] == "colour=grey") & (effects["detail"] == "b")].iloc[0]
    assert row["change"] == pytest.approx(0.5, abs=0.1)
    assert row["change_low"] < 0.5 < row["change_high"]
    assert row["change_high"] - row["change_low"] < (row["high"] - row["low"]) / 4
    assert row["p_adjusted"] < 0.05
    assert not row["within_margin"]
    last = protocols.set_index("protocol").loc["colour=grey"]
    assert (last["effects_changed"], last["largest"]) == (1, "b: yes")
    assert (last["low"], last["high"]) == (row["change_low"], row["change_high"])


def test_effects_and_changes_are_those_of_the_study_s_own_code(plan: Plan) -> None:
    results = add_protocols(plan, simulate(plan, linear(b=3)), grey=0.3, noise=0.2)
    _, effects = protocol_multiverse(plan, results)
    headline = effects[effects["protocol"] == HEADLINE].set_index("detail")
    own = contrast_effects(plan, tabulate_outcomes(plan, results)).set_index("detail")
    np.testing.assert_allclose(headline[["estimate", "low", "high"]], own[["estimate", "low", "high"]])
    assert headline["change"].isna().all()
    trial, tables = tabulate_protocols(plan, results, find_multiverses(plan, results))
    change = contrast_effects(trial, subtract_headline(tables)).set_index("detail")
    other = effects[effects["protocol"] == "colour=grey"].set_index("detail")
    np.testing.assert_allclose(other[["change", "p"]], change[["estimate", "p"]])
    np.testing.assert_allclose(other["p_adjusted"], adjust_p(change["p"].to_numpy(), "Holm"))


def test_a_verdict_that_a_protocol_turns_is_named(plan: Plan) -> None:
    results = add_protocols(plan, simulate(plan, linear(b=6), Noise(run=0.2)), grey=-6.0)
    protocols, effects = protocol_multiverse(plan, results)
    last = protocols.set_index("protocol").loc["colour=grey"]
    assert last["details_changed"] == "b"
    row = effects[(effects["protocol"] == "colour=grey") & (effects["detail"] == "b")].iloc[0]
    assert row["headline_verdict"] == "matters"
    assert row["verdict"] != "matters"


def test_arms_in_pairs_have_their_changes_too() -> None:
    plan = arms_plan(2, seeds=8, controls=True)
    results = add_protocols(plan, simulate(plan, linear(a=3)), grey=2.0, noise=0.1)
    protocols, effects = protocol_multiverse(plan, results)
    assert set(effects["detail"]) == {"a", "b"}, "no control"
    change = effects[effects["protocol"] == "colour=grey"].set_index("detail")["change"]
    assert change["b"] == pytest.approx(2, abs=0.2)
    assert protocols["effects_changed"].tolist() == [0, 1]


def test_a_run_that_failed_enters_the_estimates_and_no_change(plan: Plan) -> None:
    results = add_protocols(plan, simulate(plan, linear(b=3)), grey=0.5, noise=0.05)
    results.runs.loc["v1-s0", "status"] = FAILED
    kept = results._replace(
        rows=results.rows[results.rows["run"] != "v1-s0"],
        protocols=results.protocols[results.protocols["run"] != "v1-s0"],
    )
    _, effects = protocol_multiverse(plan, kept)
    own = contrast_effects(plan, tabulate_outcomes(plan, kept)).set_index("detail")["estimate"]
    headline = effects[effects["protocol"] == HEADLINE].set_index("detail")["estimate"]
    np.testing.assert_allclose(headline, own)
    change = effects[effects["protocol"] == "colour=grey"].set_index("detail")["change"]
    assert change["b"] == pytest.approx(0.5, abs=0.15)
    assert change["a"] == pytest.approx(0, abs=0.15)


def test_no_protocols_no_rows(plan: Plan) -> None:
    protocols, effects = protocol_multiverse(plan, simulate(plan, linear()))
    assert (list(protocols.columns), len(protocols)) == (list(PROTOCOL_COLUMNS), 0)
    assert (list(effects.columns), len(effects)) == (list(EFFECT_COLUMNS), 0)
