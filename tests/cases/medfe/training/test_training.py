"""The training: the same bits twice, the same bits after a kill, and samples that no batch size can change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from prepared_on_disk import write_prepared
from repro.cases import medfe
from repro.cases.medfe.checkpoint import load_checkpoint, load_generator
from repro.cases.medfe.params import Params
from repro.cases.medfe.training import loop
from repro.cases.medfe.training.batches import TrainingBatches, place_region
from repro.cases.medfe.training.step import AdversarialTrainer, schedule_factor
from repro.cases.medfe.training.trainer import Trainer
from repro.cases.medfe.training.training_state import TrainingStateFile
from repro.errors import UserError
from repro.storage import hash_tree
from tiny import random_batch, tiny_params

LENGTH = {"steps": 7, "batch_size": 2, "log_every_steps": 1, "validate_every_steps": 3, "checkpoint_every_steps": 2}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Params, Path, Path]:
    params, photographs, masks = write_prepared(tmp_path_factory.mktemp("prepared"))
    length = params.training.model_copy(update=LENGTH)
    return params.model_copy(update={"training": length}), photographs, masks


def run(prepared, folder: Path, states: Path | None = None, **updates) -> Path:
    params, photographs, masks = prepared
    loop.train(params.model_copy(update=updates), photographs, masks, folder, states or folder.with_name("states"))
    return folder


def results(folder: Path) -> list[str]:
    return [hash_tree(folder / name) for name in ("checkpoint.pt", "history.csv", "metrics.json", "samples")]


class KilledError(Exception):
    """Stands for a signal that cannot be caught."""


def test_the_same_seed_gives_the_same_bits_and_another_does_not(prepared, tmp_path) -> None:
    one, two = run(prepared, tmp_path / "one"), run(prepared, tmp_path / "two")
    assert results(one) == results(two)
    assert results(run(prepared, tmp_path / "three", seed=1))[0] != results(one)[0]


@pytest.mark.fault("kill", "training", bits=True)
@pytest.mark.parametrize("killed_at", [1, 4, 6])
def test_a_killed_training_goes_on_to_the_same_bits(prepared, tmp_path, monkeypatch, killed_at: int) -> None:
    whole = run(prepared, tmp_path / "whole")
    stepped = AdversarialTrainer.step
    taken = []

    def step(self, batch, number):
        taken.append(number)
        if number == killed_at and len(taken) == killed_at + 1:
            raise KilledError
        return stepped(self, batch, number)

    monkeypatch.setattr(AdversarialTrainer, "step", step)
    with pytest.raises(KilledError):
        run(prepared, tmp_path / "killed")
    assert not (tmp_path / "killed").exists()
    run(prepared, tmp_path / "killed")
    resumed_at = taken[killed_at + 1]
    assert resumed_at == 2 * (killed_at // 2), "it goes on from the last checkpoint, not from the start"
    assert results(tmp_path / "killed") == results(whole)


@pytest.mark.fault("kill", "training", bits=True)
@pytest.mark.parametrize("killed_in", ["loop.save_checkpoint", "loop.shutil.copyfile", "loop.TrainingStateFile.remove"])
def test_a_kill_while_the_outputs_are_written_costs_nothing(prepared, tmp_path, monkeypatch, killed_in: str) -> None:
    whole = run(prepared, tmp_path / "whole")

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(f"repro.cases.medfe.training.{killed_in}", die)
        with pytest.raises(KilledError):
            run(prepared, tmp_path / "killed")
    assert results(run(prepared, tmp_path / "killed")) == results(whole)
    assert [file.suffix for file in (tmp_path / "states").iterdir()] == [".lock"]


def test_a_resumed_training_does_not_go_on_with_other_code(prepared, tmp_path, monkeypatch) -> None:
    assert Path(medfe.__file__).parent == loop.CODE, "all code of the case"
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("1")
    monkeypatch.setattr(loop, "CODE", code)
    keys = []
    real = loop.resume_key
    monkeypatch.setattr(loop, "resume_key", lambda *given: keys.append(real(*given)) or keys[-1])
    run(prepared, tmp_path / "one")
    (code / "a.py").write_text("2")
    run(prepared, tmp_path / "two")
    assert keys[0] != keys[1]


def test_outputs(prepared, tmp_path) -> None:
    folder = run(prepared, tmp_path / "run")
    history = pd.read_csv(folder / "history.csv")
    assert list(history["step"]) == [1, 2, 3, 4, 5, 6, 7]
    validated = history.dropna(subset="validation_psnr_hole_db")
    assert list(validated["step"]) == [3, 6, 7]
    best = validated.loc[validated["validation_psnr_hole_db"].idxmax()]
    assert json.loads((folder / "metrics.json").read_text())["best_step"] == best["step"]
    terms = {"pixel", "structure", "texture", "perceptual", "style", "adversarial_global", "adversarial_local"}
    assert terms | {"discriminator_global", "discriminator_local", "total"} <= set(history.columns)
    assert np.isfinite(history[sorted(terms)].to_numpy()).all()
    assert sorted(file.name for file in (folder / "samples").iterdir()) == [
        "step_0000003.png",
        "step_0000006.png",
        "step_0000007.png",
    ]
    record = json.loads((folder / "record.json").read_text())
    assert record["environment"]["packages"]["torch"].startswith("2.")
    assert record["environment"]["threads"] == 1
    assert "random" in record["vgg"]
    checkpoint = load_checkpoint(folder / "checkpoint.pt")
    assert checkpoint.origin["last_step"] == 7
    assert checkpoint.origin["best_step"] in (3, 6, 7)
    batch = random_batch(prepared[0])
    last, best = (
        load_generator(folder / "checkpoint.pt", which)(batch.image, batch.hole).image for which in ("last", "best")
    )
    assert (checkpoint.origin["best_step"] == 7) == torch.equal(last, best)
    assert not list(folder.with_name("states").glob("*.pt")), "the resume state goes when the outputs stand"


def test_what_the_resume_state_depends_on_is_in_its_name(prepared, tmp_path, monkeypatch) -> None:
    keys = []
    real = loop.resume_key
    monkeypatch.setattr(loop, "resume_key", lambda *given: keys.append(real(*given)) or keys[-1])
    run(prepared, tmp_path / "one")
    run(prepared, tmp_path / "two")
    run(prepared, tmp_path / "three", seed=5)
    evaluation = prepared[0].evaluation.model_copy(update={"rounding": "truncate"})
    run(prepared, tmp_path / "four", evaluation=evaluation)
    assert keys[0] == keys[1] == keys[3] != keys[2]


@pytest.fixture(scope="module")
def interrupted(prepared, tmp_path_factory) -> tuple[Path, list[str]]:
    """Returns a folder of states in which a training was left after five of seven steps, and what its end must be."""
    root = tmp_path_factory.mktemp("interrupted")
    stepped = AdversarialTrainer.step

    def step(self, batch, number):
        if number == 5:
            raise KilledError
        return stepped(self, batch, number)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AdversarialTrainer, "step", step)
        with pytest.raises(KilledError):
            run(prepared, root / "killed", root / "states")
    return root / "states", results(run(prepared, root / "whole", root / "others"))


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def zero_a_block(file: Path) -> None:
    content = bytearray(file.read_bytes())
    start = len(content) // 3
    content[start : start + 512] = bytes(512)
    file.write_bytes(content)


def change(key: tuple, value) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        state = place = torch.load(file, weights_only=True)
        for name in key[:-1]:
            place = place[name]
        if value is None:
            del place[key[-1]]
        else:
            place[key[-1]] = value(place[key[-1]])
        torch.save(state, file)

    return write


def put_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


FIRST = ("adversarial", "generator_optimiser", "state", 0, "exp_avg")
DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped bit": flip_a_bit,
    "zeroed block": zero_a_block,
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:1000]),
    "text": lambda file: file.write_text("half-written"),
    "empty": lambda file: file.write_bytes(b""),
    "folder": put_a_folder,
    "list": lambda file: torch.save([1, 2], file),
    "number": lambda file: torch.save(3, file),
    "no step": change(("step",), None),
    "step as text": change(("step",), str),
    "step too far": change(("step",), lambda _: 8),
    "no optimiser": change(("adversarial", "generator_optimiser"), None),
    "no half": change(("half",), lambda _: {}),
    "complex moments": change(FIRST, lambda tensor: tensor.to(torch.complex64)),
    "moments of another shape": change(FIRST, lambda tensor: tensor[None]),
    "double moments": change(FIRST, lambda tensor: tensor.double()),
    "another network": change(("adversarial", "generator"), lambda _: {"weight": torch.zeros(1)}),
    "a best weight missing": change(("best", "weights"), lambda weights: dict(list(weights.items())[1:])),
    "a weight as a number": change(("adversarial", "generator"), lambda weights: dict.fromkeys(weights, 1.0)),
}


def start(prepared) -> Trainer:
    params, photographs, masks = prepared
    return Trainer(params, photographs, masks, torch.device("cpu"))


@pytest.mark.fault("damage", "resume state", bits=True)
def test_what_a_damaged_state_has_half_filled_is_thrown_away(prepared, interrupted, tmp_path) -> None:
    shutil.copytree(interrupted[0], tmp_path, dirs_exist_ok=True)
    newer, before = sorted(tmp_path.glob("*.pt"), key=lambda file: "before" in file.name)
    newer.unlink()  # as a kill between the two replacements leaves it
    change(("adversarial", "discriminators"), lambda _: {"weight": torch.zeros(1)})(before)
    resumed, fresh = TrainingStateFile(tmp_path, newer.stem).resume(lambda: start(prepared)), start(prepared)
    assert resumed.step == 0
    assert all(map(torch.equal, resumed.weights().values(), fresh.weights().values()))


@pytest.mark.fault("damage", "resume state")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_resume_state_is_found(prepared, interrupted, tmp_path, damage) -> None:
    shutil.copytree(interrupted[0], tmp_path, dirs_exist_ok=True)
    (newer,) = (file for file in tmp_path.glob("*.pt") if "before" not in file.name)
    DAMAGES[damage](newer)
    trainer = TrainingStateFile(tmp_path, newer.stem).resume(lambda: start(prepared))
    assert trainer.step == 2, "from the one before"
    assert [file.name for file in tmp_path.glob("*.damaged")] == [f"{newer.stem}.damaged"]


@pytest.mark.fault("damage", "resume state", bits=True)
@pytest.mark.parametrize("both", [False, True], ids=["newer", "both"])
def test_after_a_damaged_resume_state_the_bits_are_the_same(prepared, interrupted, tmp_path, capfd, both) -> None:
    left, expected = interrupted
    shutil.copytree(left, states := tmp_path / "states")
    for file in states.glob("*.pt"):
        if both or "before" not in file.name:
            flip_a_bit(file)
    assert results(run(prepared, tmp_path / "run", states)) == expected
    assert capfd.readouterr().err.count("is no state to resume from") == 1 + both
    assert len(list(states.glob("*.damaged"))) == 1 + both


def test_a_diverged_training_is_told_and_leaves_nothing(prepared, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(AdversarialTrainer, "step", lambda *_: {"pixel": torch.tensor(float("nan"))})
    with pytest.raises(UserError, match="diverged at step 1: pixel is no longer finite"):
        run(prepared, tmp_path / "run", tmp_path / "states")
    assert not (tmp_path / "run").exists()
    assert not list((tmp_path / "states").glob("*.pt"))


def test_a_sample_does_not_depend_on_the_batch_size(prepared) -> None:
    params, photographs, masks = prepared
    augmentation = params.augmentation.model_copy(update={"image": "random_crop_flip", "mask": "flip"})

    def samples(size: int) -> list[torch.Tensor]:
        batches = TrainingBatches(photographs, masks, augmentation, "hole_box", 3, size)
        drawn = [batches.batch(step) for step in range(12 // size)]
        return [torch.cat(items) for items in zip(*drawn, strict=True)]

    for one, three in zip(samples(1), samples(3), strict=True):
        assert torch.equal(one, three)


def test_an_epoch_sees_every_image_once(prepared) -> None:
    params, photographs, masks = prepared
    batches = TrainingBatches(photographs, masks, params.augmentation, "none", 0, 1)
    count = len(batches.split.images)
    first = [batches._index(number) for number in range(count)]
    second = [batches._index(number) for number in range(count, 2 * count)]
    assert sorted(first) == sorted(second) == list(range(count))
    assert first != second


def test_the_region_lies_on_the_hole_or_anywhere() -> None:
    hole = np.zeros((128, 128), dtype=bool)
    hole[100:120, 10:20] = True
    assert place_region(hole, "hole_box", np.random.default_rng(0)) == (94, 0)
    corners = {place_region(hole, "random_crop", np.random.default_rng(seed)) for seed in range(50)}
    assert len(corners) > 40
    assert all(0 <= corner <= 96 for pair in corners for corner in pair)
    assert place_region(np.zeros_like(hole), "hole_box", np.random.default_rng(0)) in corners


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("constant_then_linear", [1, 1, 0.6, 0.12]),
        ("step", [1, 1, 0.1, 0.01]),
        ("finetune", [1, 1, 1, 0.25]),
    ],
)
def test_schedules(schedule, factors: list[float]) -> None:
    assert [schedule_factor(schedule, progress) for progress in (0, 1 / 6, 0.5, 0.9)] == pytest.approx(factors)


def test_bf16_trains() -> None:
    params = tiny_params({"runtime.precision": "bf16"})
    terms = AdversarialTrainer(params, torch.device("cpu")).step(random_batch(params), 0)
    assert all(torch.isfinite(term) for term in terms.values())


def test_other_parts_keep_their_initial_weights_when_one_changes() -> None:
    one = AdversarialTrainer(tiny_params(), torch.device("cpu")).generator.state_dict()
    other = AdversarialTrainer(
        tiny_params({"model.stream_kernels": [3, 5]}), torch.device("cpu")
    ).generator.state_dict()
    shared = [name for name in one if name in other and one[name].shape == other[name].shape]
    assert len(shared) > 100
    assert all(torch.equal(one[name], other[name]) for name in shared)
