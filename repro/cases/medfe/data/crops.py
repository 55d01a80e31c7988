"""Which squares of a photograph are kept, and how they are cut and resized.

A photograph's size flows in and regions flow out; a region and a photograph give a square image. Every random
square has a stream of its own, keyed by the photograph's name, so that adding a photograph moves no other's. Knows
nothing of files and splits.
"""

from typing import NamedTuple, assert_never

from PIL import Image
from PIL.Image import Resampling

from repro.cases.medfe.params.data import Resize
from repro.randomness import numpy_generator

RESAMPLING = Resampling.BICUBIC
"""Pillow's bicubic filter, which widens with the reduction and so does not alias."""

SMALLEST_SHARE = 4
"""A random square has at least a quarter of the shorter side. Source: our inference."""


class Region(NamedTuple):
    """A rectangle of a photograph, in its pixels; a square unless the whole photograph is to be squashed."""

    left: int
    top: int
    width_px: int
    height_px: int


def choose_regions(
    sizes_px: list[tuple[int, int]], count: int, resize: Resize, image_px: int, seed: int, photograph: str
) -> list[tuple[int, Region]]:
    """Returns `count` regions of one photograph, each with the view that it is cut from.

    The views of a photograph take turns, and the first region of each is the whole view.

    Args:
        sizes_px: (width, height) of each view of the photograph; more than one for a stereo pair.
        count: how many regions.
        resize: how a whole view becomes a square.
        image_px: side that the squares will have.
        seed: seed of the random squares.
        photograph: name of the photograph, part of the key of its random streams.
    """
    regions = []
    for index in range(count):
        view = index % len(sizes_px)
        if index < len(sizes_px):
            region = whole_region(sizes_px[view], resize)
        else:
            region = _random_square(sizes_px[view], image_px, seed, photograph, index)
        regions.append((view, region))
    return regions


def whole_region(size_px: tuple[int, int], resize: Resize) -> Region:
    """Returns what the one square of a whole photograph is made of."""
    width, height = size_px
    side = min(width, height)
    match resize:
        case "centre_crop":
            return Region((width - side) // 2, (height - side) // 2, side, side)
        case "squash":
            return Region(0, 0, width, height)
        case "shorter_side":  # the shorter side to the target, then the square from the top left corner
            return Region(0, 0, side, side)
        case _:
            assert_never(resize)


def cut(photograph: Image.Image, region: Region) -> Image.Image:
    """Returns the region at the photograph's own resolution."""
    left, top, width, height = region
    return photograph.crop((left, top, left + width, top + height))


def resize_to_square(image: Image.Image, side_px: int) -> Image.Image:
    """Returns the image as a square of the given side, antialiased; a smaller one is enlarged."""
    return image if image.size == (side_px, side_px) else image.resize((side_px, side_px), RESAMPLING)


def _random_square(size_px: tuple[int, int], image_px: int, seed: int, photograph: str, index: int) -> Region:
    width, height = size_px
    shorter = min(width, height)
    smallest = min(shorter, max(image_px, -(-shorter // SMALLEST_SHARE)))
    generator = numpy_generator(seed, f"squares/{photograph}", index)
    side = int(generator.integers(smallest, shorter, endpoint=True))
    left = int(generator.integers(0, width - side, endpoint=True))
    top = int(generator.integers(0, height - side, endpoint=True))
    return Region(left, top, side, side)
