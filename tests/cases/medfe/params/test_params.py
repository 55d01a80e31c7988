"""The params tree: what is refused, in which words, and what identifies a variant."""

import re
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from repro.audit.ledger.choice import Choice, walk_details
from repro.cases.medfe.params import Params, load_params, parse_params
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.loss.adversarial import Adversarial
from repro.errors import UserError
from tiny import PARAMS_FILE, tiny_params, tiny_values

FORBIDDEN_WORDS = {"no", "off", "on", "yes", "n", "y"}
"""DVC's `-S` reads these as booleans."""


def test_the_shipped_file_is_valid_and_every_key_is_explicit() -> None:
    params = load_params(PARAMS_FILE)
    assert YAML(typ="safe").load(PARAMS_FILE.read_text()) == params.resolved()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"loss.adv": "hing"},
            f"loss.adv is hing; allowed: {', '.join(get_args(Adversarial))}",
        ),
        ({"loss.advv": "hinge"}, "loss.advv is not a parameter"),
        ({"model.stream_kernels": [3, 4]}, "model.stream_kernels is [3,4]; allowed: odd sizes"),
        ({"model.residual_blocks": 5}, "model.residual_blocks is 5; allowed: 4, 0, 1"),
        ({"model.encoder_kernels": [4, 4]}, "model.encoder_kernels is [4,4]; allowed: [4,4,4,4,4,4], [7,5,5,3,3,3]"),
        ({"optimisation.learning_rate": -1}, "optimisation.learning_rate is -1; expected greater than 0"),
        ({"data.image_px": 96}, "data.image_px must be a multiple of 64"),
        ({"model.depth": 7}, "data.image_px must be a multiple of 128"),
        (
            {"loss.style_layers": "r22_r34_r44_r52"},
            "loss.style_layers must be another option, or loss.vgg another than vgg16",
        ),
        ({"loss.vgg_weights": "imagenet"}, "loss.vgg_width must be 1"),
        ({"seed": None}, "seed is null; expected a valid integer"),
        ({"training.validate_every_steps": 15}, "training.validate_every_steps must be a multiple of training.log"),
        ({"data.source": "folder", "data.root": "."}, "data.root must be apart from data/prepared, or pictures that"),
        ({"data.source": "celeba", "data.root": "results/x"}, "data.root must be apart from results, or pictures"),
        ({"data.source": "folder", "data.root": "data/inputs"}, "data.root must be apart from data/inputs, or"),
        ({"masks.source": "files", "masks.root": "data"}, "masks.root must be apart from data/prepared, or pictures"),
        ({"training.steps": float("nan")}, "training.steps is nan"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_remedy(tmp_path, overrides, message: str) -> None:
    file = tmp_path / "params.yaml"
    YAML().dump(tiny_values(overrides), file)
    with pytest.raises(UserError) as raised:
        load_params(file)
    assert message in str(raised.value)
    assert f"put it right in {file}, or go back by: git checkout {file}" in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 3


def test_a_file_that_is_no_tree_is_refused(tmp_path) -> None:
    broken = tmp_path / "params.yaml"
    for content, message in (("a: [", "is no YAML"), ("- 1", "expected groups"), ("", "expected groups")):
        broken.write_text(content)
        with pytest.raises(UserError, match=message):
            load_params(broken)
    with pytest.raises(UserError, match="is missing"):
        load_params(tmp_path / "absent.yaml")


def test_no_more_than_five_problems_are_told() -> None:
    with pytest.raises(UserError, match=r"\.\.\. and \d+ more"):
        parse_params({name: {} for name in Params.model_fields}, "nothing")


def test_numbers_that_dvc_writes_as_text_are_read() -> None:
    assert tiny_params({"optimisation.learning_rate": "1e-05"}).optimisation.learning_rate == 1e-5


def test_a_variant_is_all_but_the_seed() -> None:
    base = tiny_params()
    assert tiny_params({"seed": 7}).variant() == base.variant()
    assert tiny_params({"loss.adv": "hinge"}).variant() != base.variant()
    assert tiny_params({"runtime.threads": 2}).variant() != base.variant()
    assert re.fullmatch(r"[0-9a-f]{10}", base.variant())


def test_no_field_has_a_default() -> None:
    def fields(tree: type[Group]):
        for info in tree.model_fields.values():
            yield info
            if isinstance(info.annotation, type) and issubclass(info.annotation, Group):
                yield from fields(info.annotation)

    assert all(info.is_required() for info in fields(Params))


def test_no_option_bears_a_name_that_dvc_reads_as_something_else() -> None:
    names = {value for detail in walk_details(Params) for value in detail.choice.options if isinstance(value, str)}
    assert not names & FORBIDDEN_WORDS
    assert all(YAML(typ="safe").load(name) == name for name in names)


def test_the_tree_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        tiny_params().seed = 1


def test_every_option_of_a_choice_is_accepted_by_its_field() -> None:
    for detail in walk_details(Params):
        group = Params
        for name in detail.key.split(".")[:-1]:
            group = group.model_fields[name].annotation
        field = group.model_fields[detail.key.split(".")[-1]]
        assert isinstance(next(item for item in field.metadata if isinstance(item, Choice)), Choice)
        for value in detail.choice.options:
            detail.choice.check(value)


def test_the_file_names_its_groups_in_the_order_of_the_tree() -> None:
    assert list(YAML(typ="safe").load(Path(PARAMS_FILE).read_text())) == list(Params.model_fields)
