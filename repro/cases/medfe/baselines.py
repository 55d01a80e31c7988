"""Baselines that learn nothing, constant and classical fills: what a trained model has to beat.

Many holes are filled in parallel by worker processes, which start quickly because nothing here imports torch.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final, Literal, NamedTuple, assert_never, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Baseline = Literal["constant", "known_mean", "telea", "navier_stokes", "biharmonic"]
BASELINES: Final[tuple[Baseline, ...]] = get_args(Baseline)

CONSTANT: Final = (123, 104, 117)
"""Red, green and blue of the constant fill. Source: the authors' release, models/MEDFE.py @9adf889."""

RADIUS_PX: Final = 3
"""Neighbourhood of Telea's and the Navier-Stokes fill. Source: OpenCV's tutorial on inpainting."""

PIXELS_PER_WORKER: Final = 1_000_000
"""About as many pixels as a process fills in the time that it takes to start (4 s, measured on two cores)."""


class Hole(NamedTuple):
    """A photograph (3, S, S) uint8 RGB and its hole (S, S) bool, True in the hole."""

    photograph: NDArray[np.uint8]
    hole: NDArray[np.bool_]


def fill(baseline: Baseline, item: Hole) -> NDArray[np.float64]:
    """Returns the photograph with its hole filled: (3, S, S) float64 in [0, 255], known pixels unchanged.

    Raises:
        ValueError: the hole covers everything, so that nothing is known to fill it from.
    """
    if item.hole.all():
        raise ValueError("the hole covers the whole photograph")
    match baseline:
        case "constant":
            return _paint(item, np.array(CONSTANT, dtype=np.float64))
        case "known_mean":
            return _paint(item, _known_mean(item))
        case "telea":
            return _opencv(item, cv2.INPAINT_TELEA)
        case "navier_stokes":
            return _opencv(item, cv2.INPAINT_NS)
        case "biharmonic":
            return _biharmonic(item)
        case _:
            assert_never(baseline)


def _paint(item: Hole, colour: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(item.hole, colour[:, None, None], item.photograph).astype(np.float64)


def _known_mean(item: Hole) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = item.photograph[:, ~item.hole].mean(axis=1)
    return mean


def _opencv(item: Hole, method: int) -> NDArray[np.float64]:
    """Source: Telea 2004; Bertalmio, Bertozzi and Sapiro 2001. OpenCV's results are bytes.

    The hole is painted with the known mean first: where a hole touches the border of the image, OpenCV reads what lies
    under it, which would be the truth (measured: up to 12 grey levels, 0.2 dB).
    """
    painted = _paint(item, _known_mean(item)).round().astype(np.uint8)
    image = np.ascontiguousarray(painted.transpose(1, 2, 0))
    filled = cv2.inpaint(image, item.hole.astype(np.uint8), RADIUS_PX, method)
    return np.asarray(filled, dtype=np.float64).transpose(2, 0, 1)


def _biharmonic(item: Hole) -> NDArray[np.float64]:
    """Source: Damelin and Hoang 2018, as scikit-image solves it; values are clipped to those that are known."""
    from skimage.restoration import inpaint_biharmonic

    filled = inpaint_biharmonic(item.photograph / 255, item.hole, channel_axis=0) * 255
    return np.where(item.hole, filled, item.photograph)


def fill_all(item: Hole) -> NDArray[np.float64]:
    """Returns every baseline's fill: (len(BASELINES), 3, S, S) float64 in [0, 255]."""
    return np.stack([fill(baseline, item) for baseline in BASELINES])


class Filler:
    """Fills many holes by every baseline, in this process or in a pool; the fills are the same either way."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool

    def __call__(self, items: Sequence[Hole]) -> NDArray[np.float64]:
        """Returns (len(items), len(BASELINES), 3, S, S) float64 in [0, 255], in the order of the items."""
        fills = map(fill_all, items) if self._pool is None else self._pool.map(fill_all, items, chunksize=4)
        return np.stack(list(fills))


@contextmanager
def open_filler(pixels: int) -> Iterator[Filler]:
    """Yields what fills holes, with as many processes as are worth their start, at most one for each processor.

    Args:
        pixels: how many pixels the photographs have altogether, each counted once for each of its holes.
    """
    workers = min(os.cpu_count() or 1, pixels // PIXELS_PER_WORKER)
    if workers <= 1:
        yield Filler(None)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_use_one_thread) as pool:
        yield Filler(pool)


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
