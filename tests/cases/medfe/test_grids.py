"""Picture grids: every pixel of an image is found again, upsampled by a whole factor."""

import numpy as np
import pytest

from repro.cases.medfe.grids import (
    CAPTION_PX,
    HEADING_PX,
    HOLE_COLOUR,
    LABEL_PX,
    PAPER,
    Picture,
    Row,
    picture_grid,
    show_hole,
)


def picture(seed, side_px=64, caption=""):
    return Picture(np.random.default_rng(seed).integers(0, 256, (3, side_px, side_px), dtype=np.uint8), caption)


def test_small_images_are_upsampled_without_smoothing():
    first, second = picture(0), picture(1)
    grid = np.asarray(picture_grid(["a", "b"], [Row("row", [first, second]), Row("row", [second, first])]))
    tile = 3 * 64
    assert grid.shape == (HEADING_PX + 2 * (tile + CAPTION_PX), LABEL_PX + 2 * (tile + 8), 3)
    below = HEADING_PX + tile + CAPTION_PX
    found = grid[below : below + tile, LABEL_PX : LABEL_PX + tile]
    assert (found[1::3, 1::3] == second.image.transpose(1, 2, 0)).all()
    assert (found[0::3, 2::3] == second.image.transpose(1, 2, 0)).all()


def test_large_images_are_shown_as_they_are():
    large = picture(0, side_px=256)
    grid = np.asarray(picture_grid(["a"], [Row("row", [large])]))
    assert (grid[HEADING_PX : HEADING_PX + 256, LABEL_PX : LABEL_PX + 256] == large.image.transpose(1, 2, 0)).all()


def test_words_are_drawn_where_they_belong():
    def ink(heading, label, caption):
        grid = np.asarray(picture_grid([heading], [Row(label, [picture(0, caption=caption)])]))
        blank = (grid == PAPER).all(axis=2)
        return [
            not part.all()
            for part in (blank[:HEADING_PX], blank[HEADING_PX:-CAPTION_PX, :LABEL_PX], blank[-CAPTION_PX:])
        ]

    assert ink("", "", "") == [False, False, False]
    assert ink("input", "", "") == [True, False, False]
    assert ink("", "worst", "") == [False, True, False]
    assert ink("", "", "20.1 dB") == [False, False, True]


def test_the_hole_is_painted_and_nothing_else():
    image, hole = picture(0).image, np.zeros((64, 64), dtype=bool)
    hole[:5, 7] = True
    shown = show_hole(image, hole)
    assert (shown[:, ~hole] == image[:, ~hole]).all()
    assert (shown[:, hole] == np.array(HOLE_COLOUR)[:, None]).all()


@pytest.mark.parametrize("rows", [[], [Row("row", [])]])
def test_a_grid_with_missing_pictures_is_refused(rows):
    with pytest.raises(ValueError, match="1 pictures"):
        picture_grid(["a"], rows)
