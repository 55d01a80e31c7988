"""The negative control: another stream is another seed, and nothing else."""

from pathlib import Path

import pytest
import torch

from prepared_on_disk import write_prepared
from repro.cases.medfe.checkpoint import load_checkpoint
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.loop import train
from repro.cases.medfe.training.step import training_seed
from repro.randomness import derive_seed
from tiny import tiny_params

LENGTH = {"steps": 3, "batch_size": 2, "log_every_steps": 1, "validate_every_steps": 3, "checkpoint_every_steps": 3}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Params, Path, Path]:
    params, photographs, masks = write_prepared(tmp_path_factory.mktemp("prepared"))
    augmentation = params.augmentation.model_copy(update={"image": "random_crop_flip", "mask": "flip"})
    length = params.training.model_copy(update=LENGTH)
    return params.model_copy(update={"augmentation": augmentation, "training": length}), photographs, masks


def trained(prepared, folder: Path, seed: int, stream: int) -> tuple[dict[str, torch.Tensor], str]:
    """Returns the weights and the history of a training."""
    params, photographs, masks = prepared
    runtime = params.runtime.model_copy(update={"stream": stream})
    train(params.model_copy(update={"seed": seed, "runtime": runtime}), photographs, masks, folder, folder / "states")
    return load_checkpoint(folder / "checkpoint.pt").last, (folder / "history.csv").read_text()


def test_a_stream_is_a_seed_bit_for_bit(prepared, tmp_path) -> None:
    weights, history = trained(prepared, tmp_path / "stream", seed=3, stream=2)
    others, other_history = trained(prepared, tmp_path / "seed", seed=derive_seed(3, "stream", 2), stream=0)
    plain, plain_history = trained(prepared, tmp_path / "plain", seed=3, stream=0)
    assert history == other_history != plain_history
    assert all(torch.equal(weights[name], others[name]) for name in others)
    assert not all(torch.equal(weights[name], plain[name]) for name in plain)


def test_stream_0_is_the_seed_itself() -> None:
    assert training_seed(tiny_params({"seed": 7})) == 7
    seeds = {training_seed(tiny_params({"seed": 7, "runtime.stream": stream})) for stream in range(5)}
    assert len(seeds) == 5
