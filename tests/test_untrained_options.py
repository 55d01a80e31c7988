"""Every option of the details that training does not read: photographs, masks, augmentation, evaluation.

Together with the test of the trained options this covers the whole ledger.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from idle_details import Idle, find_active, idle_details
from PIL import Image

from prepared_on_disk import on_disk_params, write_prepared
from repro.audit.ledger.choice import Detail, walk_details
from repro.cases.medfe.checkpoint import Checkpoint, load_generator, save_checkpoint
from repro.cases.medfe.data.arrays import open_split
from repro.cases.medfe.data.prepare import prepare_photographs
from repro.cases.medfe.masks import make_masks
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.protocol import headline, to_byte_scale
from repro.cases.medfe.model import Generator
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import TrainingBatches
from tiny import random_batch

TRAINED = ("model.", "loss.", "optimisation.")
DETAILS = [detail for detail in walk_details(Params) if not detail.key.startswith(TRAINED)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Holds photographs that are no squares, mask files in shades of grey, prepared data and a checkpoint."""
    root = tmp_path_factory.mktemp("options")
    rng = np.random.default_rng(0)
    (root / "wide").mkdir()
    for index in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 20, 3), dtype=np.uint8))
        coarse.resize((200, 120), Image.Resampling.BICUBIC).save(root / "wide" / f"{index}.png")
    (root / "mask_files").mkdir()
    for index, share in enumerate(np.arange(0.02, 0.99, 0.03)):
        ramp = np.linspace(0, 1, 200)[None, :].repeat(200, axis=0)
        grey = np.clip((ramp - (1 - share)) * 8 + 0.5, 0, 1) * 255
        Image.fromarray(grey.astype(np.uint8)).save(root / "mask_files" / f"{index:02}.png")
    params, *_ = write_prepared(root)
    torch.manual_seed(0)
    last, best = (Generator(params.model).state_dict() for _ in range(2))
    save_checkpoint(root / "checkpoint.pt", Checkpoint(params.model.model_dump(mode="json"), {}, last, best))
    return root


def of_data(params: Params, folder: Path) -> list[np.ndarray]:
    prepare_photographs(params.data, folder / "made")
    split = open_split(folder / "made", "train")
    return [np.array(split.images), np.array(split.structure)]


def of_masks(params: Params, folder: Path) -> list[np.ndarray]:
    make_masks(params.masks, 64, {"validation": 1, "test": 1}, folder / "made_masks")
    return [np.load(folder / "made_masks" / "train.npy")]


def of_augmentation(params: Params, folder: Path) -> list[np.ndarray]:
    batches = TrainingBatches(folder / "prepared", folder / "masks_made", params.augmentation, "none", 0, 8)
    return [item.numpy() for item in batches.batch(0)]


def of_evaluation(params: Params, folder: Path) -> list[np.ndarray]:
    generator = load_generator(folder / "checkpoint.pt", params.evaluation.checkpoint)
    batch = random_batch(params)
    with torch.inference_mode():
        raw = to_byte_scale(generator(batch.image, batch.hole).image)
    ((_, measures),) = measure(raw, to_byte_scale(batch.image), batch.hole, [headline(params.evaluation)])
    return [item.numpy() for item in measures.values()]


RESULTS: dict[str, Callable[[Params, Path], list[np.ndarray]]] = {
    "data": of_data,
    "masks": of_masks,
    "augmentation": of_augmentation,
    "evaluation": of_evaluation,
}


def with_options(settings: Mapping[str, Any], folder: Path) -> Params:
    base = {
        "data.crops_per_photo": 1,
        "data.evaluation_crops_per_photo": 1,
        "masks.root": str(folder / "mask_files"),
        "masks.polarity": "hole_is_white",
        "masks.pool_size": 12,
        "evaluation.output": "composite",
    }
    return on_disk_params(folder / "wide", base | dict(settings))


@pytest.fixture(scope="module", autouse=True)
def _masks_of_the_prepared(folder: Path) -> None:
    (folder / "masks_made").mkdir()
    params = on_disk_params(folder / "photographs")
    make_masks(params.masks, 64, {"validation": 2, "test": 2}, folder / "masks_made")


@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: detail.key)
def test_every_option_works_and_changes_something(detail: Detail, folder: Path) -> None:
    of = RESULTS[detail.key.split(".")[0]]
    conditions = {key: values[0] for key, values in detail.choice.only_if.items()}
    seen = {
        value: of(with_options(conditions | {detail.key: value}, folder), folder) for value in detail.choice.options
    }
    assert len(seen) == len(detail.choice.options)
    for one, mine in seen.items():
        for other, others in seen.items():
            if one != other:
                assert not _same(mine, others), f"{one} and {other}"


@pytest.mark.parametrize("idle", list(idle_details(DETAILS)), ids=str)
def test_a_detail_without_effect_has_none(idle: Idle, folder: Path) -> None:
    of = RESULTS[idle.key.split(".")[0]]
    assert not find_active(idle, lambda settings: of(with_options(settings, folder), folder), _same)


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_no_group_of_the_ledger_is_left_out() -> None:
    groups = {detail.key.split(".")[0] for detail in walk_details(Params)}
    assert groups == set(RESULTS) | {prefix.removesuffix(".") for prefix in TRAINED}


def test_no_condition_reaches_over_to_the_details_that_training_reads() -> None:
    """Else neither test of the details without effect would see it."""
    everywhere = {str(idle): set(idle.first) for idle in idle_details(list(walk_details(Params)))}
    trained = [detail for detail in walk_details(Params) if detail.key.startswith(TRAINED)]
    assert everywhere == {str(idle): set(idle.first) for part in (DETAILS, trained) for idle in idle_details(part)}
