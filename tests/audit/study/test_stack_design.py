"""Studies of the design `stack`: what becomes a part, which mixtures are planned, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oven import BASELINE, NOW, Oven, arms, identify, study

from repro.audit.study.declaration import NamedStudy
from repro.audit.study.freezing import freeze
from repro.audit.study.plan import Plan
from repro.audit.study.planning import make_plan
from repro.audit.study.stack import find_parts
from repro.errors import UserError

BASE = {"heat.degrees": 200.0, "tray": "stone", "salt": 2}


def plan(base: dict[str, Any], without: tuple[str, ...] = (), **whole: Any) -> Plan:
    declared = study({}, design="stack", base={"settings": base, "without": list(without)})
    values = {**BASELINE, **whole}
    return make_plan(NamedStudy("oven", declared), Oven, values, identify, NOW, base={**values, **base})


def test_the_differences_are_the_details_and_the_whole_is_the_baseline() -> None:
    made = plan(BASE)
    assert made.levels == {"heat.degrees": [180.0, 200.0], "tray": ["steel", "stone"], "salt": [1, 2]}
    assert made.baseline().settings == {}
    assert len(arms(made)) == 7
    assert made.declared.base is not None
    assert len(made.runs) == 8 * 3


def test_the_smallest_stack_gets_runs_of_its_own_once() -> None:
    many = {**BASE, "heat.source": "wood", "racks": [3], "tray": "steel", "heat.fan": False}
    whole, tested = plan(many), plan(many, ("salt", "heat.fan"))
    assert len(whole.levels) == 5
    assert len(arms(whole)) == 15
    signs = np.array([[1 if key in row else -1 for key in whole.levels] for row in ({}, *arms(whole))])
    assert (signs.T @ signs == 16 * np.eye(5)).all()
    assert {tuple(-row) for row in signs} == {tuple(row) for row in signs}
    smallest = {"salt": 2, "heat.fan": False}
    assert smallest in arms(tested)
    assert len(arms(tested)) == 15 + (smallest not in arms(whole))


def test_the_plan_keeps_the_study_as_declared_and_says_when_the_smallest_stack_was(tmp_path: Path) -> None:
    first, second, third = plan(BASE), plan(BASE, ("salt",)), plan(BASE, ("tray",))
    assert first.declaration["details"] == {}
    freeze(first, tmp_path)
    freeze(second, tmp_path)
    said = freeze(third, tmp_path).deviations
    assert [sentence.partition(": ")[2] for sentence in said] == [
        "base: without added",
        "base: without [salt] became [tray]",
    ]


def test_what_changes_nothing_in_the_whole_stays_and_is_said() -> None:
    made = plan({**BASE, "heat.source": "gas", "heat.fan": False}, **{"heat.source": "none"})
    assert [item.settings for item in made.left_out] == [{"heat.fan": False}]
    assert "has no effect with heat.source=none" in made.left_out[0].reason
    assert "heat.fan" not in made.levels


@pytest.mark.parametrize(
    ("base", "without", "said"),
    [
        ({}, (), "the same as the whole"),
        ({"clock": 1}, (), "clock, which is no detail"),
        (BASE, ("rise",), "rise is no part"),
        ({"tray": "stone", "racks": [3]}, (), "give one of these the whole's option under base: settings"),
    ],
)
def test_stacks_that_cannot_be_had(base: dict[str, Any], without: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        plan(base, without)
    assert str(caught.value).count("\n") <= 1


def test_a_base_belongs_to_a_stack_and_details_do_not() -> None:
    with pytest.raises(ValueError, match="base"):
        study({"tray": None}, base={"settings": BASE})
    with pytest.raises(ValueError, match="base"):
        study({}, design="stack")
    with pytest.raises(UserError, match="leave them out"):
        find_parts(study({"tray": None}, design="stack", base={"settings": BASE}), None, {})  # type: ignore[arg-type]


def test_the_base_of_a_study_is_its_reading_under_other_settings() -> None:
    declared = study({}, design="stack", settings={"rise": 2}, base={"reading": "plain bread", "settings": BASE})
    base = declared.of_base()
    assert (base.reading, base.settings) == ("plain bread", {"rise": 2, **BASE})
