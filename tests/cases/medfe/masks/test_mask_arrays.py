"""Masks on disk: right shapes, right buckets, and each mask the same whatever else is made."""

import json

import numpy as np
import pytest

from repro.cases.medfe.masks import make_masks, open_masks
from repro.cases.medfe.masks.buckets import BUCKETS
from repro.cases.medfe.params.masks import MasksParams
from repro.errors import UserError

IMAGES = {"train": 99, "validation": 2, "test": 3}


def params(**changes):
    values = {
        "source": "strokes",
        "evaluation_source": "strokes",
        "root": "nowhere",
        "polarity": "hole_is_white",
        "binarise": "half",
        "pool_size": 14,
        "seed": 0,
    }
    return MasksParams(**(values | changes))


@pytest.fixture
def folder(tmp_path):
    make_masks(params(), 70, IMAGES, tmp_path / "masks")
    return tmp_path / "masks"


def test_shapes_and_buckets(folder):
    names = tuple(bucket.name for bucket in BUCKETS)
    for split, shape in (("train", (14,)), ("validation", (2, 6)), ("test", (3, 6))):
        masks = open_masks(folder, split)
        assert masks.packed.shape == (*shape, 70, 9)
        assert masks.packed.dtype == np.uint8
        assert masks.size_px == 70
        assert masks.buckets == names
        assert masks.read(0).shape == (*shape[1:], 70, 70)


def test_every_evaluation_mask_lies_in_its_bucket(folder):
    masks = open_masks(folder, "test")
    for image in range(3):
        for number, bucket in enumerate(BUCKETS):
            hole = masks.read(image, number)
            assert hole.dtype == bool
            assert bucket.low < hole.mean() <= bucket.high
            np.testing.assert_array_equal(hole, masks.read(image)[number])
    every = masks.read().reshape(18, -1)
    assert len(np.unique(every, axis=0)) == 18


def test_the_pool_fills_the_buckets_equally_and_spreads_the_rest(folder):
    ratios = open_masks(folder, "train").read().mean((1, 2))
    counts = [int(((ratios > bucket.low) & (ratios <= bucket.high)).sum()) for bucket in BUCKETS]
    assert counts == [3, 3, 2, 2, 2, 2]
    record = json.loads((folder / "masks.json").read_text())["splits"]["train"]
    assert [record["masks"][bucket.name]["count"] for bucket in BUCKETS] == counts
    assert record["masks"]["01-10"]["mean_ratio"] == pytest.approx(ratios[ratios <= 0.1].mean())
    assert record["source"] == "strokes"


def test_a_mask_does_not_depend_on_the_others(folder, tmp_path):
    make_masks(params(pool_size=7), 70, {"validation": 1, "test": 5}, tmp_path / "other")
    train, other = open_masks(folder, "train").read(), open_masks(tmp_path / "other", "train").read()
    np.testing.assert_array_equal(train[:7], other)
    np.testing.assert_array_equal(open_masks(folder, "test").read(), open_masks(tmp_path / "other", "test").read()[:3])


def test_the_seed_and_only_the_evaluation_source_decide_the_evaluation_masks(folder, tmp_path):
    make_masks(params(source="boxes"), 70, IMAGES, tmp_path / "boxes")
    make_masks(params(seed=1), 70, IMAGES, tmp_path / "seed")
    test, train = open_masks(folder, "test").read(), open_masks(folder, "train").read()
    np.testing.assert_array_equal(test, open_masks(tmp_path / "boxes", "test").read())
    assert (train != open_masks(tmp_path / "boxes", "train").read()).any()
    assert (test != open_masks(tmp_path / "seed", "test").read()).any()
    assert (open_masks(folder, "validation").read() != test[:2]).any()


def test_the_centre_square_has_one_bucket(tmp_path):
    make_masks(params(source="centre", evaluation_source="centre"), 64, IMAGES, tmp_path / "masks")
    test = open_masks(tmp_path / "masks", "test")
    assert test.buckets == ("20-30",)
    assert test.packed.shape == (3, 1, 64, 8)
    assert (open_masks(tmp_path / "masks", "train").read().mean((1, 2)) == 0.25).all()


def test_masks_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match="dvc repro masks"):
        open_masks(tmp_path, "train")
