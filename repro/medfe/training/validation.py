"""Validation during training: hole PSNR on held-out photographs, and sample pictures."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from repro.medfe.data.arrays import open_split
from repro.medfe.masks import open_masks
from repro.medfe.model import Generator
from repro.medfe.model.generator import composite, fill_hole
from repro.medfe.params.model.rescaling import HoleFill
from repro.medfe.training.batches import to_unit_range
from repro.medfe.training.running import autocast

SAMPLES = 6
"""Pictures in a sample sheet: the first validation images, one per bucket in turn."""


class Validation(NamedTuple):
    """The validation split with one hole per image and bucket, on the device."""

    images: Tensor
    """(N, 3, S, S) float32 in [-1, 1]."""
    holes: Tensor
    """(N, 1, S, S) bool."""

    def psnr_db(self, generator: Generator, batch_size: int, precision: str) -> float:
        """Returns the mean over images of the PSNR over the hole, for images in [0, 1]."""
        values = []
        for images, holes in zip(self.images.split(batch_size), self.holes.split(batch_size), strict=True):
            output = predict(generator, images, holes, precision)
            squares = ((output - images) / 2).square() * holes
            error = squares.sum(dim=(1, 2, 3)).double() / (3 * holes.sum(dim=(1, 2, 3))).clamp(min=1)
            values.append(-10 * error.clamp(min=1e-10).log10())
        return float(torch.cat(values).mean())

    def write_samples(self, generator: Generator, fill: HoleFill, precision: str, file: Path) -> None:
        """Writes a sheet of input, composite and truth, one column per sample."""
        images, holes = self.images[:SAMPLES], self.holes[:SAMPLES]
        output = predict(generator, images, holes, precision)
        rows = [fill_hole(images, holes, fill), composite(images, holes, output), images]
        sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
        pixels = sheet.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(file)


def open_validation(prepared: Path, masks: Path, device: torch.device) -> Validation:
    """Returns the validation split; image i has the hole of bucket i modulo the number of buckets."""
    split, holes = open_split(prepared, "validation"), open_masks(masks, "validation")
    count, buckets = len(split.images), len(holes.buckets)
    chosen = np.stack([holes.read(index, index % buckets) for index in range(count)])
    return Validation(to_unit_range(np.array(split.images)).to(device), torch.from_numpy(chosen[:, None]).to(device))


@torch.no_grad()
def predict(generator: Generator, images: Tensor, holes: Tensor, precision: str) -> Tensor:
    """Returns the raw output, clipped to [-1, 1], and leaves the generator in training mode."""
    generator.eval()
    with autocast(precision, images.device):
        output = generator(images, holes).image.float().clamp(-1, 1)
    generator.train()
    return output
