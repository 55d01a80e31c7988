"""Augmentation keeps shapes, types and the match of image and structure, and comes from the given generator only."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from repro.cases.medfe.augmentation import augment_image
from repro.cases.medfe.augmentation.masks import augment_mask
from repro.cases.medfe.masks.strokes import draw_strokes
from repro.cases.medfe.params.augmentation import ImageAugmentation, MaskAugmentation

SIZE_PX = 64


@pytest.fixture(scope="module")
def hole():
    return draw_strokes(np.random.default_rng(5), SIZE_PX, 0.2, 0.3)


@pytest.fixture(scope="module")
def image():
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    return np.stack([3 * x, 3 * y, x + y]).astype(np.uint8)


@pytest.mark.parametrize("augmentation", get_args(MaskAugmentation))
def test_masks_stay_masks(hole, augmentation):
    before = hole.copy()
    for seed in range(20):
        changed = augment_mask(hole, augmentation, np.random.default_rng(seed))
        assert changed.shape == hole.shape
        assert changed.dtype == bool
        assert 0 < changed.mean() < 1
        np.testing.assert_array_equal(changed, augment_mask(hole, augmentation, np.random.default_rng(seed)))
    np.testing.assert_array_equal(hole, before)


def test_mask_flips_are_the_four_of_equal_chance(hole):
    flips = [hole, hole[::-1], hole[:, ::-1], hole[::-1, ::-1]]
    rng = np.random.default_rng(0)
    counts = np.zeros(4)
    for _ in range(400):
        changed = augment_mask(hole, "flip", rng)
        matches = [bool((changed == flip).all()) for flip in flips]
        assert sum(matches) == 1
        counts[matches.index(True)] += 1
    assert counts.min() > 70


def test_no_augmentation_changes_nothing(hole, image):
    np.testing.assert_array_equal(augment_mask(hole, "none", np.random.default_rng(0)), hole)
    np.testing.assert_array_equal(augment_image(image, image[::-1], "none", np.random.default_rng(0))[1], image[::-1])


def test_rotation_turns_dilation_grows_and_the_crop_upsamples():
    centred = np.zeros((SIZE_PX, SIZE_PX), bool)
    centred[24:40, 30:34] = True
    masks = [augment_mask(centred, "rotate_dilate_crop", np.random.default_rng(seed)) for seed in range(60)]
    tall = [np.ptp(np.flatnonzero(mask.any(1))) > np.ptp(np.flatnonzero(mask.any(0))) for mask in masks]
    assert 10 < sum(tall) < 50
    assert np.mean([mask.mean() for mask in masks]) > 1.2 * centred.mean()


def test_a_mask_is_never_augmented_away():
    corner = np.zeros((SIZE_PX, SIZE_PX), bool)
    corner[0, 0] = True
    for seed in range(30):
        assert augment_mask(corner, "rotate_dilate_crop", np.random.default_rng(seed)).any()


@pytest.mark.parametrize("augmentation", get_args(ImageAugmentation))
def test_image_and_structure_change_alike(image, augmentation):
    before = image.copy()
    for seed in range(20):
        first, second = augment_image(image, image, augmentation, np.random.default_rng(seed))
        assert first.shape == image.shape
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(image, before)


def test_image_flips_are_horizontal_and_half_of_all(image):
    rng = np.random.default_rng(0)
    results = [augment_image(image, image, "flip", rng)[0] for _ in range(200)]
    flipped = [bool((result == image[..., ::-1]).all()) for result in results]
    assert all(a or (result == image).all() for a, result in zip(flipped, results, strict=True))
    assert 70 < sum(flipped) < 130


def test_resize_crop_flip_is_a_window_of_the_upsampled_image(image):
    upsampled = F.interpolate(torch.from_numpy(image)[None].float(), (88, 88), mode="bilinear", antialias=True)[0]
    windows = {}
    for seed in range(8):
        result = augment_image(image, image, "resize_crop_flip", np.random.default_rng(seed))[0].astype(float)
        distance = {
            (top, left, flip): np.abs(
                upsampled[:, top : top + SIZE_PX, left : left + SIZE_PX].numpy()[..., ::flip] - result
            ).max()
            for top in range(25)
            for left in range(25)
            for flip in (1, -1)
        }
        window = min(distance, key=distance.get)
        assert distance[window] <= 1
        windows[window] = True
    assert len(windows) > 5


def test_random_crop_flip_upsamples_by_at_most_a_third(image):
    for seed in range(20):
        result = augment_image(image, image, "random_crop_flip", np.random.default_rng(seed))[0].astype(float)
        slope = abs(result[0, 32, 48] - result[0, 32, 16]) / 32
        assert 0.74 * 3 < slope < 3.1
