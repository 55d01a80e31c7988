"""The vocabulary of the ledger, on a tree that is not the project's own."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ValidationError

from repro.audit.ledger.choice import Choice, show_value, walk_details
from repro.audit.ledger.source import paper, related, release
from repro.audit.ledger.table import count_details, select_details, to_json, to_markdown


class Kernel(BaseModel):
    name: Annotated[
        Literal["linear", "rbf"],
        Choice("Which kernel?", gap="model", paper="silent", options={"linear": (paper("section 3"),), "rbf": ()}),
    ]
    sizes: Annotated[
        tuple[int, ...],
        Choice("Which sizes?", gap="model", paper="stated", options={(3, 5): (release("a.py @1"),), (7,): ()}),
    ]


class Tree(BaseModel):
    kernel: Kernel
    rate: Annotated[
        float,
        Choice(
            "Which rate?",
            gap="training",
            paper="silent",
            options={0.1: (related("another"),)},
            free=True,
            only_if={"kernel.name": ("rbf",)},
            inert={0.1: "it is the default"},
        ),
    ]
    steps: int


GOOD = {"kernel": {"name": "rbf", "sizes": [3, 5]}, "rate": 0.3, "steps": 1}


def test_details_are_found_in_the_order_of_the_fields() -> None:
    assert [detail.key for detail in walk_details(Tree)] == ["kernel.name", "kernel.sizes", "rate"]


def test_numbers_and_lists_are_held_to_their_options_unless_free() -> None:
    assert Tree.model_validate(GOOD).kernel.sizes == (3, 5)
    with pytest.raises(ValidationError, match=r"allowed: \[3,5\], \[7\]"):
        Tree.model_validate(GOOD | {"kernel": {"name": "rbf", "sizes": [3]}})


def test_a_literal_and_its_choice_must_agree() -> None:
    class Broken(BaseModel):
        name: Annotated[Literal["a", "b"], Choice("?", gap="g", paper="silent", options={"a": ()})]

    with pytest.raises(TypeError, match=r"name: Literal and Choice differ in \{'b'\}"):
        list(walk_details(Broken))


def test_the_schema_holds_question_and_options() -> None:
    schema = Tree.model_json_schema()
    told = "Which rate? Only if kernel.name is rbf. Option 0.1 changes nothing: it is the default."
    assert schema["properties"]["rate"]["description"] == told
    assert "enum" not in schema["properties"]["rate"]
    assert schema["$defs"]["Kernel"]["properties"]["sizes"]["enum"] == [[3, 5], [7]]


def test_values_are_shown_as_one_types_them() -> None:
    assert [show_value(value) for value in (None, True, (3, 5), 0.5, "a")] == ["null", "true", "[3,5]", "0.5", "a"]


def test_filters_counts_and_forms() -> None:
    assert [detail.key for detail in select_details(Tree, gap="MOD")] == ["kernel.name", "kernel.sizes"]
    assert [detail.key for detail in select_details(Tree, status="stated")] == ["kernel.sizes"]
    assert [detail.key for detail in select_details(Tree, source="related")] == ["rate"]
    details = select_details(Tree)
    assert count_details(details) == ({"model": 2, "training": 1}, {"silent": 2, "stated": 1})
    rows = to_json(details)
    conditions = ["Only if kernel.name is rbf.", "Option 0.1 changes nothing: it is the default."]
    assert rows[2]["constraints"] == conditions
    assert rows[1]["options"][0] == {
        "value": [3, 5],
        "sources": [{"kind": "release", "where": "a.py @1", "confidence": "V"}],
    }
    document = to_markdown(details, "Title")
    assert document.startswith("# Title\n\n3 details with 5 options.")
    assert "| `[3,5]` | release: a.py @1 [V] |" in document
    assert "\n".join(conditions) in document
