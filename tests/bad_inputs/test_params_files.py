"""Values in params.yaml that no stage can run with: refused by key, with what is allowed and the way back."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from repro.cases.medfe.params import load_params
from repro.errors import UserError
from tiny import tiny_values

pytestmark = pytest.mark.fault("input", "params.yaml")
VALUES: list[tuple[str, Any, str]] = [
    ("seed", -1, "seed is -1; expected greater than or equal to 0"),
    ("seed", None, "seed is null; expected a valid integer"),
    ("seed", 1.5, "seed is 1.5; expected a valid integer"),
    ("seed", [1], "seed is [1]; expected a valid integer"),
    ("seed", {"a": 1}, "seed is {'a': 1}; expected a valid integer"),
    ("seed", "x" * 5000, "seed is xxx"),
    ("data", None, "data is null; expected keys with values"),
    ("data", [], "data is []; expected keys with values"),
    ("model", 5, "model is 5; expected keys with values"),
    ("loss.adv", "hing", "loss.adv is hing; allowed: ralsgan"),
    ("loss.adv", None, "loss.adv is null; allowed: ralsgan"),
    ("loss.adv", ["hinge"], "loss.adv is [hinge]; allowed: ralsgan"),
    ("loss.adv", {}, "loss.adv is {}; allowed: ralsgan"),
    ("loss.none", 1, "loss.none is not a parameter"),
    ("loss.adv\x1b[31m", 1, "is not a parameter"),
    ("x" * 3000, 1, "is not a parameter"),
    ("model.base_width", 0, "model.base_width is 0"),
    ("model.base_width", float("nan"), "model.base_width is nan"),
    ("model.base_width", "wide", "model.base_width is wide"),
    ("training.steps", -5, "training.steps is -5"),
    ("training.steps", float("inf"), "training.steps is inf"),
    ("training.batch_size", 0, "training.batch_size is 0"),
    ("training.batch_size", "many", "training.batch_size is many"),
    ("data.image_px", 37, "data.image_px"),
    ("data.image_px", -64, "data.image_px is -64"),
    ("runtime.threads", -1, "runtime.threads is -1"),
    ("runtime.device", "gpu", "runtime.device is gpu; allowed"),
    ("evaluation.output", "raw?", "evaluation.output is raw?; allowed"),
]
TEXTS: list[tuple[bytes, str]] = [
    (b"", "expected groups of parameters, got NoneType"),
    (b"5", "expected groups of parameters, got int"),
    (b"- 1", "expected groups of parameters, got list"),
    (b"a: [", "params.yaml is no YAML: expected the node content"),
    (b"a: 1\na: 2", 'found duplicate key "a"'),
    (b"\xff\xfe", "is no YAML: byte 0 is no UTF-8"),
    (b"a: \x00", "unacceptable character #x0000"),
    (b"a: &a [*a]", "an alias stands inside what it stands for"),
    (b"a: &a {b: &b [*a, *b]}", "an alias stands inside what it stands for"),
    (b"[" * 1000, "nested more than 40 deep"),
    (b"{a: " * 1000, "nested more than 40 deep"),
    (b"- " * 1000, "nested more than 40 deep"),
    (b"a0: &a0 {x: 1}\n" + b"".join(
        b"a%d: &a%d\n  <<: [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)
    ), "more than 50,000 values"),
    (b"a: " + b"x" * 300_000, "more than 256 KiB"),
    (b"a: !!python/object/apply:os.system [date]", "could not determine a constructor for the tag"),
    (b"a: !!int x", "invalid literal for int()"),
    (b"a: !!int ''", "string index out of range"),
    (b"a: !!bool x", "is no YAML"),
    (b"a: 2020-13-45", "month must be in 1..12"),
    (b"a: *b", "found undefined alias 'b'"),
    (b"--- 1\n--- 2", "found another document"),
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("params.yaml")


def tell(file: Path) -> str:
    with pytest.raises(UserError) as refused:
        load_params(file)
    told = str(refused.value)
    assert told.startswith("params.yaml")
    assert max(map(len, told.split("\n"))) < 400
    return told


@pytest.mark.parametrize(
    ("key", "value", "said"), VALUES, ids=[f"{n}-{said[:40]!r}" for n, (*_, said) in enumerate(VALUES)]
)
def test_a_bad_value_is_named_with_what_is_allowed(file: Path, key: str, value: Any, said: str) -> None:
    values = tiny_values()
    *groups, name = key.split(".")
    place = values
    for group in groups:
        place = place[group]
    place[name] = value
    YAML(typ="safe", pure=True).dump(values, file)
    told = tell(file)
    assert said in told
    assert told.endswith("put it right in params.yaml, or go back by: git checkout params.yaml")
    assert "\x1b" not in told


@pytest.mark.parametrize(("text", "said"), TEXTS, ids=[f"{n}-{said[:40]}" for n, (_, said) in enumerate(TEXTS)])
def test_what_holds_no_params_is_told_of(file: Path, text: bytes, said: str) -> None:
    file.write_bytes(text)
    told = tell(file)
    assert said in told
    assert told.count("\n") <= 1


def test_a_file_that_is_missing_is_told_of(file: Path) -> None:
    assert tell(file) == "params.yaml is missing; get it back by: git checkout params.yaml"


def test_a_folder_in_its_place_is_told_of(file: Path) -> None:
    file.mkdir()
    assert tell(file).startswith("params.yaml is a folder; expected a YAML file")
