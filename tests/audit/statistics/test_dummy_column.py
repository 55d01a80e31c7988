"""A column that no detail has: which one it is, and that the code that judges details judges it."""

import re
from itertools import combinations

import numpy as np
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.dummy_column import NAME, add_dummy
from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.study.aliases import design_points
from repro.audit.study.designs import plackett_burman
from repro.audit.study.plan import Plan
from repro.audit.study.randomisation import assign_columns

REGULAR = "fractional_factorial"


def seeded(plan: Plan, seed: int) -> Plan:
    return plan.model_copy(update={"declaration": plan.declaration | {"randomisation": seed}})


def columns(plan: Plan) -> np.ndarray:
    """Returns the columns of a plan's design points, -1 and 1, the dummy's last."""
    dummy = add_dummy(plan)
    assert dummy is not None
    coding = code_details(dummy.plan)
    assert coding.options[-1] == (NAME, "high")
    return 2 * coding.matrix[coding.points] - 1


@pytest.mark.parametrize("details", [3, 12, 15])
def test_in_a_fold_over_it_is_as_free_of_pairs_as_the_details(details) -> None:
    signs = columns(make_plan(two_levels(details)))
    assert np.array_equal(signs.T @ signs, len(signs) * np.eye(details + 1))
    pairs = [signs[:, i] * signs[:, j] for i, j in combinations(range(details), 2)]
    assert not np.array(pairs @ signs[:, -1]).any()


def test_it_is_a_column_of_the_design_where_one_is_left() -> None:
    """The plan's seed draws it with the others: of 9 details in 11 columns."""
    for seed in (1, 2):
        plan = seeded(make_plan(two_levels(9)), seed)
        rows = [row for row in design_points(plan) if row]
        plan = seeded(make_plan(two_levels(9), rows=rows), seed)
        given = assign_columns(list(plan.levels), 11, seed)
        assert add_dummy(plan).what == "one of 2 columns of the design that no detail has"
        table = plackett_burman(9, spare=True)
        wanted = np.column_stack([table[:, given.columns] * given.signs[:9], table[:, given.spare[0]] * given.signs[9]])
        assert {tuple(row) for row in columns(plan).tolist()} == {tuple(row) for row in wanted.tolist()}


@pytest.mark.parametrize(
    ("details", "design", "generators", "what"),
    [
        (3, "full_factorial", None, "the product of 3 details"),
        (4, REGULAR, "a b c abc", "the product of 2 details, with interactions of two details in it"),
        (5, REGULAR, "a b c d abcd", "the product of [23] details, with interactions of two details in it"),
        (6, REGULAR, "a b c d e abcde", "the product of 3 details"),
    ],
)
def test_in_a_regular_design_it_is_a_product_that_is_no_pair_if_there_is_one(details, design, generators, what) -> None:
    plan = make_plan(two_levels(details), design, generators=generators)
    assert re.fullmatch(what, add_dummy(plan).what)
    signs = columns(plan)
    assert not (signs[:, :-1].T @ signs[:, -1]).any()


def test_a_saturated_design_has_none_and_says_so() -> None:
    plan = make_plan(two_levels(3), REGULAR, generators="a b ab")
    assert add_dummy(plan) is None
    assert add_dummy(make_plan(two_levels(2), "full_factorial")) is None  # one column is left, the pair itself
    control = analyse(plan, simulate(plan, linear())).controls.set_index("control").loc[NAME]
    assert (control["found"], control["passed"]) == ("not measured", False)
    assert "there is none" in control["detail"]


def test_it_is_analysed_by_the_code_of_details() -> None:
    """A thirteenth detail in that column would have these very numbers."""
    plan = make_plan(two_levels(12), seeds=2, baseline_seeds=5)
    results = simulate(plan, linear(a=3, b=2, c_d_e=1))
    tables = tabulate_outcomes(plan, results)
    found = contrast_effects(add_dummy(plan).plan, tables).set_index("detail").loc[NAME]
    wider = make_plan(two_levels(13), seeds=2)
    rows = {tuple(sorted(set(v.settings) - {"m"})): v.settings for v in wider.variants}
    same = [rows[tuple(sorted(v.settings))] for v in plan.variants]
    thirteen = plan.model_copy(
        update={
            "levels": wider.levels,
            "variants": [v.model_copy(update={"settings": row}) for v, row in zip(plan.variants, same, strict=True)],
        }
    )
    wanted = contrast_effects(thirteen, tables).set_index("detail").loc["m"]
    for name in ("estimate", "se", "df", "p", "low90", "high90"):
        assert found[name] == pytest.approx(wanted[name])


def test_the_control_passes_on_noise_and_fails_where_the_column_does_something() -> None:
    plan = make_plan(two_levels(12), seeds=3)
    quiet = analyse(plan, simulate(plan, linear(a=9), Noise(run=0.5))).controls.set_index("control").loc[NAME]
    assert quiet["passed"]
    assert quiet["detail"].startswith("one of 3 columns of the design that no detail has; m0: ")
    results = simulate(plan, linear(a=9), Noise(run=0.5))
    high = {v.id for v in add_dummy(plan).plan.variants if NAME in v.settings}
    moved = results.runs["variant"].isin(high)[results.rows["run"]].to_numpy()
    results.rows.loc[moved, "value"] += 4
    loud = analyse(plan, results).controls.set_index("control").loc[NAME]
    assert (loud["found"], loud["passed"]) == ("matters", False)


@pytest.mark.parametrize("design", ["random", "full_factorial"])
def test_other_designs_draw_a_column(design) -> None:
    levels = {"a": [0, 1, 2], "b": [0, 1, 2], "c": [0, 1]}
    rows = [{"a": i, "b": j, "c": k} for i in range(3) for j in range(3) for k in range(2)][1:]
    rows = [{key: value for key, value in row.items() if value} for row in rows]
    plan = make_plan(levels, design, rows=rows)
    dummy = add_dummy(plan)
    assert "given to the variants at random" in dummy.what
    assert sum(NAME in v.settings for v in dummy.plan.variants) == 9
    assert columns(seeded(plan, 5)).tolist() != columns(plan).tolist() or design == "full_factorial"
