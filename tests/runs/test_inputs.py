"""What runs share: named by the params that it depends on, and by no others."""

import dataclasses
from pathlib import Path

import pytest

from mean_case import CASE, Params
from repro.case import Input
from repro.cases.medfe.case import CASE as MEDFE
from repro.errors import UserError
from repro.runs.inputs import find_keys, folders_of, input_named, input_params, params_file, read_params
from tiny import tiny_params

NUMBERS = {"count": 10, "noise": {"spread": 1.0, "outliers": 0}}
PARAMS = Params.model_validate({"average": {"kind": "mean", "squared": False}, "numbers": NUMBERS, "seed": 0})


def test_runs_that_differ_in_the_loss_alone_share_their_inputs() -> None:
    base, other = find_keys(MEDFE, tiny_params()), find_keys(MEDFE, tiny_params({"loss.adv": "hinge", "seed": 5}))
    assert base == other
    assert list(base) == ["photographs", "holes"]
    masks = find_keys(MEDFE, tiny_params({"masks.pool_size": 7}))
    assert masks["photographs"] == base["photographs"]
    assert masks["holes"] != base["holes"]


def test_an_input_depends_on_the_params_of_what_it_needs() -> None:
    base, other = (find_keys(MEDFE, tiny_params({"data.crops_per_photo": count})) for count in (2, 3))
    assert base["photographs"] != other["photographs"]
    assert base["holes"] != other["holes"]
    assert set(input_params(MEDFE, tiny_params())["holes"]) == {"data", "masks"}
    assert set(input_params(MEDFE, tiny_params())["photographs"]) == {"data"}


def test_a_nested_key_is_taken_with_the_groups_around_it_and_nothing_beside() -> None:
    case = dataclasses.replace(
        CASE,
        inputs=(
            Input("noise", "mean_case:make_numbers", params=("numbers.noise.spread", "seed")),
            Input("more", "mean_case:make_numbers", params=("numbers.count",), needs=("noise",)),
        ),
    )
    found = input_params(case, PARAMS)
    assert found["noise"] == {"numbers": {"noise": {"spread": 1.0}}, "seed": 0}
    assert found["more"] == {"numbers": {"count": 10, "noise": {"spread": 1.0}}, "seed": 0}
    assert PARAMS.model_dump()["numbers"] == NUMBERS, "the params are not touched"
    both = dataclasses.replace(
        CASE,
        inputs=(
            Input("count", "mean_case:make_numbers", params=("numbers.count",)),
            Input("spread", "mean_case:make_numbers", params=("numbers.noise.spread",)),
            Input("both", "mean_case:make_numbers", params=(), needs=("count", "spread")),
        ),
    )
    assert input_params(both, PARAMS)["both"] == {"numbers": {"count": 10, "noise": {"spread": 1.0}}}
    outliers = PARAMS.model_copy(
        update={
            "numbers": PARAMS.numbers.model_copy(
                update={"noise": PARAMS.numbers.noise.model_copy(update={"outliers": 3})}
            )
        }
    )
    assert find_keys(case, outliers) == find_keys(case, PARAMS)
    assert find_keys(CASE, outliers) != find_keys(CASE, PARAMS)


def test_keys_name_folders_and_files() -> None:
    keys = find_keys(CASE, PARAMS)
    (key,) = keys.values()
    assert len(key) == 10
    assert folders_of(keys) == {"numbers": Path("data/inputs") / key / "numbers"}
    assert params_file("numbers", key) == Path(f"ablations/runs/numbers-{key}.yaml")
    assert input_named(CASE, "numbers") is CASE.inputs[0]


def test_a_params_file_that_is_missing_or_holds_nothing_says_what_writes_it(tmp_path) -> None:
    file = tmp_path / "run.yaml"
    with pytest.raises(UserError, match=r"is missing; `repro sweep STUDY` writes it"):
        read_params(CASE, file)
    for content in ("", "- 1", "text"):
        file.write_text(content)
        with pytest.raises(UserError, match=r"holds no params; `repro sweep STUDY` writes it"):
            read_params(CASE, file)
