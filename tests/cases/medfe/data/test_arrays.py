"""What is appended is what numpy reads back, and what does not fit together is refused."""

import csv

import numpy as np
import pytest

from repro.cases.medfe.data.arrays import COLUMNS, INDEX, SPLITS, AppendedArray, images_file, open_split, structure_file
from repro.checksums import write_checksums
from repro.errors import UserError


def write_split(folder, split, images, names):
    for file, values in ((images_file(folder, split), images), (structure_file(folder, split), 255 - images)):
        np.save(file, values)
    with (folder / INDEX).open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        rows.writerow(("other", 0, "elsewhere", "", 0, 0, 0))
        rows.writerows((split, index, name, name, 0, 0, 8) for index, name in enumerate(names))
    write_checksums(folder)


@pytest.mark.parametrize("groups", [[], [1], [3, 1, 12]])
def test_appended_items_are_read_back_by_numpy(tmp_path, groups):
    items = np.random.default_rng(0).integers(0, 256, (sum(groups), 3, 8, 8), dtype=np.uint8)
    with AppendedArray(tmp_path / "grown.npy", (3, 8, 8)) as grown:
        for group in np.split(items, np.cumsum(groups)[:-1]) if groups else []:
            grown.append(group)
    np.save(tmp_path / "saved.npy", items)
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
    assert np.array_equal(np.load(tmp_path / "grown.npy", mmap_mode="r" if groups else None), items)


def test_items_of_another_shape_or_type_are_refused(tmp_path):
    with AppendedArray(tmp_path / "grown.npy", (3, 8, 8)) as grown:
        with pytest.raises(ValueError, match="expected"):
            grown.append(np.zeros((1, 3, 8, 9), np.uint8))
        with pytest.raises(ValueError, match="expected"):
            grown.append(np.zeros((1, 3, 8, 8), np.float32))


def test_a_split_is_opened_without_being_read(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    write_split(tmp_path, "test", images, ["a, b", "c"])
    opened = open_split(tmp_path, "test")
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable
    assert np.array_equal(opened.images, images)
    assert np.array_equal(opened.structure, 255 - images)
    assert opened.photographs == ["a, b", "c"]


@pytest.mark.fault("damage", "prepared data")
@pytest.mark.parametrize("file", ["test_images.npy", "test_structure.npy", INDEX])
def test_damaged_bytes_are_refused(tmp_path, file):
    write_split(tmp_path, "test", np.zeros((2, 3, 8, 8), np.uint8), ["a", "b"])
    content = bytearray((tmp_path / file).read_bytes())
    content[-3] ^= 1
    (tmp_path / file).write_bytes(content)
    with pytest.raises(UserError, match=rf"{file} is damaged.*\n.*dvc repro prepare"):
        open_split(tmp_path, "test")


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_split_says_how_to_make_it(tmp_path, split):
    with pytest.raises(UserError, match="dvc repro prepare"):
        open_split(tmp_path, split)


@pytest.mark.fault("damage", "prepared data")
def test_an_index_of_another_length_is_refused(tmp_path):
    write_split(tmp_path, "test", np.zeros((2, 3, 8, 8), np.uint8), ["only one"])
    with pytest.raises(UserError, match="2 images, 2 structure images and 1 rows"):
        open_split(tmp_path, "test")


@pytest.mark.fault("damage", "prepared data")
def test_a_pickle_is_never_loaded(tmp_path):
    write_split(tmp_path, "test", np.zeros((1, 3, 8, 8), np.uint8), ["a"])
    np.save(images_file(tmp_path, "test"), np.array([{"code": 1}], dtype=object))
    with pytest.raises(UserError, match="no prepared photographs"):
        open_split(tmp_path, "test")
