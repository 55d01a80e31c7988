"""Validation during training: PSNR over the hole on held-out photographs, and sheets of sample images."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from repro.cases.medfe.data.arrays import open_split
from repro.cases.medfe.masks import open_masks
from repro.cases.medfe.masks.arrays import Masks
from repro.cases.medfe.model import Generator
from repro.cases.medfe.model.generator import composite, fill_hole
from repro.cases.medfe.params.model.rescaling import HoleFill
from repro.cases.medfe.training.batches import scale_bytes
from repro.cases.medfe.training.execution import autocast

SAMPLES = 6
"""Images on a sample sheet: the first of the validation split, their holes from each bucket in turn."""


class Validation(NamedTuple):
    """The validation split, read and copied to the device a batch at a time.

    Each image has one hole here, that of image i from bucket i modulo the number of buckets.
    """

    images: npt.NDArray[np.uint8]
    """(N, 3, S, S), mapped from disk."""
    holes: Masks
    device: torch.device

    def psnr_db(self, generator: Generator, batch_size: int, precision: str) -> float:
        """Returns the mean over images of the PSNR over the hole, for images in [0, 1]."""
        values = []
        for start in range(0, len(self.images), batch_size):
            images, holes = self._read(start, batch_size)
            output = predict(generator, images, holes, precision)
            squared = ((output - images) / 2).square() * holes
            error = squared.sum(dim=(1, 2, 3)).double() / (3 * holes.sum(dim=(1, 2, 3))).clamp(min=1)
            values.append(-10 * error.clamp(min=1e-10).log10())
        return float(torch.cat(values).mean())

    def write_samples(self, generator: Generator, fill: HoleFill, precision: str, file: Path) -> None:
        """Writes a sheet of input, composite and truth, one column per sample."""
        images, holes = self._read(0, SAMPLES)
        output = predict(generator, images, holes, precision)
        rows = [fill_hole(images, holes, fill), composite(images, holes, output), images]
        sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
        pixels = sheet.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(file)

    def _read(self, start: int, count: int) -> tuple[Tensor, Tensor]:
        """Returns images (B, 3, S, S) float32 in [-1, 1] and their holes (B, 1, S, S) bool."""
        images = torch.from_numpy(np.array(self.images[start : start + count]))
        buckets = len(self.holes.buckets)
        holes = [self.holes.read(index, index % buckets) for index in range(start, start + len(images))]
        return scale_bytes(images).to(self.device), torch.from_numpy(np.stack(holes)[:, None]).to(self.device)


def open_validation(prepared: Path, masks: Path, device: torch.device) -> Validation:
    """Returns the validation split."""
    return Validation(open_split(prepared, "validation").images, open_masks(masks, "validation"), device)


@torch.no_grad()
def predict(generator: Generator, images: Tensor, holes: Tensor, precision: str) -> Tensor:
    """Returns the raw output, clipped to [-1, 1], and leaves the generator in training mode."""
    generator.eval()
    with autocast(precision, images.device):
        output = generator(images, holes).image.float().clamp(-1, 1)
    generator.train()
    return output
