"""The metrics against scikit-image, torchmetrics and the formulas written out for one image."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from repro.cases.medfe.metrics import learned
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.pixels import PSNR_CAP_DB, mean_over, psnr_db
from repro.cases.medfe.metrics.protocol import ALL, Protocol, round_bytes, select_colour, select_output, to_byte_scale
from repro.cases.medfe.metrics.records import METRICS, ImageMetric
from repro.cases.medfe.metrics.ssim import BLOCK, ssim, ssim_window, window_averages, with_products
from repro.cases.medfe.params.evaluation import EvaluationParams

pytestmark = pytest.mark.numerical

PLAIN = Protocol("composite", "none", "gaussian_11", "rgb")
SKIMAGE = {
    "gaussian_11": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    "uniform_7": {},
    "uniform_51": {"win_size": 51},
}


@pytest.fixture
def batch():
    """Three smooth true images (B, 3, 64, 64), outputs near them, and holes of different sizes."""
    rng = np.random.default_rng(3)
    coarse = torch.from_numpy(rng.uniform(0, 255, (3, 3, 8, 8)))
    truth = torch.nn.functional.interpolate(coarse, size=64, mode="bilinear").round()
    raw = (truth + torch.from_numpy(rng.normal(0, 20, truth.shape))).clamp(0, 255)
    hole = torch.zeros(3, 1, 64, 64, dtype=torch.bool)
    hole[0, :, 10:20, 5:30] = hole[1, :, :, 30:] = hole[2, :, 60:, 60:] = True
    return raw, truth, hole


def measured(raw, truth, hole, protocol):
    [(_, measures)] = measure(raw, truth, hole, [protocol])
    return measures


def ssim_of(image, truth, window):
    """The structural similarity of two batches on the scale [0, 1]."""
    fill, true = (window_averages(with_products(item, truth), window) for item in (image, truth))
    return ssim(fill, true[:2], window, 1.0)


def hwc(image):
    return image.numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("window", SKIMAGE)
def test_ssim_equals_scikit_image(batch, window):
    raw, truth, _ = (item / 255 for item in batch)
    ours = ssim_of(raw, truth, window)
    for one, image, true in zip(ours, raw, truth, strict=True):
        theirs = structural_similarity(hwc(true), hwc(image), channel_axis=-1, data_range=1.0, **SKIMAGE[window])
        assert float(one) == pytest.approx(theirs, abs=1e-10)


def test_ssim_equals_torchmetrics_inside_the_image(batch):
    from torchmetrics.functional.image import structural_similarity_index_measure

    raw, truth, _ = (item / 255 for item in batch)
    ours = ssim_of(raw, truth, "gaussian_11")
    _, full = structural_similarity_index_measure(raw, truth, data_range=1.0, sigma=1.5, return_full_image=True)
    torch.testing.assert_close(ours, full[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("places", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
@pytest.mark.parametrize("window", SKIMAGE)
def test_averages_are_those_of_the_whole_window(window, places):
    weights = torch.from_numpy(ssim_window(window).weights)
    image = torch.rand(2, 1, *[places + len(weights) - 1] * 2, dtype=torch.float64)
    whole = torch.nn.functional.conv2d(image, torch.outer(weights, weights)[None, None])
    torch.testing.assert_close(window_averages(image, window), whole, rtol=0, atol=1e-12)


def test_the_windows_differ(batch):
    values = {float(measured(*batch, PLAIN._replace(ssim_window=window))["ssim"][0]) for window in SKIMAGE}
    assert len(values) == 3
    assert ssim_window("uniform_51").unbias == pytest.approx(2601 / 2600)


def test_a_window_wider_than_the_image_gives_no_ssim(batch):
    small = [item[..., :48, :48] for item in batch]
    small[2][:] = True
    assert measured(*small, PLAIN._replace(ssim_window="uniform_51"))["ssim"].isnan().all()
    assert measured(*small, PLAIN)["ssim"].isfinite().all()


@pytest.mark.parametrize("output", ["composite", "raw"])
def test_psnr_and_l1_equal_the_formulas_for_one_image(batch, output):
    raw, truth, hole = batch
    measures = measured(raw, truth, hole, PLAIN._replace(output=output))
    for place in range(3):
        true, mask = hwc(truth[place]) / 255, hole[place, 0].numpy()
        image = hwc(raw[place]) / 255
        if output == "composite":
            image = np.where(mask[..., None], image, true)
        assert float(measures["psnr_db"][place]) == pytest.approx(peak_signal_noise_ratio(true, image, data_range=1))
        assert float(measures["l1"][place]) == pytest.approx(np.abs(image - true).mean())
        assert float(measures["l1_hole"][place]) == pytest.approx(np.abs(image - true)[mask].mean())
        in_hole = 10 * np.log10(1 / np.square(image - true)[mask].mean())
        assert float(measures["psnr_hole_db"][place]) == pytest.approx(in_hole)


def test_the_hole_is_measured_alike_in_composite_and_raw(batch):
    composite, raw = (measured(*batch, PLAIN._replace(output=output)) for output in ("composite", "raw"))
    torch.testing.assert_close(composite["psnr_hole_db"], raw["psnr_hole_db"], rtol=0, atol=0)
    assert (composite["psnr_db"] > raw["psnr_db"]).all()


def test_equal_images_have_the_documented_psnr(batch):
    _, truth, hole = batch
    measures = measured(truth, truth, hole, PLAIN)
    assert measures["psnr_hole_db"].tolist() == measures["psnr_db"].tolist() == [PSNR_CAP_DB] * 3
    assert measures["ssim"].tolist() == pytest.approx([1.0] * 3)


def test_psnr_needs_the_data_range():
    error = torch.tensor([4.0], dtype=torch.float64)
    assert float(psnr_db(error, 255.0)) == pytest.approx(10 * np.log10(255**2 / 4))


def test_an_image_without_a_hole_is_refused():
    with pytest.raises(ValueError, match="without a hole"):
        mean_over(torch.ones(1, 3, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool))


def test_raw_output_is_clipped_to_what_an_image_can_hold():
    scaled = to_byte_scale(torch.tensor([-3.0, -1.0, 0.0, 1.0, 1.5]))
    assert scaled.tolist() == [0, 0, 127.5, 255, 255]


def test_rounding_and_truncating_to_bytes():
    image = torch.tensor([0.4, 0.6, 99.999, 254.999])
    assert round_bytes(image, "none") is image
    assert round_bytes(image, "round").tolist() == [0, 1, 100, 255]
    assert round_bytes(image, "truncate").tolist() == image.numpy().astype(np.uint8).tolist()


def test_grey_is_that_of_pillow(batch):
    from PIL import Image

    truth = batch[1][:1]
    pillow = np.asarray(Image.fromarray(hwc(truth[0]).astype(np.uint8)).convert("L"))
    grey = select_colour(truth, "grey")
    assert grey.shape == (1, 1, 64, 64)
    assert np.abs(grey[0, 0].numpy() - pillow).max() <= 1


def test_a_composite_keeps_the_known_pixels(batch):
    raw, truth, hole = batch
    composite = select_output(raw, truth, hole, "composite")
    assert torch.equal(composite[~hole.expand_as(composite)], truth[~hole.expand_as(truth)])
    assert torch.equal(composite[hole.expand_as(composite)], raw[hole.expand_as(raw)])


def test_all_protocols_at_once_give_what_each_gives_alone(batch):
    together = dict(measure(*batch, ALL))
    assert Counter(together.keys()) == Counter(ALL)
    assert len(ALL) == 2 * 3 * 3 * 2
    for protocol in ALL:
        alone = measured(*batch, protocol)
        assert all(torch.equal(alone[name], together[protocol][name]) for name in alone)


def test_the_batch_does_not_change_the_numbers(batch):
    together = measured(*batch, PLAIN)
    for place in range(3):
        alone = measured(*(item[place : place + 1] for item in batch), PLAIN)
        for name, whole in together.items():
            assert float(whole[place]) == pytest.approx(float(alone[name]), rel=1e-12)


def test_few_pixels_at_once_give_the_same_numbers(batch, monkeypatch):
    at_once = measured(*batch, PLAIN)
    monkeypatch.setattr("repro.cases.medfe.metrics.measure.PIXELS_AT_ONCE", 2 * 64**2)
    for name, parts in measured(*batch, PLAIN).items():
        torch.testing.assert_close(parts, at_once[name], rtol=1e-12, atol=0)


def test_lists_of_protocols_cover_the_params():
    choices = EvaluationParams.model_fields
    for field in Protocol._fields:
        options = choices[field].metadata[0].options
        assert {getattr(protocol, field) for protocol in ALL} == set(options)


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))


@pytest.mark.usefixtures("no_weights")
def test_without_weights_lpips_says_so():
    opened = learned.open_lpips(torch.device("cpu"))
    assert isinstance(opened, learned.NotComputed)
    assert "alexnet" in opened.reason


@pytest.mark.usefixtures("no_weights")
def test_fid_says_why_it_is_not_computed(monkeypatch):
    few, many = (learned.open_fid(images, torch.device("cpu")) for images in (2047, 2048))
    assert isinstance(few, learned.NotComputed)
    assert isinstance(many, learned.NotComputed)
    assert few.reason.startswith("2047 images")
    assert "2047" not in many.reason
    monkeypatch.setattr(learned, "find_spec", lambda _: object())
    weightless = learned.open_fid(5000, torch.device("cpu"))
    assert isinstance(weightless, learned.NotComputed)
    assert "inception" in weightless.reason


@pytest.mark.usefixtures("no_weights")
def test_a_study_is_told_at_once_what_cannot_be_computed():
    assert {metric.name for metric in METRICS if metric.obstacle()} == {"lpips", "fid"}


def test_weights_on_disk_are_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(learned, "find_spec", lambda _: object())
    (tmp_path / "checkpoints").mkdir()
    for name in (learned.LPIPS_WEIGHTS, learned.FID_WEIGHTS):
        (tmp_path / "checkpoints" / name).touch()
    assert not any(metric.obstacle() for metric in METRICS)


def test_every_image_metric_is_measured_in_the_order_of_the_records(batch):
    assert list(measured(*batch, PLAIN)) == [metric.name for metric in METRICS if isinstance(metric, ImageMetric)]


def test_the_direction_of_a_metric_is_that_of_less_noise(batch):
    """Holds whatever metric is added: a fill nearer to the truth is better by its record."""
    raw, truth, hole = batch
    far, near = (measured(fill, truth, hole, PLAIN) for fill in (raw, truth + 0.1 * (raw - truth)))
    for metric in METRICS:
        if isinstance(metric, ImageMetric):
            better = near[metric.name] > far[metric.name]
            assert bool((better if metric.direction == "higher" else ~better).all()), metric.name


def test_the_records_are_read_without_torch():
    code = "import sys, repro.cases.medfe.metrics.records; print([n for n in ('torch', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
