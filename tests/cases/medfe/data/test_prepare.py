"""A preparation from files to arrays: crops, index and report belong together, and broken files are counted."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from repro.cases.medfe.data import decode, reading, writing
from repro.cases.medfe.data.arrays import INDEX, SPLITS, open_split
from repro.cases.medfe.data.files import LINK, MISSING
from repro.cases.medfe.data.preparation_report import LEFT_OUT, REPORT
from repro.cases.medfe.data.prepare import DUPLICATE, prepare_photographs
from repro.errors import UserError
from repro.storage import hash_tree

pytestmark = pytest.mark.usefixtures("negative")


def read_rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def read_report(folder):
    return json.loads((folder / REPORT).read_text())


def test_crops_index_and_structure_belong_together(tmp_path, data_params, write_photographs):
    write_photographs(tmp_path / "in", range(11))
    params = data_params(root=str(tmp_path / "in"), crops_per_photo=7, evaluation_crops_per_photo=2)
    prepare_photographs(params, tmp_path / "out")
    rows = read_rows(tmp_path / "out" / INDEX)
    seen = Counter()
    for split in SPLITS:
        opened = open_split(tmp_path / "out", split)
        own = [row for row in rows if row["split"] == split]
        assert [int(row["index"]) for row in own] == list(range(len(opened.images)))
        assert opened.photographs == [row["photograph"] for row in own]
        assert np.array_equal(opened.structure, 255 - opened.images)
        for image, row in zip(opened.images, own, strict=True):
            left, top, side = int(row["left"]), int(row["top"]), int(row["side_px"])
            crop = Image.open(tmp_path / "in" / row["file"]).crop((left, top, left + side, top + side))
            expected = np.asarray(crop.resize((64, 64), Image.Resampling.BICUBIC))
            assert np.array_equal(image.transpose(1, 2, 0), expected)
        seen.update(set(opened.photographs))
    assert len(seen) == 11
    assert set(seen.values()) == {1}
    assert read_report(tmp_path / "out")["photographs"] == {"train": 7, "validation": 2, "test": 2}
    assert read_report(tmp_path / "out")["images"] == {"train": 49, "validation": 4, "test": 4}


def test_twice_gives_the_same_bytes_with_any_number_of_threads(tmp_path, data_params, write_photographs, monkeypatch):
    write_photographs(tmp_path / "in", range(9))
    params = data_params(root=str(tmp_path / "in"), crops_per_photo=5)
    hashes = set()
    for threads, group_px in ((1, 32 * 64**2), (2, 3 * 64**2), (4, 1)):
        monkeypatch.setattr(reading, "THREADS", threads)
        monkeypatch.setattr(writing, "GROUP_PX", group_px)
        prepare_photographs(params, tmp_path / "out")
        hashes.add(hash_tree(tmp_path / "out"))
    assert len(hashes) == 1
    prepare_photographs(params.model_copy(update={"split_seed": 1}), tmp_path / "out")
    assert hash_tree(tmp_path / "out") not in hashes


def test_adding_a_photograph_moves_no_crop_of_the_others(tmp_path, data_params, write_photographs):
    def crops():
        params = data_params(root=str(tmp_path / "in"), crops_per_photo=4, evaluation_crops_per_photo=4)
        prepare_photographs(params, tmp_path / "out")
        keys = ("file", "left", "top", "side_px")
        return {tuple(row[key] for key in keys) for row in read_rows(tmp_path / "out" / INDEX)}

    write_photographs(tmp_path / "in", range(6))
    before = crops()
    write_photographs(tmp_path / "in", range(6, 8))
    assert before < crops()


@pytest.mark.fault("damage", "photograph")
def test_broken_and_mixed_files_are_counted(tmp_path, data_params, write_photographs):
    files = write_photographs(tmp_path / "in", range(5))
    content = files[0].read_bytes()
    (tmp_path / "in/cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "in/empty.jpg").write_bytes(b"")
    (tmp_path / "in/notes.txt").write_text("no image")
    (tmp_path / "in/same.png").write_bytes(content)
    (tmp_path / "in/link.png").symlink_to(files[0])
    Image.new("CMYK", (80, 80), (10, 20, 30, 40)).save(tmp_path / "in/inks.tif")
    Image.new("LA", (40, 50), (10, 20)).save(tmp_path / "in/small.png")
    prepare_photographs(data_params(root=str(tmp_path / "in")), tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert sum(report["photographs"].values()) == report["files_read"] == 7
    assert report["files_converted"] == {"CMYK": 1, "grey with alpha": 1}
    assert sum(report["upsampled_images"].values()) == 1
    assert report["left_out_reasons"] == {
        decode.DAMAGED: 1,
        decode.EMPTY: 1,
        decode.UNKNOWN: 1,
        DUPLICATE: 1,
        LINK: 1,
    }
    assert report["files_left_out"] == 5
    named = {row["file"] for row in read_rows(tmp_path / "out" / LEFT_OUT)}
    assert {"cut.png", "empty.jpg", "notes.txt", "link.png"} < named
    assert named & {"same.png", "000000.png"}
    assert report["file_width_px"] == {"smallest": 40, "median": 90, "largest": 90}


def test_tiny_photographs_are_left_out_with_their_own_reason(tmp_path, data_params, write_photographs):
    write_photographs(tmp_path / "in", range(5))
    Image.new("RGB", (1, 1)).save(tmp_path / "in/dot.png")
    Image.new("RGB", (200, 15)).save(tmp_path / "in/strip.png")
    prepare_photographs(data_params(root=str(tmp_path / "in")), tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert report["left_out_reasons"] == {"shorter side below 16 px": 2}
    assert report["files_read"] == 5


def test_a_decompression_bomb_is_left_out(tmp_path, data_params, write_photographs, monkeypatch):
    write_photographs(tmp_path / "in", range(3))
    Image.new("L", (200, 200)).save(tmp_path / "in/bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 39_999)
    prepare_photographs(data_params(root=str(tmp_path / "in")), tmp_path / "out")
    assert read_report(tmp_path / "out")["left_out_reasons"] == {decode.TOO_MANY_PIXELS: 1}


def test_too_few_readable_photographs_are_an_error_and_leave_nothing(tmp_path, data_params, write_photographs):
    write_photographs(tmp_path / "in", range(2))
    (tmp_path / "in/empty.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"no photograph for train: 2 can be used, 1 files are left out \(1 x empty"):
        prepare_photographs(data_params(root=str(tmp_path / "in")), tmp_path / "out")
    assert [item.name for item in tmp_path.iterdir()] == ["in"]


def test_no_more_photographs_than_asked_for(tmp_path, data_params, write_photographs):
    write_photographs(tmp_path / "in", range(12))
    (tmp_path / "in/000005.png").write_bytes(b"")
    prepare_photographs(data_params(root=str(tmp_path / "in"), max_photos=8), tmp_path / "out")
    assert sum(read_report(tmp_path / "out")["photographs"].values()) == 8


def test_published_splits_of_celeba(tmp_path, data_params, write_photographs):
    files = write_photographs(tmp_path / "celeba/img_align_celeba", range(6), ".jpg")
    parts = dict(zip((file.name for file in files), (0, 0, 0, 1, 2, 2), strict=True))
    listing = tmp_path / "celeba/list_eval_partition.txt"
    listing.write_text("".join(f"{name} {part}\n" for name, part in parts.items()) + "000099.jpg 2\n")
    prepare_photographs(data_params(source="celeba", root=str(tmp_path)), tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert report["photographs"] == {"train": 3, "validation": 1, "test": 2}
    assert report["left_out_reasons"] == {MISSING: 1}


def test_structure_before_the_resize_is_smoothed_at_the_photographs_resolution(
    tmp_path, data_params, write_photographs, monkeypatch
):
    sides = []

    def invert(images, _):
        sides.append(images.shape[-1])
        return 255 - images

    write_photographs(tmp_path / "in", range(3))
    Image.effect_noise((900, 700), 50).convert("RGB").save(tmp_path / "in/large.png")
    monkeypatch.setattr(writing, "smooth_images", invert)
    prepare_photographs(data_params(order="before_resize", root=str(tmp_path / "in")), tmp_path / "out")
    assert sorted(sides) == [70, 71, 72, 512]
    for split in SPLITS:
        opened = open_split(tmp_path / "out", split)
        difference = opened.structure.astype(int) - (255 - opened.images)
        assert np.abs(difference).mean() < 3  # the negative of a resized image, up to rounding


def test_squashed_photographs_have_no_square_side(tmp_path, data_params, write_photographs):
    write_photographs(tmp_path / "in", range(3))
    prepare_photographs(data_params(root=str(tmp_path / "in"), resize="squash"), tmp_path / "out")
    for row in read_rows(tmp_path / "out" / INDEX):
        assert row["side_px"] == ""
        image = open_split(tmp_path / "out", row["split"]).images[int(row["index"])]
        whole = Image.open(tmp_path / "in" / row["file"]).resize((64, 64), Image.Resampling.BICUBIC)
        assert np.array_equal(image.transpose(1, 2, 0), np.asarray(whole))


def test_the_installed_photographs(tmp_path, data_params):
    prepare_photographs(data_params(source="photos", root="", crops_per_photo=3), tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert sum(report["photographs"].values()) == 8
    assert report["files_read"] == 9
    assert report["photographs_of_several_files"] == 1
    assert list(report["several_files_examples"]) == ["motorcycle"]
    assert report["files_left_out"] == 0
    splits = {row["split"] for row in read_rows(tmp_path / "out" / INDEX) if row["photograph"] == "motorcycle"}
    assert len(splits) == 1
