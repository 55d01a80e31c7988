"""Columns and signs drawn at planning: valid designs, made again from the plan, and drawn again where forbidden."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from oven import arms, plan

from repro.audit.study import constrained_designs
from repro.audit.study.aliases import design_points
from repro.audit.study.declaration import NamedStudy, Study, load_study, with_seed
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan
from repro.audit.study.randomisation import assign_columns, describe_randomisation
from repro.errors import UserError

FOUR = {"heat.fan": [False], "tray": ["stone"], "salt": [2], "heat.degrees": [200.0]}
HALF = {"design": "fractional_factorial", "generators": "a b c abc"}
OUTCOME = {"m": {"direction": "higher", "margin": 1, "why": "-"}}


def declare(design: str, **changes) -> Study:
    declared = {"title": "-", "reading": "-", "scale": "-", "details": {}, "seeds": 2, "metrics": OUTCOME}
    return Study.model_validate(declared | {"design": design} | changes)


def test_every_assignment_is_as_likely_as_any_other() -> None:
    """3 columns for 2 details with 2 signs each: 24 assignments; chi-square on 23 df has mean 23 and sd 6.8."""
    drawn: Counter[tuple[float, ...]] = Counter()
    for seed in range(2400):
        given = assign_columns(["a", "b"], 3, seed)
        drawn[(*given.columns.tolist(), *given.signs[:2].tolist())] += 1
    assert len(drawn) == 24
    assert sum((count - 100) ** 2 / 100 for count in drawn.values()) < 23 + 4 * 6.8


def test_without_a_seed_details_take_the_columns_in_their_order() -> None:
    given = assign_columns(["b", "a"], 3, None)
    assert (given.columns.tolist(), given.spare.tolist(), given.signs.tolist()) == ([0, 1], [2], [1, 1, 1])


@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_fold_over_is_orthogonal_free_of_pairs_and_made_again_from_its_file(seed) -> None:
    made = plan(FOUR, design="plackett_burman", randomisation=seed)
    points = design_points(Plan.model_validate_json(made.model_dump_json()))
    signs = code_options(made.levels, points)[1]
    assert np.array_equal(signs.T @ signs, 16 * np.eye(4))
    pairs = np.array([signs[:, i] * signs[:, j] for i, j in combinations(range(4), 2)])
    assert not (pairs @ signs).any()
    assert len({tuple(row) for row in signs.tolist()}) == 16  # four of seven columns can have each row twice
    assert [row for row in points if row] == arms(made)


def test_the_baseline_need_not_be_a_row() -> None:
    inside = [{} in design_points(plan(FOUR, randomisation=seed, **HALF)) for seed in range(12)]
    assert set(inside) == {True, False}
    outside = plan(FOUR, randomisation=inside.index(False), **HALF)
    assert len(outside.variants) == 9
    assert outside.baseline().settings == {}


def test_the_seed_is_made_of_the_name_and_stands_in_the_plan() -> None:
    made = plan(FOUR, **HALF)
    seed = made.declaration["randomisation"]
    assert made.declared.seed == seed
    assert plan(FOUR, randomisation=seed, **HALF) == made
    assert plan(dict(reversed(FOUR.items())), **HALF).fingerprint == made.fingerprint
    other = with_seed(NamedStudy("kiln", declare("random"))).study.randomisation
    assert other not in (None, seed)
    for design in ("one_at_a_time", "full_factorial"):
        assert "randomisation" not in plan(FOUR, design=design).declaration


def test_none_leaves_the_plan_as_it_was_before_there_was_a_choice() -> None:
    made = plan(FOUR, randomisation="none", **HALF)
    assert not {"randomisation", "correction", "sequential"} & made.declaration.keys()
    assert not {"passed_over", "looks"} & made.model_dump().keys()
    assert design_points(made)[0] == {}
    assert "not randomised" in describe_randomisation(made.declaration)


def test_the_seed_decides_which_rows_are_chosen() -> None:
    for design in ("d_optimal", "random"):
        found = [arms(plan(FOUR, design=design, variants=6, randomisation=seed)) for seed in range(4)]
        assert any(rows != found[0] for rows in found)
        assert found[3] == arms(plan(FOUR, design=design, variants=6, randomisation=3))


def test_a_draw_that_cannot_be_had_is_drawn_again(monkeypatch) -> None:
    """A half fraction of four holds half of all combinations: one that is forbidden is in every other draw."""
    forbidden = {"heat.fan": False, "tray": "stone", "salt": 2}
    objection = constrained_designs.Space.objection

    def objects(space, settings):
        return "all three at once" if forbidden.items() == dict(settings).items() else objection(space, settings)

    monkeypatch.setattr(constrained_designs.Space, "objection", objects)
    passed = [plan(FOUR, randomisation=seed, **HALF) for seed in range(8)]
    assert all(forbidden not in arms(made) for made in passed)
    assert {made.passed_over > 0 for made in passed} == {True, False}
    for made in passed:
        again = Plan.model_validate_json(made.model_dump_json())
        assert [row for row in design_points(again) if row] == arms(made)


def test_what_no_draw_avoids_is_refused() -> None:
    with pytest.raises(UserError, match="cannot be had in any of 64 draws of columns and signs") as caught:
        plan({"tray": ["stone"], "racks": [[3]], "salt": [2]}, design="plackett_burman")
    assert len(str(caught.value).splitlines()) == 2


def test_a_seed_where_nothing_is_left_to_chance_is_refused() -> None:
    with pytest.raises(UserError, match="full_factorial leaves nothing to chance"):
        plan(FOUR, design="full_factorial", randomisation=1)


def test_a_loaded_study_is_what_its_plan_declares(tmp_path) -> None:
    """A sweep compares the two, so that the seed has to be in both."""
    file = tmp_path / "kiln.yaml"
    file.write_text(
        "title: x\nreading: x\nscale: x\ndesign: plackett_burman\nseeds: 2\ndetails: {a: , b: }\n"
        "metrics: {m: {direction: higher, margin: 1, why: x}}\ncorrection: Holm\nsequential: {most_seeds: 9}\n"
    )
    study = load_study(file).study
    assert isinstance(study.randomisation, int)
    assert Study.model_validate(study.model_dump(mode="json")) == study
    assert (study.correction, study.sequential.most_seeds) == ("Holm", 9)
    file.write_text(file.read_text().replace("seeds: 2", "seeds: 10"))
    with pytest.raises(UserError, match="seeds: 10 are more than sequential: most_seeds: 9"):
        load_study(file)


@pytest.mark.parametrize("design", ["plackett_burman", "fractional_factorial", "full_factorial", "random"])
def test_what_was_left_to_chance_is_told(design) -> None:
    declared = with_seed(NamedStudy("kiln", declare(design))).study.model_dump(mode="json")
    said = describe_randomisation(declared)
    assert ("nothing to randomise" in said) == (design == "full_factorial")
    assert design == "full_factorial" or str(declared["randomisation"]) in said
