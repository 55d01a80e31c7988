"""A detail that is added to a tree later: no variant gets another id while it has the value before it."""

import hashlib
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from repro.audit.ledger.choice import Choice, walk_details
from repro.audit.ledger.identity import fill_before, leave_out_before, variant_id
from repro.audit.ledger.parsing import parse_tree
from repro.audit.ledger.source import inference
from repro.errors import UserError


def later(before: Any, *others: Any, **more: Any) -> Choice:
    options = {option: (inference("why not"),) for option in (before, *others)}
    return Choice("?", gap="g", paper="silent", options=options, before=before, **more)


def early(*options: Any) -> Choice:
    return Choice("?", gap="g", paper="silent", options=dict.fromkeys(options, (inference("why not"),)))


class OldModel(BaseModel):
    width: Annotated[int, early(8, 16)]


class Old(BaseModel):
    model: OldModel
    loss: Annotated[Literal["l1", "l2"], early("l1", "l2")]
    seed: int


class Schedule(BaseModel):
    """A group that is new as a whole."""

    warm_up: Annotated[bool, later(False, True)]


class Training(BaseModel):
    """Likewise, with a group inside."""

    schedule: Schedule
    clip: Annotated[float | None, later(None, 1.0)]


class NewModel(OldModel):
    dropout: Annotated[float, Field(ge=0, lt=1), later(0.0, 0.5, free=True)]
    kernels: Annotated[tuple[int, ...], later((3, 5), (3,), ())]
    norm: Annotated[Literal["none", "batch"], later("none", "batch")]


class New(Old):
    model: NewModel
    training: Training


OLD = {"model": {"width": 8}, "loss": "l1", "seed": 0}
SAME = {
    "model": {"width": 8, "dropout": 0.0, "kernels": [3, 5], "norm": "none"},
    "loss": "l1",
    "seed": 0,
    "training": {"schedule": {"warm_up": False}, "clip": None},
}
CHANGES: list[dict[str, Any]] = [
    {"model": {**SAME["model"], "dropout": 0.5}},
    {"model": {**SAME["model"], "dropout": 1e-300}},
    {"model": {**SAME["model"], "kernels": [3]}},
    {"model": {**SAME["model"], "kernels": []}},
    {"model": {**SAME["model"], "norm": "batch"}},
    {"training": {"schedule": {"warm_up": True}, "clip": None}},
    {"training": {"schedule": {"warm_up": False}, "clip": 1.0}},
]
"""Each of another variant."""


def resolved(values: dict[str, Any]) -> dict[str, Any]:
    return New.model_validate(values).model_dump(mode="json")


def test_the_id_of_a_variant_is_the_one_of_the_tree_before() -> None:
    assert variant_id(New, resolved(SAME)) == variant_id(Old, OLD) == variant_id(New, OLD)
    written_out = b'{"loss":"l1","model":{"width":8}}'
    assert variant_id(Old, OLD) == hashlib.sha256(written_out).hexdigest()[:10]


def test_a_file_of_before_reads_as_the_value_before_and_is_written_without_it() -> None:
    assert fill_before(New, OLD) == SAME
    assert leave_out_before(New, resolved(SAME)) == OLD
    assert parse_tree(New, fill_before(New, OLD), "here").model_dump(mode="json") == SAME


@pytest.mark.parametrize("change", CHANGES, ids=json.dumps)
def test_another_value_is_another_variant_and_is_written(change: dict[str, Any]) -> None:
    changed = resolved(SAME | change)
    written = leave_out_before(New, changed)
    assert fill_before(New, written) == changed
    assert written != OLD
    ids = {variant_id(New, resolved(SAME | other)) for other in CHANGES}
    assert variant_id(New, changed) in ids
    assert len(ids) == len(CHANGES)
    assert variant_id(Old, OLD) not in ids


def test_the_seed_is_no_part_of_a_variant_and_all_else_is() -> None:
    assert variant_id(New, SAME | {"seed": 1}) == variant_id(New, SAME)
    assert variant_id(New, SAME | {"loss": "l2"}) != variant_id(New, SAME)
    assert variant_id(New, SAME | {"model": {**SAME["model"], "width": 16}}) != variant_id(New, SAME)


def test_python_values_and_those_of_json_are_the_same() -> None:
    python = New.model_validate(SAME).model_dump()
    assert isinstance(python["model"]["kernels"], tuple)
    assert leave_out_before(New, python) == OLD


@given(
    st.fixed_dictionaries(
        {
            "width": st.sampled_from([8, 16]),
            "dropout": st.floats(0, 1, exclude_max=True),
            "kernels": st.sampled_from([[3, 5], [3], []]),
            "norm": st.sampled_from(["none", "batch"]),
        }
    ),
    st.booleans(),
    st.sampled_from([None, 1.0]),
)
def test_what_is_left_out_is_filled_in_again(model: dict[str, Any], warm_up: bool, clip: float | None) -> None:
    whole = SAME | {"model": model, "training": {"schedule": {"warm_up": warm_up}, "clip": clip}}
    given_values = json.dumps(whole)
    assert fill_before(New, leave_out_before(New, whole)) == whole
    assert json.dumps(whole) == given_values  # nothing was changed in place


def test_what_is_missing_otherwise_is_still_told() -> None:
    with pytest.raises(UserError, match=r"model\.width is missing"):
        parse_tree(New, fill_before(New, {"loss": "l1", "seed": 0}), "here")
    with pytest.raises(UserError, match="model is 3"):
        parse_tree(New, fill_before(New, OLD | {"model": 3}), "here")


@pytest.mark.parametrize("choice", [early(1, 2), later(1, 2, free=True)], ids=["closed", "free"])
def test_a_value_before_that_cannot_be_is_refused(choice: Choice) -> None:
    wrong = Choice("?", gap="g", paper="silent", options=choice.options, free=choice.free, before=-1)

    class Broken(BaseModel):
        steps: Annotated[int, Field(gt=0), wrong]

    with pytest.raises(TypeError, match="steps: before is -1, which it cannot be"):
        walk_details(Broken)
    with pytest.raises(TypeError, match="steps: before is -1"):
        variant_id(Broken, {"steps": 1})


def test_a_detail_says_in_words_that_it_was_added_later() -> None:
    assert later((3, 5)).describe() == ["Added later; before it, all was as with [3,5]."]
    assert later(None).describe() == ["Added later; before it, all was as with null."]
    assert early(1).describe() == []
