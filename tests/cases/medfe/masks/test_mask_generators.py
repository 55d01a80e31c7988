"""Every source keeps its promise: a hole ratio within the bucket, for any size, reproducibly."""

import re

import numpy as np
import pytest
from PIL import Image

from repro.cases.medfe.data import decode
from repro.cases.medfe.data.files import LINK, TOO_LARGE
from repro.cases.medfe.masks.buckets import BUCKETS
from repro.cases.medfe.masks.files import IN_ALPHA, NO_MASK, OUTSIDE, index_mask_files, read_mask_file
from repro.cases.medfe.masks.shapes import draw_box, draw_centre
from repro.cases.medfe.masks.strokes import draw_strokes
from repro.cases.medfe.params.masks import MasksParams
from repro.errors import UserError


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


@pytest.mark.parametrize("value", [1, 255, 65535])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_deep_mask_file_is_read_whatever_its_white_is(tmp_path, dtype, value):
    pixels = np.zeros((40, 40), dtype)
    pixels[:20] = value
    Image.fromarray(pixels).save(tmp_path / "mask.tif")
    hole = read_mask_file(tmp_path / "mask.tif", 40, "hole_is_white", "full")
    np.testing.assert_array_equal(hole, pixels > 0)


def test_grey_levels_of_16_bits_keep_their_place(tmp_path):
    levels = np.zeros((1024, 1024), np.uint16)
    levels[:256, :256] = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(levels).save(tmp_path / "mask.png")
    hole = read_mask_file(tmp_path / "mask.png", 1024, "hole_is_white", "half")
    np.testing.assert_array_equal(hole, np.round(levels / 257) >= 128)


def paint(mode, colour, ground):
    """A picture with `colour` in its left quarter and `ground` elsewhere."""
    image = Image.new(mode, (40, 40), ground)
    image.paste(colour, (0, 0, 10, 40))
    return image


def to_palette(image):
    """A palette in which one index is transparent."""
    palette = image.convert("RGB").quantize(4)
    palette.info["transparency"] = palette.getpixel((39, 0))
    return palette


DRAWN = {
    "white on nothing": paint("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),
    "white on transparent black": paint("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)),
    "grey with alpha": paint("LA", (255, 255), (255, 0)),
    "palette": to_palette(paint("RGB", (255, 255, 255), (200, 255, 255))),
    "white on black, opaque": paint("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)),
    "red brush": paint("RGB", (255, 0, 0), (0, 0, 0)),
}


@pytest.mark.parametrize("drawn", DRAWN)
def test_what_is_transparent_is_no_hole(tmp_path, drawn):
    DRAWN[drawn].save(tmp_path / "mask.png")
    hole = read_mask_file(tmp_path / "mask.png", 40, "hole_is_white", "half")
    assert hole[:, :9].all()
    assert not hole[:, 11:].any()


def test_a_black_hole_on_a_transparent_ground_is_read(tmp_path):
    paint("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)).save(tmp_path / "mask.png")
    hole = read_mask_file(tmp_path / "mask.png", 40, "hole_is_black", "half")
    assert hole[:, :9].all()
    assert not hole[:, 11:].any()


NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 4), dtype=np.uint8)


@pytest.mark.fault("damage", "mask")
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.fromarray(NOISE[..., :3]), NO_MASK),
        (Image.fromarray(NOISE), NO_MASK),
        (Image.new("L", (40, 40), 128), NO_MASK),
        (paint("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), IN_ALPHA),
        (Image.new("RGBA", (40, 40), (255, 255, 255, 0)), IN_ALPHA),
    ],
    ids=["photograph", "with alpha", "grey", "hole in alpha", "nothing"],
)
def test_a_picture_that_is_no_mask_is_refused(tmp_path, image, reason):
    image.save(tmp_path / "mask.png")
    with pytest.raises(decode.UnreadableImageError, match=re.escape(reason)):
        read_mask_file(tmp_path / "mask.png", 40, "hole_is_white", "half")


def test_binarising_decides_where_the_resized_edge_lies(tmp_path):
    file = write_square(tmp_path / "mask.png", 0.3, side=99)
    counts = [read_mask_file(file, 64, "hole_is_white", how).sum() for how in ("positive", "half", "full")]
    assert counts[0] > counts[1] > counts[2] > 0


@pytest.mark.fault("damage", "mask")
def test_files_are_sorted_into_buckets_and_broken_ones_counted(tmp_path):
    write_all_buckets(tmp_path)
    write_square(tmp_path / "deep" / "er" / "full.png", 1.0)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0" / "0.png").read_bytes()[:60])
    files = index_mask_files(params(tmp_path), 64)
    assert {name: [file.name for file in found] for name, found in files.by_bucket.items()} == {
        bucket.name: [f"{number}.png"] for number, bucket in enumerate(BUCKETS)
    }
    assert files.left_out == {decode.UNKNOWN: 1, decode.DAMAGED: 1, OUTSIDE: 1}
    for bucket in BUCKETS:
        assert bucket.low < files.draw(np.random.default_rng(0), 64, bucket.low, bucket.high).mean() <= bucket.high


def test_no_more_is_opened_than_of_photographs(tmp_path, monkeypatch):
    """PostScript would start Ghostscript; links, huge files and huge images are not opened either."""
    root = tmp_path / "masks"
    write_all_buckets(root)
    (root / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n")
    (root / "link.png").symlink_to(write_square(tmp_path / "outside.png", 0.25))
    (root / "folder").symlink_to(tmp_path)
    write_square(root / "bomb.png", 0.25, side=101)
    (root / "long.png").write_bytes(bytes(9001))
    Image.fromarray(np.full((50, 50), np.nan, np.float32)).save(root / "nan.tif", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    monkeypatch.setattr("repro.cases.medfe.data.files.MAX_FILE_BYTES", 9000)
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript was started"))
    assert index_mask_files(params(root), 64).left_out == {
        decode.UNKNOWN: 1,
        decode.TOO_MANY_PIXELS: 1,
        decode.UNSUPPORTED: 1,
        TOO_LARGE: 1,
        LINK: 2,
    }


def test_a_relative_root_is_found_from_a_temporary_copy(tmp_path, monkeypatch):
    """In `dvc exp run --temp` the masks, which git ignores, stay in the project."""
    write_all_buckets(tmp_path / "project" / "holes")
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    assert all(index_mask_files(params("holes"), 64).by_bucket.values())
    write_all_buckets(tmp_path / "copy" / "holes")
    found = index_mask_files(params("holes"), 64).by_bucket
    assert {str(file.parent.parent) for files in found.values() for file in files} == {"holes"}


def test_a_bucket_without_files_is_refused_with_counts(tmp_path):
    write_square(tmp_path / "a.png", 0.25)
    with pytest.raises(UserError, match=r"01-10 %: 0, 10-20 %: 0, 20-30 %: 1"):
        index_mask_files(params(tmp_path), 64)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"masks\.root"):
        index_mask_files(params(tmp_path / "none"), 64)
