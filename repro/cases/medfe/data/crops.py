"""Which crops of a photograph are taken, and how they are cut and resized to squares.

Every random crop has a stream of its own, keyed by the photograph's name and the crop's number, so that adding a
photograph moves no other's crops.
"""

from typing import NamedTuple, assert_never

from PIL import Image
from PIL.Image import Resampling

from repro.cases.medfe.params.data import Resize
from repro.randomness import numpy_generator

RESAMPLING = Resampling.BICUBIC
"""Pillow's bicubic filter, which widens with the reduction and so does not alias."""

SMALLEST_DIVISOR = 4
"""The side of a random crop is at least the shorter side divided by this. Source: our inference."""


class CropBox(NamedTuple):
    """A rectangle of a photograph, in its pixels; a square unless the whole photograph is to be squashed to one."""

    left: int
    top: int
    width_px: int
    height_px: int


def choose_crop_boxes(
    sizes_px: list[tuple[int, int]], count: int, resize: Resize, image_px: int, seed: int, photograph: str
) -> list[tuple[int, CropBox]]:
    """Returns the boxes of `count` crops of one photograph, each with the number of the view that it is cut from.

    The views of a photograph take turns, and the first crop of each is the whole view.

    Args:
        sizes_px: (width, height) of each view of the photograph; more than one for a stereo pair.
        count: how many crops.
        resize: how a whole view becomes a square.
        image_px: side of a crop once it is resized.
        seed: seed of the random crops.
        photograph: name of the photograph, part of the key of its random streams.
    """
    boxes = []
    for index in range(count):
        view = index % len(sizes_px)
        if index < len(sizes_px):
            box = whole_crop_box(sizes_px[view], resize)
        else:
            box = _random_crop_box(sizes_px[view], image_px, seed, photograph, index)
        boxes.append((view, box))
    return boxes


def whole_crop_box(size_px: tuple[int, int], resize: Resize) -> CropBox:
    """Returns the box of the one crop that stands for a whole photograph."""
    width, height = size_px
    side = min(width, height)
    match resize:
        case "centre_crop":
            return CropBox((width - side) // 2, (height - side) // 2, side, side)
        case "squash":
            return CropBox(0, 0, width, height)
        case "shorter_side":  # the shorter side to the target, then the square from the top left corner
            return CropBox(0, 0, side, side)
        case _:
            assert_never(resize)


def cut(photograph: Image.Image, box: CropBox) -> Image.Image:
    """Returns what lies in a box, at the photograph's own resolution."""
    left, top, width, height = box
    return photograph.crop((left, top, left + width, top + height))


def resize_to_square(image: Image.Image, side_px: int) -> Image.Image:
    """Returns the image as a square of the given side, antialiased; a smaller one is upsampled."""
    return image if image.size == (side_px, side_px) else image.resize((side_px, side_px), RESAMPLING)


def _random_crop_box(size_px: tuple[int, int], image_px: int, seed: int, photograph: str, index: int) -> CropBox:
    width, height = size_px
    shorter = min(width, height)
    smallest = min(shorter, max(image_px, -(-shorter // SMALLEST_DIVISOR)))
    generator = numpy_generator(seed, f"squares/{photograph}", index)  # a name that must stay: it seeds the stream
    side = int(generator.integers(smallest, shorter, endpoint=True))
    left = int(generator.integers(0, width - side, endpoint=True))
    top = int(generator.integers(0, height - side, endpoint=True))
    return CropBox(left, top, side, side)
