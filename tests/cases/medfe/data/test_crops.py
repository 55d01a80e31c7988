"""Regions lie in the photograph, are the same for the same name, and keep what they should keep."""

import numpy as np
import pytest
from PIL import Image

from repro.cases.medfe.data.crops import CropBox, choose_crop_boxes, cut, resize_to_square, whole_crop_box


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        ("centre_crop", CropBox(50, 0, 200, 200)),
        ("squash", CropBox(0, 0, 300, 200)),
        ("shorter_side", CropBox(0, 0, 200, 200)),
    ],
)
def test_whole_photograph(resize, expected):
    assert whole_crop_box((300, 200), resize) == expected


def test_centre_crop_of_an_upright_photograph():
    assert whole_crop_box((200, 301), "centre_crop") == CropBox(0, 50, 200, 200)


@pytest.mark.parametrize(("size_px", "smallest"), [((1000, 800), 200), ((300, 240), 64), ((50, 40), 40)])
def test_random_crops_lie_inside_and_use_the_allowed_sides(size_px, smallest):
    boxes = [box for _, box in choose_crop_boxes([size_px], 400, "centre_crop", 64, 0, "a")]
    width, height = size_px
    assert boxes[0] == whole_crop_box(size_px, "centre_crop")
    for left, top, side, other in boxes[1:]:
        assert side == other
        assert smallest <= side <= height
        assert 0 <= left <= width - side
        assert 0 <= top <= height - side
    sides = [box.width_px for box in boxes[1:]]
    assert min(sides) <= smallest + 10
    assert max(sides) >= height - 10


def test_random_crops_depend_on_name_seed_and_index_alone():
    def some(count=5, seed=0, name="a"):
        return choose_crop_boxes([(300, 200)], count, "centre_crop", 64, seed, name)

    assert some() == some()
    assert some(count=3) == some()[:3]
    assert some(seed=1)[1:] != some()[1:]
    assert some(name="b")[1:] != some()[1:]


def test_views_take_turns_and_each_begins_with_the_whole():
    boxes = choose_crop_boxes([(300, 200), (280, 200)], 5, "centre_crop", 64, 0, "pair")
    assert [view for view, _ in boxes] == [0, 1, 0, 1, 0]
    assert boxes[0][1] == CropBox(50, 0, 200, 200)
    assert boxes[1][1] == CropBox(40, 0, 200, 200)
    assert choose_crop_boxes([(300, 200), (280, 200)], 1, "centre_crop", 64, 0, "pair") == boxes[:1]


def test_a_cut_keeps_the_pixels():
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    crop = cut(Image.fromarray(values), CropBox(4, 7, 9, 11))
    assert np.array_equal(np.asarray(crop), values[7:18, 4:13])


def test_reduction_does_not_alias():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = np.asarray(resize_to_square(Image.fromarray(stripes), 60))[4:-4, 4:-4]
    assert np.abs(inner.astype(int) - 127).max() < 12  # sampling without a filter gives 0 and 255


def test_the_right_size_is_left_alone_and_a_smaller_one_upsampled():
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(resize_to_square(Image.fromarray(values), 64)), values)
    assert resize_to_square(Image.fromarray(values), 96).size == (96, 96)
