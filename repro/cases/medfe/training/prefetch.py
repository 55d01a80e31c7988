"""Prefetching: on a GPU, the next batch is drawn while a step runs, and copied as bytes or, if images fit, as indices.

On a CPU batches are drawn when they are asked for: a second thread would take its time from the step's own.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from repro.cases.medfe.training.batches import Batch, ByteBatch, IndexedBatch, TrainingBatches, permutes_columns

RESIDENT_SHARE = 0.25
"""Largest share of the device's memory that images may take to stay there for the whole training. Ours."""


class ResidentImages(NamedTuple):
    """All training images, on the device."""

    images: Tensor
    """(N, 3, S, S) uint8."""
    structures: Tensor
    """(N, 3, S, S) uint8."""


class Prefetcher:
    """The batches of a training on its device; asked for in order, or from any step on."""

    def __init__(
        self,
        batches: TrainingBatches,
        device: torch.device,
        layout: torch.memory_format,
        resident: ResidentImages | None,
        *,
        ahead: bool,
    ) -> None:
        self.batches, self.device, self.layout, self.resident = batches, device, layout, resident
        self._pool = ThreadPoolExecutor(1, "batches") if ahead else None
        self._next: tuple[int, Future[ByteBatch | IndexedBatch]] | None = None

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step, and starts to draw that of the next one."""
        drawn = self._take(step)
        if self._pool is not None:
            self._next = step + 1, self._pool.submit(self._draw, step + 1)
        here = type(drawn)(*(item.to(self.device, non_blocking=True) for item in drawn))
        if isinstance(here, IndexedBatch):
            assert self.resident is not None
            here = here.look_up(*self.resident)
        return here.to_batch(self.layout)

    def close(self) -> None:
        """Ends the thread that draws ahead."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _take(self, step: int) -> ByteBatch | IndexedBatch:
        if self._next is not None and self._next[0] == step:
            return self._next[1].result()
        return self._draw(step)

    def _draw(self, step: int) -> ByteBatch | IndexedBatch:
        drawn = self.batches.draw(step) if self.resident is None else self.batches.draw_indices(step)
        if self.device.type != "cuda":
            return drawn
        return type(drawn)(*(item.pin_memory() for item in drawn))  # only from there a copy need not be waited for


def open_prefetcher(batches: TrainingBatches, device: torch.device, layout: torch.memory_format) -> Prefetcher:
    """Returns what prefetches here; a GPU keeps all images in memory if they fit `RESIDENT_SHARE` of it."""
    if device.type != "cuda":
        return Prefetcher(batches, device, layout, None, ahead=False)
    split = batches.split
    room = RESIDENT_SHARE * torch.cuda.mem_get_info(device)[1]
    fits = split.images.nbytes + split.structure.nbytes <= room and permutes_columns(batches.augmentation.image)
    return Prefetcher(batches, device, layout, make_resident(batches, device) if fits else None, ahead=True)


def make_resident(batches: TrainingBatches, device: torch.device) -> ResidentImages:
    """Returns the training images, copied to the device a part at a time."""
    arrays = (batches.split.images, batches.split.structure)
    copies = tuple(torch.empty(array.shape, dtype=torch.uint8, device=device) for array in arrays)
    for array, copy in zip(arrays, copies, strict=True):
        for index, image in enumerate(array):
            copy[index] = torch.tensor(image)
    return ResidentImages(*copies)
