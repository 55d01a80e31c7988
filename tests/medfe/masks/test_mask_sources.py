"""Every source keeps its promise: a hole ratio within the bucket, for any size, reproducibly."""

import numpy as np
import pytest
from PIL import Image

from repro.errors import UserError
from repro.medfe.masks.buckets import BUCKETS
from repro.medfe.masks.files import index_mask_files, read_mask_file
from repro.medfe.masks.shapes import draw_box, draw_centre
from repro.medfe.masks.strokes import draw_strokes
from repro.medfe.params.masks import MasksParams


def params(root, **changes):
    values = {
        "source": "files",
        "evaluation_source": "files",
        "root": str(root),
        "polarity": "hole_is_white",
        "binarise": "half",
        "pool_size": 12,
        "seed": 0,
    }
    return MasksParams(**(values | changes))


def write_square(file, ratio, side=100, value=255, mode="L"):
    """A white square in the corner of a black file, with `ratio` of its area."""
    pixels = np.zeros((side, side), np.uint8)
    edge = round(side * ratio**0.5)
    pixels[:edge, :edge] = value
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(file)
    return file


def write_all_buckets(root):
    for number, ratio in enumerate((0.05, 0.15, 0.25, 0.35, 0.45, 0.55)):
        write_square(root / f"{number % 2}" / f"{number}.png", ratio)


@pytest.mark.parametrize("draw", [draw_strokes, draw_box])
@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda bucket: bucket.name)
@pytest.mark.parametrize("size_px", [64, 70, 256])
def test_the_hole_ratio_lies_in_the_bucket(draw, bucket, size_px):
    for seed in range(12):
        hole = draw(np.random.default_rng(seed), size_px, bucket.low, bucket.high)
        assert hole.shape == (size_px, size_px)
        assert hole.dtype == bool
        assert bucket.low < hole.mean() <= bucket.high


@pytest.mark.parametrize("draw", [draw_strokes, draw_box])
def test_drawing_is_reproducible_and_varied(draw):
    masks = [draw(np.random.default_rng(seed), 64, 0.2, 0.3) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


@pytest.mark.parametrize("draw", [draw_strokes, draw_box])
def test_ratios_spread_over_the_bucket_and_holes_over_the_image(draw):
    masks = np.stack([draw(np.random.default_rng(seed), 64, 0.2, 0.3) for seed in range(150)])
    ratios = masks.mean((1, 2))
    assert ratios.min() < 0.22 < 0.28 < ratios.max()
    quarters = masks.reshape(150, 2, 32, 2, 32).mean((0, 2, 4))
    assert quarters.min() > 0.2
    assert quarters.max() < 0.3


def test_narrow_ranges_still_end():
    for seed in range(20):
        hole = draw_strokes(np.random.default_rng(seed), 64, 0.3, 0.305)
        assert 0.3 < hole.mean() <= 0.305


def test_strokes_are_irregular():
    hole = draw_strokes(np.random.default_rng(3), 128, 0.2, 0.3)
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    box = hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert box.mean() < 0.7


def test_a_box_is_a_box():
    for seed in range(20):
        hole = draw_box(np.random.default_rng(seed), 64, 0.1, 0.2)
        np.testing.assert_array_equal(hole, np.outer(hole.any(1), hole.any(0)))


def test_centre_is_a_quarter_in_the_middle():
    hole = draw_centre(np.random.default_rng(0), 64, 0.2, 0.3)
    assert hole.mean() == 0.25
    np.testing.assert_array_equal(hole, hole[::-1, ::-1])
    assert hole[16:48, 16:48].all()


@pytest.mark.parametrize(("mode", "value"), [("L", 255), ("L", 1), ("1", 255), ("RGB", 255), ("P", 255), ("RGBA", 255)])
def test_a_mask_file_of_any_mode_is_read(tmp_path, mode, value):
    file = write_square(tmp_path / "mask.png", 0.25, value=value, mode=mode)
    hole = read_mask_file(file, 50, "hole_is_white", "half")
    expected = np.zeros((50, 50), bool)
    expected[:25, :25] = True
    np.testing.assert_array_equal(hole, expected)
    np.testing.assert_array_equal(read_mask_file(file, 50, "hole_is_black", "half"), ~expected)


def test_a_mask_file_of_16_bits_is_read(tmp_path):
    pixels = np.zeros((40, 40), np.uint16)
    pixels[:20] = 65535
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert read_mask_file(tmp_path / "mask.png", 40, "hole_is_white", "full")[:20].all()
    assert not read_mask_file(tmp_path / "mask.png", 40, "hole_is_white", "positive")[20:].any()


def test_binarising_decides_where_the_resized_edge_lies(tmp_path):
    file = write_square(tmp_path / "mask.png", 0.3, side=99)
    counts = [read_mask_file(file, 64, "hole_is_white", how).sum() for how in ("positive", "half", "full")]
    assert counts[0] > counts[1] > counts[2] > 0


def test_files_are_sorted_into_buckets_and_broken_ones_counted(tmp_path):
    write_all_buckets(tmp_path)
    write_square(tmp_path / "deep" / "er" / "full.png", 1.0)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0" / "0.png").read_bytes()[:60])
    files = index_mask_files(params(tmp_path), 64)
    assert {name: [file.name for file in found] for name, found in files.by_bucket.items()} == {
        bucket.name: [f"{number}.png"] for number, bucket in enumerate(BUCKETS)
    }
    assert files.left_out == {"not a readable image": 2, "hole ratio outside 1-60 %": 1}
    for bucket in BUCKETS:
        assert bucket.low < files.draw(np.random.default_rng(0), 64, bucket.low, bucket.high).mean() <= bucket.high


def test_a_bucket_without_files_is_refused_with_counts(tmp_path):
    write_square(tmp_path / "a.png", 0.25)
    with pytest.raises(UserError, match=r"01-10 %: 0, 10-20 %: 0, 20-30 %: 1"):
        index_mask_files(params(tmp_path), 64)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"masks\.root"):
        index_mask_files(params(tmp_path / "none"), 64)
