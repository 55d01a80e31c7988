"""One value per run, and what stands in for the runs that failed."""

import numpy as np
import pytest
from simulated_arms import arms_plan
from simulated_factorial import linear, simulate

from repro.audit.statistics.outcomes import option_text, tabulate_outcomes
from repro.audit.statistics.results import list_failures, run_states, sum_costs
from repro.audit.statistics.stand_ins import fill_failed
from repro.errors import UserError


def test_values_are_means_over_images() -> None:
    plan = arms_plan(2, seeds=3, metrics=2)
    results = simulate(plan, linear(a=1), images=4)
    table = tabulate_outcomes(plan, results)[1]
    rows = results.rows[(results.rows["run"] == "v2-s1") & (results.rows["metric"] == "m1")]
    assert table.metric == "m1"
    assert table.values[2, 1] == pytest.approx(rows["value"].mean())
    assert table.runs[2, 1] == "v2-s1"
    assert np.isfinite(table.values).all()


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_failed_run_takes_its_stand_in(direction: str) -> None:
    """Of the design for an arm, its own for a control; nothing of the positive control, which is bad on purpose."""
    plan = arms_plan(2, seeds=4, controls=True, direction=direction)
    results = simulate(plan, linear(a=-5), failed=["v2-s1", "v3-s0"])
    table = tabulate_outcomes(plan, results)[0]
    columns = np.array([[0, 0], [1, 0], [0, 1], [0, 0], [0, 0]], dtype=float)
    design = np.array([True, True, True, False, False])
    known = np.where(table.failed, np.nan, table.values)
    expected, stand_in = fill_failed(known, table.failed, columns, design, direction == "higher")
    np.testing.assert_allclose(table.values, expected)
    assert table.stand_in == stand_in
    assert table.failed.sum() == 2
    others = tabulate_outcomes(plan, simulate(plan, linear(a=-5), failed=["v2-s1"]))[0]
    assert others.values[2, 1] == table.values[2, 1]
    assert table.values[3, 0] > table.values[4].max() + 30


def test_an_image_without_a_finite_value_fails_its_run() -> None:
    """A mean over the images that happened to survive would flatter the run."""
    plan = arms_plan(1, seeds=3)
    results = simulate(plan, linear(), images=3)
    results.rows.loc[results.rows["run"] == "v1-s0", "value"] = [np.nan, 99.0, 99.0]
    table = tabulate_outcomes(plan, results)[0]
    assert table.failed[1, 0]
    assert table.values[1, 0] < table.values[1, 1:].mean()


def test_other_images_are_refused() -> None:
    plan = arms_plan(1, seeds=3)
    results = simulate(plan, linear(), images=3)
    with pytest.raises(UserError, match=r"v1-s2.* on 2 units, in other runs on 3"):
        tabulate_outcomes(plan, results._replace(rows=results.rows.iloc[:-1]))


def test_missing_runs_are_named() -> None:
    plan = arms_plan(1, seeds=3)
    results = simulate(plan, linear(), missing=["v1-s2"], failed=["v0-s0"])
    table = tabulate_outcomes(plan, results)[0]
    assert table.runs[table.missing()].tolist() == ["v1-s2"]
    assert run_states(plan, results)["status"].value_counts().to_dict() == {"ok": 4, "failed": 1, "missing": 1}
    failures = list_failures(plan, results).set_index("run")
    assert failures["status"].to_dict() == {"v0-s0": "failed", "v1-s2": "missing"}
    assert failures.loc["v1-s2", "reason"] == "it has not been run"


def test_costs_count_what_was_lost() -> None:
    plan = arms_plan(1, seeds=3)
    results = simulate(plan, linear(), missing=["v1-s2"], failed=["v0-s0"])
    results.runs["seconds"] = [3600.0, 1800, 1800, 1800, 900]
    results.runs["joules"] = [np.nan, 5, 5, 5, 5]
    cost = sum_costs(plan, results).iloc[0]
    assert (cost["runs"], cost["hours"], cost["hours_lost"], cost["joules"]) == (5, 2.75, 1.0, 20)
    assert cost["note"] == "energy measured in 4 of 5 runs; 1 planned runs have not been run"


def test_an_option_is_spelt_as_in_the_plan() -> None:
    plan = arms_plan(1).model_copy(update={"levels": {"rate": [0.5, 1.0], "sizes": [[3, 5], [7]]}})
    assert option_text(plan, "rate", 1) == "1.0"
    assert option_text(plan, "sizes", [7]) == "[7]"
