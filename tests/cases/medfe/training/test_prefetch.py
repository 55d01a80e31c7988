"""A prefetcher gives the same batches, bit for bit, in whatever way they reach it."""

from pathlib import Path

import pytest
import torch

from prepared_on_disk import write_prepared
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import Batch, TrainingBatches, permutes_columns
from repro.cases.medfe.training.prefetch import Prefetcher, make_resident, open_prefetcher
from repro.processes import Process

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Params, Path, Path]:
    return write_prepared(tmp_path_factory.mktemp("prepared"))


def draw(prepared, image: str, process: Process | None = None) -> TrainingBatches:
    params, photographs, masks = prepared
    augmentation = params.augmentation.model_copy(update={"image": image})
    return TrainingBatches(photographs, masks, augmentation, "random_crop", 5, 4, *([process] if process else []))


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(*pair) and pair[0].dtype == pair[1].dtype for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("image", ["none", "flip", "random_crop_flip", "resize_crop_flip"])
@pytest.mark.parametrize("ahead", [False, True])
def test_every_way_gives_the_same_batches(prepared, image: str, ahead: bool) -> None:
    batches = draw(prepared, image)
    ways = [None, make_resident(batches, CPU)] if permutes_columns(image) else [None]
    for resident in ways:
        prefetcher = Prefetcher(draw(prepared, image), CPU, torch.preserve_format, resident, ahead=ahead)
        for step in (0, 1, 2, 7, 8):
            assert equal(prefetcher.batch(step), batches.batch(step))
        prefetcher.close()


def test_a_flip_does_happen(prepared) -> None:
    flipped = [draw(prepared, "flip").draw_indices(step).columns[:, 0] for step in range(8)]
    assert {0, 63} == set(torch.cat(flipped).tolist())


def test_layout(prepared) -> None:
    plain, last = (
        Prefetcher(draw(prepared, "none"), CPU, layout, None, ahead=False).batch(0)
        for layout in (torch.preserve_format, torch.channels_last)
    )
    assert equal(plain, last)
    assert last.image.is_contiguous(memory_format=torch.channels_last)
    assert not plain.image.is_contiguous(memory_format=torch.channels_last)


def test_a_cpu_draws_when_it_is_asked(prepared) -> None:
    prefetcher = open_prefetcher(draw(prepared, "flip"), CPU, torch.preserve_format)
    assert prefetcher.resident is None
    assert prefetcher._pool is None


@pytest.mark.parametrize("ranks", [2, 4])
def test_processes_share_the_rows_of_the_same_batch(prepared, ranks: int) -> None:
    parts = [draw(prepared, "flip", Process(rank, ranks, rank, ranks)) for rank in range(ranks)]
    for step in (0, 3):
        whole = draw(prepared, "flip").batch(step)
        joined = Batch(*(torch.cat(items) for items in zip(*(part.batch(step) for part in parts), strict=True)))
        assert equal(whole, joined)
