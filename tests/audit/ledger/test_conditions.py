"""Conditions of details: what they say of values, in which words, and which of them make no sense."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from repro.audit.ledger.choice import Choice, walk_details
from repro.audit.ledger.conditions import find_disabling, find_forbidding, find_inert

OPTIONS: dict[Any, Any] = {1: (), 2: (), (3, 5): ()}


def choice(**conditions: Any) -> Choice:
    return Choice("?", gap="g", paper="silent", options=OPTIONS, **conditions)


@pytest.mark.parametrize(
    ("conditions", "effective"),
    [
        ({}, {"a", "b", "c"}),
        ({"only_if": {"other": ("a",)}}, {"a"}),
        ({"only_if": {"other": ("a", "b")}}, {"a", "b"}),
        ({"unless": {"other": ("a",)}}, {"b", "c"}),
        ({"unless": {"other": ("a", "c")}}, {"b"}),
        ({"only_if": {"other": ("a", "b")}, "unless": {"third": (0,)}}, set()),
        ({"only_if": {"third": (0,)}, "unless": {"other": ("b",)}}, {"a", "c"}),
        ({"only_if": {"third": (0,), "other": ("b",)}}, {"b"}),
    ],
)
def test_a_detail_has_an_effect_where_all_its_conditions_hold(conditions, effective: set[str]) -> None:
    found = {
        other for other in "abcd" if find_disabling(choice(**conditions), {"other": other, "third": 0}.get) is None
    }
    later = {"d"} if not conditions or "other" in conditions.get("unless", {}) else set()
    assert found == effective | later  # of d, which was added after the conditions, `unless` alone thinks well


def test_the_detail_that_stands_in_the_way_is_named() -> None:
    both = choice(only_if={"a": (1,)}, unless={"b": ([3, 5],)})
    assert find_disabling(both, {"a": 2, "b": 0}.get) == "a"
    assert find_disabling(both, {"a": 1, "b": (3, 5)}.get) == "b"
    assert find_disabling(both, {"a": 1, "b": [3]}.get) is None


def test_single_options_are_forbidden_or_inert_as_lists_or_tuples() -> None:
    some = choice(forbidden_with={(3, 5): {"a": (1,), "b": ((7,),)}}, inert={(3, 5): "same", 2: "too"})
    assert find_forbidding(some, [3, 5], {"a": 0, "b": [7]}.get) == "b"
    assert find_forbidding(some, (3, 5), {"a": 1, "b": 0}.get) == "a"
    assert find_forbidding(some, [3, 5], {"a": 0, "b": 0}.get) is None
    assert find_forbidding(some, 1, {"a": 1, "b": 7}.get) is None
    assert [find_inert(some, option) for option in ([3, 5], 2, 1)] == ["same", "too", None]


def test_conditions_in_words() -> None:
    every = choice(
        only_if={"model.name": ("a", "b")},
        unless={"blocks": (0,), "kernels": ((3, 5),)},
        visible="the map is wide",
        forbidden_with={1: {"flag": (True, None)}},
        inert={2: "it is the default"},
        before=1,
    )
    assert every.describe() == [
        "Only if model.name is a or b.",
        "No effect if blocks is 0.",
        "No effect if kernels is [3,5].",
        "Visible where the map is wide.",
        "Option 1 is forbidden with flag=true.",
        "Option 1 is forbidden with flag=null.",
        "Option 2 changes nothing: it is the default.",
        "Added later; before it, all was as with 1.",
    ]


class Model(BaseModel):
    name: Annotated[Literal["linear", "rbf"], Choice("?", "g", "silent", {"linear": (), "rbf": ()})]
    blocks: Annotated[int, Field(ge=0), Choice("?", "g", "silent", {4: ()}, free=True)]
    plain: Literal["x", "y"]
    share: Annotated[float, Field(gt=0, lt=1)]


def tree_with(**conditions: Any) -> type[BaseModel]:
    detail = Annotated[Any, choice(**conditions)]
    return create_model("Tree", model=(Model, ...), detail=(detail, ...))  # type: ignore[call-overload]


@pytest.mark.parametrize("field", ["only_if", "unless", "forbidden_with"])
@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"model.nam": ("rbf",)}, "model.nam is not a parameter"),
        ({"model": ("rbf",)}, "model is not a parameter"),
        ({"name": ("rbf",)}, "name is not a parameter"),
        ({"model.name": ("rbf", "rbff")}, "model.name cannot be rbff"),
        ({"model.blocks": (0, -1)}, "model.blocks cannot be -1"),
        ({"model.blocks": ("0",)}, "model.blocks cannot be 0"),
        ({"model.plain": ("z",)}, "model.plain cannot be z"),
        ({"model.share": (1,)}, "model.share cannot be 1"),
        ({"model.name": "rbf"}, "is 'rbf'; it takes a tuple"),
        ({"model.name": ()}, "it takes a tuple of at least one value"),
        ({"detail": (1,)}, "is the detail itself"),
    ],
)
def test_a_misspelt_condition_is_refused(field: str, condition: dict[str, Any], problem: str) -> None:
    stated = {2: condition} if field == "forbidden_with" else condition
    with pytest.raises(TypeError) as raised:
        walk_details(tree_with(**{field: stated}))
    assert str(raised.value).startswith(f"detail: {field}[{next(iter(condition))!r}]")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ({"forbidden_with": {9: {"model.name": ("rbf",)}}}, "detail: forbidden_with: it cannot be 9"),
        ({"inert": {9: "same"}}, "detail: inert: it cannot be 9"),
        (
            {"only_if": {"model.name": ("rbf",)}, "unless": {"model.name": ("linear",)}},
            "detail: model.name stands in only_if and in unless",
        ),
    ],
)
def test_conditions_that_contradict_the_tree_are_refused(conditions: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError) as raised:
        walk_details(tree_with(**conditions))
    assert problem in str(raised.value)


def test_conditions_on_any_parameter_are_taken() -> None:
    fine = {"model.name": ("rbf",), "model.blocks": (0, 7), "model.plain": ("x",), "model.share": (0.5,)}
    for conditions in ({"only_if": fine}, {"unless": fine}, {"forbidden_with": {(3, 5): fine}}):
        assert [detail.key for detail in walk_details(tree_with(**conditions))][-1] == "detail"
