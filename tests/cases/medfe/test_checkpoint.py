"""Checkpoints that are broken, foreign or malicious: one line, and no code of theirs runs."""

from pathlib import Path

import pytest
import torch

from fault_table import Tried
from repro.cases.medfe.checkpoint import Checkpoint, load_checkpoint, load_generator, save_checkpoint
from repro.cases.medfe.model import Generator
from repro.errors import UserError
from tiny import tiny_params


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    params = tiny_params()
    weights = Generator(params.model).state_dict()
    save_checkpoint(
        tmp_path / "good.pt", Checkpoint(params.model.model_dump(mode="json"), {"seed": 0}, weights, weights)
    )
    return tmp_path / "good.pt"


def test_the_same_content_gives_the_same_bytes(checkpoint, tmp_path) -> None:
    save_checkpoint(tmp_path / "again.pt", load_checkpoint(checkpoint))
    assert (tmp_path / "again.pt").read_bytes() == checkpoint.read_bytes()
    assert load_generator(checkpoint, "best").training is False


@pytest.mark.fault("damage", "checkpoint")
def test_every_flipped_bit_is_found_or_changes_nothing(checkpoint, tmp_path, tried: Tried) -> None:
    good, content = load_checkpoint(checkpoint), checkpoint.read_bytes()
    found, changed = [], tmp_path / "changed.pt"
    places = range(7, len(content), 10007)
    for place in places:
        changed.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            read = load_checkpoint(changed)
        except UserError as error:
            found.append(str(error))
        else:  # in what fills the gaps between tensors
            assert (read.model, read.origin) == (good.model, good.origin)
            for name, tensor in good.last.items():  # their bytes, since what is not initialised may be no number
                assert read.last[name].numpy().tobytes() == tensor.numpy().tobytes()
        tried()
    assert len(found) > 0.9 * len(places)
    assert all(len(message.splitlines()) == 1 for message in found)


@pytest.mark.fault("damage", "checkpoint")
@pytest.mark.parametrize("legacy", [False, True])
def test_any_truncation_gives_one_line(tmp_path, tried: Tried, legacy: bool) -> None:
    whole = tmp_path / "whole.pt"
    torch.save({"weight": torch.arange(30.0), "name": "a"}, whole, _use_new_zipfile_serialization=not legacy)
    content = whole.read_bytes()
    broken = tmp_path / "broken.pt"
    for length in {*range(0, min(len(content), 400), 3), *range(0, len(content), 41)}:
        broken.write_bytes(content[:length])
        with pytest.raises(UserError) as raised:
            load_checkpoint(broken)
        assert len(str(raised.value).splitlines()) == 1
        tried()


@pytest.mark.fault("damage", "checkpoint")
@pytest.mark.parametrize(
    "content",
    [
        {"format": 1},
        {"format": torch.zeros(2)},
        {"format": 2, "model": {}, "origin": {}, "last": {}, "best": {}},
        {"format": 1, "model": 5, "origin": {}, "last": {}, "best": {}},
        {"format": 1, "model": {}, "origin": {}, "last": [], "best": {}},
        [1, 2],
        torch.zeros(2),
    ],
)
def test_a_foreign_file_is_told(tmp_path, content: object) -> None:
    torch.save(content, tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="is no checkpoint of this project"):
        load_checkpoint(tmp_path / "foreign.pt")


@pytest.mark.fault("damage", "checkpoint")
def test_weights_that_do_not_fit_are_told(checkpoint, tmp_path) -> None:
    good = load_checkpoint(checkpoint)
    name = next(iter(good.last))
    others = [
        {name: change(good.last[name])} for change in (torch.Tensor.cfloat, torch.Tensor.double, torch.Tensor.tolist)
    ]
    for last in ({"weight": torch.zeros(2)}, {"weight": "text"}, {}, *(good.last | other for other in others)):
        save_checkpoint(tmp_path / "other.pt", good._replace(last=last))
        with pytest.raises(UserError, match="do not fit"):
            load_generator(tmp_path / "other.pt", "last")
    save_checkpoint(tmp_path / "other.pt", good._replace(model={"depth": 6}))
    with pytest.raises(UserError, match=r"model\.structure_tap is missing"):
        load_generator(tmp_path / "other.pt", "last")
