"""The checkpoint after half the steps: what a training would hold that is stopped there."""

from pathlib import Path

import pytest
import torch

from prepared_on_disk import write_prepared
from repro import paths
from repro.cases.medfe.checkpoint import Checkpoint, load_checkpoint
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.loop import train
from repro.cases.medfe.training.step import AdversarialTrainer
from repro.cases.medfe.training.trainer import half_of
from repro.storage import hash_tree

LENGTH = {"steps": 6, "batch_size": 2, "log_every_steps": 1, "validate_every_steps": 2, "checkpoint_every_steps": 2}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Params, Path, Path]:
    params, photographs, masks = write_prepared(tmp_path_factory.mktemp("prepared"))
    length = params.training.model_copy(update=LENGTH)
    schedule = params.optimisation.model_copy(update={"schedule": "constant"})
    return params.model_copy(update={"training": length, "optimisation": schedule}), photographs, masks


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory) -> Path:
    return run(prepared, tmp_path_factory.mktemp("whole") / "run")


def run(prepared, folder: Path, *, half: bool = True, **length: int) -> Path:
    params, photographs, masks = prepared
    training = params.training.model_copy(update=length)
    params = params.model_copy(update={"training": training})
    train(params, photographs, masks, folder, folder.with_name("states"), half=half)
    return folder


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_half_is_what_a_training_of_half_the_length_ends_with(prepared, whole, tmp_path) -> None:
    half = load_checkpoint(whole / paths.HALF)
    short = load_checkpoint(run(prepared, tmp_path / "short", half=False, steps=3) / paths.CHECKPOINT)
    assert same(half.last, short.last)
    assert half.origin == {"seed": 0, "last_step": 3, "best_step": 2}, "step 3 was not validated by the long one"
    assert not same(half.last, load_checkpoint(whole / paths.CHECKPOINT).last)


def test_nobody_gets_it_who_does_not_ask(prepared, whole, tmp_path) -> None:
    plain = run(prepared, tmp_path / "plain", half=False)
    assert {file.name for file in whole.iterdir()} - {file.name for file in plain.iterdir()} == {paths.HALF}
    assert hash_tree(plain / paths.CHECKPOINT) == hash_tree(whole / paths.CHECKPOINT)


def test_before_the_first_validation_its_own_weights_are_the_best(prepared, tmp_path) -> None:
    half: Checkpoint = load_checkpoint(run(prepared, tmp_path / "run", validate_every_steps=6) / paths.HALF)
    assert half.origin["best_step"] == half.origin["last_step"] == 3
    assert same(half.last, half.best)


@pytest.mark.parametrize("killed_at", [2, 5])
def test_a_kill_loses_nothing_of_it(prepared, whole, tmp_path, monkeypatch, killed_at: int) -> None:
    stepped = AdversarialTrainer.step

    def step(self, batch, number):
        if number == killed_at:
            raise InterruptedError
        return stepped(self, batch, number)

    with monkeypatch.context() as patched:
        patched.setattr(AdversarialTrainer, "step", step)
        with pytest.raises(InterruptedError):
            run(prepared, tmp_path / "run")
    resumed = run(prepared, tmp_path / "run")
    assert [hash_tree(resumed / name) for name in (paths.HALF, paths.CHECKPOINT)] == [
        hash_tree(whole / name) for name in (paths.HALF, paths.CHECKPOINT)
    ]


def test_half_of_one_step_is_one() -> None:
    assert [half_of(steps) for steps in (1, 2, 3, 600)] == [1, 1, 1, 300]
