"""Each smoothing against an independent implementation on real photographs."""

from typing import get_args

import numpy as np
import pytest
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg
import torch
from PIL import Image
from skimage import color, data, feature

import repro.cases.medfe.structure as structure_module
from benchmarks import structure as benchmark
from repro.cases.medfe.params.data import StructureMethod, StructureParams
from repro.cases.medfe.structure import smooth_images
from repro.cases.medfe.structure.gradients import FINAL_COUPLING, GROWTH, SMOOTHING, l0_gradient_minimisation
from repro.cases.medfe.structure.total_variation import relative_total_variation

pytestmark = pytest.mark.numerical


def params(method="rtv", **changes):
    rtv = {"rtv_lambda": 0.015, "rtv_sigma_px": 3.0, "rtv_sharpness": 0.001, "rtv_iterations": 3}
    return StructureParams(method=method, order="after_resize", **(rtv | changes))


@pytest.fixture(scope="module")
def photographs():
    """(2, 3, 40, 48) uint8."""
    images = [Image.fromarray(image[:400, :480]).resize((48, 40)) for image in (data.astronaut(), data.coffee())]
    return np.stack([np.asarray(image).transpose(2, 0, 1) for image in images])


def reference_rtv(image, smoothing, sigma, sharpness, iterations):
    """Relative total variation of one (H, W, 3) float64 image: dense loops over edges and a direct solver."""
    height, width, _ = image.shape
    current = image.copy()
    for _ in range(iterations):
        taps = int(5 * sigma + 0.5) | 1
        window = np.exp(-((np.arange(taps) - taps // 2) ** 2) / (2 * sigma**2))
        blurred = current
        for axis in (0, 1):
            blurred = scipy.ndimage.correlate1d(blurred, window / window.sum(), axis=axis, mode="constant")
        rows, columns, weights = [], [], []
        for y in range(height):
            for x in range(width):
                dx = current[y, x + 1] - current[y, x] if x + 1 < width else np.zeros(3)
                dy = current[y + 1, x] - current[y, x] if y + 1 < height else np.zeros(3)
                own = max(np.sqrt(dx**2 + dy**2).mean(), sharpness)
                for to_y, to_x in ((y, x + 1), (y + 1, x)):
                    if to_y < height and to_x < width:
                        windowed = max(np.abs(blurred[to_y, to_x] - blurred[y, x]).mean(), 1e-3)
                        rows.append(y * width + x)
                        columns.append(to_y * width + to_x)
                        weights.append(smoothing / 2 / (windowed * own))
        off = scipy.sparse.coo_array((weights, (rows, columns)), shape=(height * width,) * 2)
        off = (off + off.T).tocsc()
        matrix = scipy.sparse.diags_array(1 + off.sum(0)) - off
        current = scipy.sparse.linalg.spsolve(matrix.tocsc(), image.reshape(-1, 3)).reshape(image.shape)
        sigma = max(sigma / 2, 0.5)
    return current


@pytest.mark.parametrize(
    ("smoothing", "sigma", "sharpness", "iterations"),
    [(0.015, 3.0, 0.001, 3), (0.01, 3.0, 0.02, 4), (0.1, 1.3, 0.01, 1)],
)
def test_relative_total_variation_is_the_reference(photographs, smoothing, sigma, sharpness, iterations):
    images = torch.from_numpy(photographs).float() / 255
    ours = relative_total_variation(images, smoothing, sigma, sharpness, iterations).numpy().transpose(0, 2, 3, 1)
    for i, photograph in enumerate(photographs):
        reference = reference_rtv(photograph.transpose(1, 2, 0) / 255, smoothing, sigma, sharpness, iterations)
        assert np.linalg.norm(ours[i] - reference) < 1e-3 * np.linalg.norm(reference)
        assert np.abs(ours[i] - reference).max() * 255 < 1.5
        assert np.abs(reference - photograph.transpose(1, 2, 0) / 255).mean() > 0.01  # it did smooth


@pytest.mark.parametrize(("height", "width"), [(96, 96), (70, 101)])
def test_relative_total_variation_is_scipys_direct_one(height, width):
    views = [data.astronaut(), data.coffee()[:, 100:], data.chelsea()]
    squares = [np.asarray(Image.fromarray(view).resize((width, height))).transpose(2, 0, 1) for view in views]
    images = torch.from_numpy(np.stack(squares)).float() / 255
    ours = relative_total_variation(
        images, benchmark.SMOOTHING, benchmark.SIGMA_PX, benchmark.SHARPNESS, benchmark.ITERATIONS
    )
    for image, structure in zip(images, ours, strict=True):
        reference, _ = benchmark.smooth_by_scipy(image.double())
        assert torch.linalg.vector_norm(structure - reference) < 3e-5 * torch.linalg.vector_norm(reference)


def test_neither_threads_nor_batch_change_a_bit_of_the_structure(photographs):
    images, before = torch.from_numpy(photographs).float() / 255, torch.get_num_threads()
    alone = torch.cat([relative_total_variation(image, 0.015, 3.0, 0.001, 3) for image in images.split(1)])
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            assert torch.equal(relative_total_variation(images, 0.015, 3.0, 0.001, 3), alone)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_texture_goes_and_edges_stay():
    stripes = np.tile(np.where(np.arange(64) % 4 < 2, 20, -20), (64, 1))
    image = np.where(np.arange(64) < 32, 60, 180) + stripes
    smooth = smooth_images(np.tile(image.astype(np.uint8), (1, 3, 1, 1)), params())[0, 0].astype(int)
    assert smooth[8:-8, 8:24].std() < 5 < stripes.std()
    assert smooth[32, 40] - smooth[32, 24] > 90


def test_l0_is_the_reference(photographs):
    """The same alternation with sparse difference operators and a direct solver."""
    image = photographs[0, :, :14, :18] / 255
    height, width = image.shape[1:]

    def periodic(n):
        return scipy.sparse.csr_array(np.roll(np.eye(n), 1, axis=1) - np.eye(n))

    across = scipy.sparse.kron(scipy.sparse.eye_array(height), periodic(width)).tocsr()
    along = scipy.sparse.kron(periodic(height), scipy.sparse.eye_array(width)).tocsr()
    photograph = image.reshape(3, -1).T
    current, coupling = photograph, 2 * SMOOTHING
    while coupling < FINAL_COUPLING:
        gradients = across @ current, along @ current
        flat = sum(g**2 for g in gradients).sum(1) < SMOOTHING / coupling
        for gradient in gradients:
            gradient[flat] = 0
        matrix = scipy.sparse.eye_array(height * width) + coupling * (across.T @ across + along.T @ along)
        right_side = photograph + coupling * (across.T @ gradients[0] + along.T @ gradients[1])
        current = scipy.sparse.linalg.spsolve(matrix.tocsc(), right_side)
        coupling *= GROWTH
    ours = l0_gradient_minimisation(torch.from_numpy(image)[None])[0].flatten(1).T.numpy()
    np.testing.assert_allclose(ours, current, atol=1e-6)
    assert np.abs(current - photograph).mean() > 0.01


def test_canny_draws_white_edges_on_black(photographs):
    drawn = smooth_images(photographs, params("canny"))
    for image, drawing in zip(photographs, drawn, strict=True):
        expected = feature.canny(color.rgb2gray(image.transpose(1, 2, 0)), sigma=2)
        assert expected.any()
        for channel in drawing:
            np.testing.assert_array_equal(channel, expected * 255)


@pytest.mark.parametrize("method", get_args(StructureMethod))
def test_every_method_takes_and_gives_bytes(photographs, method, monkeypatch):
    before = photographs.copy()
    together = smooth_images(photographs, params(method))
    assert together.shape == photographs.shape
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(photographs, before)
    monkeypatch.setattr(structure_module, "BATCH_PX", 1)
    np.testing.assert_array_equal(smooth_images(photographs, params(method)), together)


@pytest.mark.parametrize("method", ["rtv", "l0"])
def test_a_flat_image_stays(method):
    flat = np.full((1, 3, 32, 32), 77, np.uint8)
    np.testing.assert_array_equal(smooth_images(flat, params(method)), flat)


def test_the_parameters_of_rtv_reach_it(photographs):
    base = smooth_images(photographs, params())
    for change in ({"rtv_lambda": 0.05}, {"rtv_sigma_px": 1.0}, {"rtv_sharpness": 0.05}, {"rtv_iterations": 1}):
        assert (smooth_images(photographs, params(**change)) != base).any()
