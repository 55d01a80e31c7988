"""Makes all masks of a variant once: a pool to train on, and fixed ones for each evaluation image and bucket.

Each mask has its own random stream, so it depends neither on how many others are made nor on their order.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from repro.cases.medfe.data.arrays import SPLITS, SplitName
from repro.cases.medfe.masks.arrays import RECORD
from repro.cases.medfe.masks.buckets import Bucket
from repro.cases.medfe.masks.generators import MaskGenerator, open_generator
from repro.cases.medfe.masks.threads import map_in_threads
from repro.cases.medfe.params.masks import MasksParams
from repro.checksums import write_checksums
from repro.randomness import numpy_generator
from repro.storage import write_json, written_folder


def make_masks(params: MasksParams, size_px: int, images: Mapping[SplitName, int], folder: Path) -> None:
    """Writes the masks of all splits.

    Args:
        params: generators, size of the training pool, seed.
        size_px: side of the masks.
        images: how many images the splits "validation" and "test" hold; "train" does not count.
        folder: becomes `train.npy` (P, S, ceil(S / 8)), `validation.npy` and `test.npy` (N, B, S, ceil(S / 8)),
            uint8 with eight pixels per byte, and `masks.json`.

    Raises:
        UserError: mask files are wanted and missing.
    """
    training = open_generator(params.source, params, size_px)
    same = params.evaluation_source == params.source
    evaluation = training if same else open_generator(params.evaluation_source, params, size_px)
    record: dict[str, Any] = {"size_px": size_px, "seed": params.seed, "splits": {}}
    with written_folder(folder) as partial:
        for split in SPLITS:
            generator, name = (training, params.source) if split == "train" else (evaluation, params.evaluation_source)
            shape = (params.pool_size,) if split == "train" else (images[split], len(generator.buckets))
            ratios = _write_split(partial / f"{split}.npy", split, generator, shape, size_px, params.seed)
            record["splits"][split] = {
                "source": name,
                "left_out": generator.left_out,
                "buckets": [bucket.name for bucket in generator.buckets],
                "masks": _summarise(ratios, generator.buckets),
            }
        write_json(partial / RECORD, record)
        write_checksums(partial)


def _write_split(
    file: Path, split: SplitName, generator: MaskGenerator, shape: tuple[int, ...], size_px: int, seed: int
) -> list[list[float]]:
    """Writes one array; returns the hole ratios by bucket."""
    packed = open_memmap(file, "w+", np.uint8, (*shape, size_px, -(-size_px // 8)))
    ratios: list[list[float]] = [[] for _ in generator.buckets]
    places = list(_places(split, shape, len(generator.buckets)))

    def draw(place: tuple[tuple[int, ...], int]) -> npt.NDArray[np.bool_]:
        index, number = place
        bucket = generator.buckets[number]
        return generator.draw(numpy_generator(seed, f"masks/{split}", *index), size_px, bucket.low, bucket.high)

    for (index, number), hole in zip(places, map_in_threads(draw, places, f"{split} masks"), strict=True):
        packed[index] = np.packbits(hole, axis=-1)
        ratios[number].append(float(hole.mean()))
    packed.flush()
    return ratios


def _places(split: SplitName, shape: tuple[int, ...], buckets: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yields where each mask goes and the number of its bucket; the pool takes the buckets in turn."""
    for index in np.ndindex(*shape):
        yield index, index[0] % buckets if split == "train" else index[1]


def _summarise(ratios: list[list[float]], buckets: tuple[Bucket, ...]) -> dict[str, dict[str, float | int | None]]:
    return {
        bucket.name: {"count": len(found), "mean_ratio": float(np.mean(found)) if found else None}
        for bucket, found in zip(buckets, ratios, strict=True)
    }
