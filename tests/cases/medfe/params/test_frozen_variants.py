"""The variants of the frozen plans: today's tree gives them their ids, and so does one that a detail was added to."""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.identity import fill_before, leave_out_before, variant_id
from repro.audit.ledger.source import inference
from repro.audit.ledger.values import flatten, override_values
from repro.cases.medfe.params import Params
from repro.cases.medfe.params.model import ModelParams

PLANS = sorted((Path(__file__).parents[4] / "ablations" / "plans").glob("*.json"))
DROPOUT = Choice(
    "Which dropout have the filling streams?",
    gap="hyperparameters",
    paper="silent",
    options={0.0: (inference("none is named"),), 0.5: (inference("the usual one"),)},
    unless={"loss.adv": ("none",)},
    before=0.0,
)


class LaterModel(ModelParams):
    dropout: Annotated[float, DROPOUT]


class LaterParams(Params):
    """The tree of a later release."""

    model: LaterModel


def variants(file: Path) -> dict[str, dict[str, Any]]:
    """Returns all values of each variant of a plan, nested, by the variant's id."""
    plan, found = json.loads(file.read_text()), {}
    for variant in plan["variants"]:
        found[variant["id"]] = {}
        override_values(found[variant["id"]], plan["values"] | variant["settings"])
    return found


def test_there_are_frozen_plans() -> None:
    assert {file.stem for file in PLANS} >= {"controls", "screening"}


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_a_frozen_plan_names_its_variants_as_the_tree_does(file: Path) -> None:
    assert {name: Params.model_validate(values).variant() for name, values in variants(file).items()} == {
        name: name for name in variants(file)
    }


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_a_detail_that_is_added_changes_no_variant_and_no_params_file(file: Path) -> None:
    for name, values in variants(file).items():
        params = LaterParams.model_validate(fill_before(LaterParams, values))
        assert params.model.dropout == 0
        assert params.variant() == variant_id(LaterParams, values) == name
        assert leave_out_before(LaterParams, params.resolved()) == Params.model_validate(values).resolved()


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_another_value_of_it_is_another_variant(file: Path) -> None:
    for name, values in variants(file).items():
        other = values | {"model": values["model"] | {"dropout": 0.5}}
        params = LaterParams.model_validate(other)
        assert params.variant() != name
        written = leave_out_before(LaterParams, params.resolved())
        assert flatten(written)["model.dropout"] == 0.5
        assert LaterParams.model_validate(fill_before(LaterParams, written)) == params
