"""Pictures side by side: a table of small images with headings, row labels and captions.

Small images are upsampled by whole factors without smoothing, so that every pixel of theirs can be seen.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

TILE_PX: Final = 192
"""Images are upsampled up to about this size; larger ones are shown as they are."""
GAP_PX: Final = 8
LABEL_PX: Final = 116
HEADING_PX: Final = 34
CAPTION_PX: Final = 34
FONT_PX: Final = 20
INK: Final = (32, 32, 32)
PAPER: Final = (255, 255, 255)
HOLE_COLOUR: Final = (196, 128, 224)
"""Of a hole that is shown; figure 2 of the paper draws it in mauve, too."""


class Picture(NamedTuple):
    """An image (3, S, S) uint8 RGB with a caption under it; "" for none."""

    image: NDArray[np.uint8]
    caption: str


class Row(NamedTuple):
    """One line of the grid; its label may have several lines."""

    label: str
    pictures: Sequence[Picture]


def show_hole(image: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns the image (3, S, S) uint8 with its hole (S, S) bool painted in `HOLE_COLOUR`."""
    colour = np.array(HOLE_COLOUR, dtype=np.uint8)
    return np.where(hole, colour[:, None, None], image)


def picture_grid(headings: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """Returns the grid as an RGB picture on white.

    Args:
        headings: one for each column.
        rows: each with as many pictures as there are headings, all of one size.

    Raises:
        ValueError: there is no row, or a row has another number of pictures.
    """
    if not rows or any(len(row.pictures) != len(headings) for row in rows):
        raise ValueError(f"a grid needs rows of {len(headings)} pictures each")
    tile = _upsample(rows[0].pictures[0].image).width
    width = LABEL_PX + len(headings) * (tile + GAP_PX)
    grid = Image.new("RGB", (width, HEADING_PX + len(rows) * (tile + CAPTION_PX)), PAPER)
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(FONT_PX)
    for column, heading in enumerate(headings):
        draw.text((_left(column, tile) + tile / 2, HEADING_PX / 2), heading, INK, font, anchor="mm")
    for number, row in enumerate(rows):
        _draw_row(grid, row, HEADING_PX + number * (tile + CAPTION_PX), tile)
    return grid


def _draw_row(grid: Image.Image, row: Row, top: int, tile: int) -> None:
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(FONT_PX)
    draw.multiline_text((GAP_PX, top + tile / 2), row.label, INK, font, anchor="lm", spacing=6)
    for column, picture in enumerate(row.pictures):
        left = _left(column, tile)
        grid.paste(_upsample(picture.image), (left, top))
        place = (left + tile / 2, top + tile + CAPTION_PX * 0.4)
        draw.text(place, picture.caption, INK, font, anchor="mm")


def _left(column: int, tile: int) -> int:
    return LABEL_PX + column * (tile + GAP_PX)


def _upsample(image: NDArray[np.uint8]) -> Image.Image:
    factor = max(1, TILE_PX // image.shape[-1])
    return Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0).repeat(factor, 0).repeat(factor, 1)))
