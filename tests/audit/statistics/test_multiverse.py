"""The multiverse of protocols, by hand."""

from itertools import product

import pandas as pd
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.multiverse import (
    ALL_PROTOCOLS,
    ALL_VARIANTS,
    LARGEST_DETAIL,
    PROTOCOL_COLUMNS,
    protocol_multiverse,
)
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.results import FAILED, Results
from repro.audit.study.plan import Plan

SHIFTS = {"composite": 0.0, "raw": -2.0, "none": 0.0, "8 bit": 0.5}


def multiverse_of(plan: Plan, results: Results) -> pd.DataFrame:
    return protocol_multiverse(plan, results, contrast_effects(plan, tabulate_outcomes(plan, results)))


@pytest.fixture
def plan() -> Plan:
    return make_plan(two_levels(2), "full_factorial", controls=True)


@pytest.fixture
def results(plan: Plan) -> Results:
    """m0 moves with output and rounding, other with the window only; b changes m0 by 3."""
    bare = simulate(plan, linear(b=3), Noise(run=0))
    rows = []
    for run, value in bare.rows.set_index("run")["value"].items():
        for output, rounding in product(("composite", "raw"), ("none", "8 bit")):
            protocol = {"output": output, "rounding": rounding, "window": ""}
            rows.append({"run": run, **protocol, "metric": "m0", "value": value + SHIFTS[output] + SHIFTS[rounding]})
        for window, shift in (("gaussian", 0.0), ("uniform", 0.25)):
            protocol = {"output": "composite", "rounding": "none", "window": window}
            rows.append({"run": run, **protocol, "metric": "other", "value": shift})
    return bare._replace(protocols=pd.DataFrame(rows))


def test_each_choice_is_changed_alone(plan: Plan, results: Results) -> None:
    table = multiverse_of(plan, results)
    changes = table.set_index(["metric", "choice", "option"])["change"].sort_index()
    assert changes["m0", "output"].to_dict() == {"composite": 0, "raw": pytest.approx(-2)}
    assert changes["m0", "rounding"].to_dict() == {"none": 0, "8 bit": pytest.approx(0.5)}
    assert changes["other", "window"].to_dict() == {"gaussian": 0, "uniform": pytest.approx(0.25)}
    assert ("m0", "window") not in {index[:2] for index in changes.index}
    assert list(table.columns) == list(PROTOCOL_COLUMNS)


def test_the_mean_is_of_the_runs_of_the_design_that_are_ok(plan: Plan, results: Results) -> None:
    results.runs.loc["v1-s0", "status"] = FAILED
    table = multiverse_of(plan, results).set_index(["metric", "choice", "option"])
    runs = table["runs"]["m0", "output", "raw"]
    assert len(runs) == 7
    assert not {"v1-s0", "v4-s0", "v5-s0"} & set(runs)
    values = results.rows.set_index("run")["value"][list(runs)]
    assert table["mean"]["m0", "output", "raw"] == pytest.approx(values.mean() - 2)


def test_protocols_stand_beside_details(plan: Plan, results: Results) -> None:
    table = multiverse_of(plan, results)
    sums = table[table["metric"] == "m0"].set_index("choice")["change"]
    assert sums[ALL_PROTOCOLS] == pytest.approx(2.5)
    assert sums[ALL_VARIANTS] == pytest.approx(3)
    assert sums[LARGEST_DETAIL] == pytest.approx(3)
    options = table.set_index(["metric", "choice"])["option"]
    assert options["m0", LARGEST_DETAIL] == "b: yes instead of no"
    assert LARGEST_DETAIL not in set(table[table["metric"] == "other"]["choice"]), "no metric of the study"


def test_an_option_that_occurs_only_with_others_has_no_change_of_its_own(plan: Plan, results: Results) -> None:
    rows = results.protocols
    kept = rows[(rows["output"] == "composite") | (rows["rounding"] == "8 bit")]
    table = multiverse_of(plan, results._replace(protocols=kept)).set_index(["metric", "choice", "option"])
    assert pd.isna(table["change"]["m0", "output", "raw"])
    assert table["change"]["m0", "rounding", "8 bit"] == pytest.approx(0.5)


def test_no_protocols_no_rows(plan: Plan, results: Results) -> None:
    table = multiverse_of(plan, results._replace(protocols=results.protocols.iloc[:0]))
    assert list(table.columns) == list(PROTOCOL_COLUMNS)
    assert not len(table)
