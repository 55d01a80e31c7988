"""The mask generators, behind one signature: (rng, size_px, low, high) -> mask with its ratio in (low, high]."""

from collections.abc import Callable
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from repro.cases.medfe.masks.buckets import BUCKETS, Bucket
from repro.cases.medfe.masks.files import index_mask_files
from repro.cases.medfe.masks.shapes import draw_box, draw_centre
from repro.cases.medfe.masks.strokes import draw_strokes
from repro.cases.medfe.params.masks import MaskSource, MasksParams

Draw = Callable[[np.random.Generator, int, float, float], npt.NDArray[np.bool_]]


class MaskGenerator(NamedTuple):
    """A way to draw masks, the buckets that it can fill, and how many files it left out for which reason."""

    draw: Draw
    buckets: tuple[Bucket, ...]
    left_out: dict[str, int]


def open_generator(source: MaskSource, params: MasksParams, size_px: int) -> MaskGenerator:
    """Returns a generator, ready to draw from.

    Raises:
        UserError: mask files are wanted and missing.
    """
    match source:
        case "strokes":
            return MaskGenerator(draw_strokes, BUCKETS, {})
        case "boxes":
            return MaskGenerator(draw_box, BUCKETS, {})
        case "centre":
            return MaskGenerator(draw_centre, (BUCKETS[2],), {})
        case "files":
            files = index_mask_files(params, size_px)
            return MaskGenerator(files.draw, BUCKETS, files.left_out)
        case _:
            assert_never(source)
