"""Evaluation of fills that are known in advance: rows, protocols, headline figures, the choice of pictures."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from repro.errors import UserError
from repro.medfe.baselines import BASELINES, CONSTANT
from repro.medfe.evaluation import model
from repro.medfe.evaluation.baselines import evaluate_baselines, measure_baselines
from repro.medfe.evaluation.fills import evaluate_fill, measure_fill
from repro.medfe.evaluation.pairs import Pairs
from repro.medfe.evaluation.pictures import Case, choose_cases
from repro.medfe.evaluation.summary import summarise
from repro.medfe.evaluation.tables import IMAGE_COLUMNS, PROTOCOL_COLUMNS, read_table, write_table
from repro.medfe.metrics.learned import NotComputed
from repro.medfe.metrics.protocol import ALL, Protocol
from repro.medfe.params.evaluation import EvaluationParams
from tiny import tiny_params

SIDE_PX = 64
BUCKETS = ("01-10", "20-30", "50-60")
SIDES_PX = (16, 32, 48)
PHOTOGRAPHS = ["lake", "lake", "NA", "007"]
CPU = torch.device("cpu")
PLAIN = Protocol("composite", "none", "gaussian_11", "rgb")


def read_hole(image, bucket):
    hole = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
    hole[image : image + SIDES_PX[bucket], : SIDES_PX[bucket]] = True
    return hole


@pytest.fixture(scope="module", autouse=True)
def no_weights(tmp_path_factory):
    """Whatever this machine has downloaded, LPIPS and FID find no weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "get_dir", lambda: str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tests that share the processors wait for each other's threads otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pairs():
    images = np.random.default_rng(0).integers(0, 256, (4, 3, SIDE_PX, SIDE_PX), dtype=np.uint8)
    return Pairs(images, PHOTOGRAPHS, BUCKETS, read_hole)


@pytest.fixture(scope="module")
def baselines(pairs):
    return measure_baselines(pairs, PLAIN)


def make_params(**changes):
    chosen = {"checkpoint": "last", "batch_size": 5, "baselines": True} | PLAIN._asdict()
    return EvaluationParams(**(chosen | changes))


def fill_constant(image, hole):
    """The constant baseline as if it were a network; its known pixels are wrong, so that raw and composite differ."""
    colour = torch.tensor(CONSTANT)[:, None, None] / 127.5 - 1
    return torch.where(hole, colour, image * 0.9).float()


def test_pairs_come_image_by_image_whatever_the_batch(pairs):
    for batch_size in (1, 5, 100):
        batches = list(pairs.batches(batch_size))
        assert [i for b in batches for i in b.image] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        assert [n for b in batches for n in b.bucket] == list(BUCKETS) * 4
        assert max(len(batch.image) for batch in batches) == min(batch_size, 12)
    one = pairs.read(2, "20-30")
    assert (one.truth[0] == pairs.images[2]).all()
    assert (one.hole[0] == read_hole(2, 1)).all()


def test_a_model_that_is_the_constant_scores_as_the_constant(pairs, baselines):
    results = measure_fill(fill_constant, pairs, PLAIN, 5, CPU)
    composite = results.images[results.images["output"] == "composite"]
    constant = baselines[baselines["method"] == "constant"]
    for column in ("psnr_hole_db", "psnr_db", "ssim", "l1_hole", "l1", "hole_ratio"):
        np.testing.assert_allclose(composite[column], constant[column], atol=1e-5)
    figures = summarise(results.images, baselines, PLAIN)
    assert figures["margin_over_constant_db"] == pytest.approx(0, abs=1e-5)


def test_rows_are_complete_and_named(pairs, baselines):
    results = measure_fill(fill_constant, pairs, PLAIN, 5, CPU)
    assert tuple(results.images) == tuple(baselines) == IMAGE_COLUMNS
    assert tuple(results.protocols) == PROTOCOL_COLUMNS
    assert len(results.images) == 12 * 2
    assert len(results.protocols) == 12 * len(ALL)
    assert set(baselines["method"]) == set(BASELINES)
    for table, named in ((results.images, ["output"]), (baselines, ["method"]), (results.protocols, PLAIN._fields)):
        assert not table.duplicated(["image", "bucket", *named]).any()
    assert list(results.images["photograph"].unique()) == ["lake", "NA", "007"]
    assert results.images["hole_ratio"].tolist()[0] == pytest.approx(16**2 / 64**2)


def test_the_fill_never_sees_the_truth_under_the_hole(pairs):
    seen = []

    def spy(image, hole):
        seen.append(bool((image[hole.expand_as(image)] == 0).all()))
        return image

    measure_fill(spy, pairs, PLAIN, 5, CPU)
    assert seen == [True] * 3


def test_headline_rows_are_those_of_the_protocol_table(pairs):
    protocol = Protocol("raw", "truncate", "uniform_7", "grey")
    results = measure_fill(fill_constant, pairs, protocol, 5, CPU)
    keys = ["image", "bucket", "output"]
    by_protocol = results.protocols.query("rounding == 'truncate' and ssim_window == 'uniform_7' and colour == 'grey'")
    joined = results.images.merge(by_protocol, on=keys, suffixes=("", "_protocol"))
    assert len(joined) == 24
    for column in ("psnr_hole_db", "psnr_db", "ssim", "l1_hole", "l1"):
        assert (joined[column] == joined[f"{column}_protocol"]).all()


def test_the_batch_size_does_not_change_the_files(pairs, baselines, tmp_path):
    for batch_size in (1, 7):
        folder = tmp_path / str(batch_size)
        evaluate_fill(fill_constant, pairs, baselines, make_params(batch_size=batch_size), CPU, folder)
    for file in ("images.csv", "protocols.csv", "metrics.json", "grid.png"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "7" / file).read_bytes()


def test_a_convolution_gives_the_same_numbers_in_any_batch(pairs):
    network = torch.nn.Conv2d(3, 3, 3, padding=1)
    one, many = (measure_fill(lambda i, _: network(i), pairs, PLAIN, size, CPU).images for size in (1, 12))
    pd.testing.assert_frame_equal(one, many, atol=1e-5)


def test_metrics_are_means_of_the_written_rows(pairs, baselines, tmp_path):
    evaluate_fill(fill_constant, pairs, baselines, make_params(output="raw"), CPU, tmp_path / "evaluate")
    figures = json.loads((tmp_path / "evaluate" / "metrics.json").read_text())
    rows = read_table(tmp_path / "evaluate" / "images.csv")
    raw = [row for row in rows.to_dict("records") if row["output"] == "raw"]
    assert figures["psnr_db"] == pytest.approx(sum(row["psnr_db"] for row in raw) / 12, abs=1e-5)
    small = [row["l1_hole"] for row in raw if row["bucket"] == "01-10"]
    assert figures["l1_hole_01-10"] == pytest.approx(sum(small) / 4, abs=1e-5)
    mean = baselines[baselines["method"] == "telea"]["psnr_hole_db"].mean()
    assert figures["margin_over_telea_db"] == pytest.approx(figures["psnr_hole_db"] - mean, abs=1e-5)
    assert (figures["photographs"], figures["images"], figures["pairs"]) == (3, 4, 12)
    assert figures["lpips"].startswith("not computed: ")
    assert figures["fid"].startswith("not computed: 4 images")
    assert rows["lpips"].isna().all()


def test_learned_metrics_reach_rows_and_figures(pairs, baselines, tmp_path, monkeypatch):
    class Count:
        seen = 0

        def update(self, imgs, real):
            assert imgs.dtype == torch.uint8
            self.seen += len(imgs) * real

        def compute(self):
            return torch.tensor(float(self.seen))

    fills = "repro.medfe.evaluation.fills"
    monkeypatch.setattr(f"{fills}.open_lpips", lambda _: lambda a, b: (a - b).abs().mean(dim=(1, 2, 3)) / 255)
    monkeypatch.setattr(f"{fills}.open_fid", lambda *_: Count())
    evaluate_fill(fill_constant, pairs, baselines, make_params(), CPU, tmp_path / "evaluate")
    rows = read_table(tmp_path / "evaluate" / "images.csv")
    assert rows["lpips"].tolist() == pytest.approx(rows["l1"].tolist(), abs=2e-6)
    figures = json.loads((tmp_path / "evaluate" / "metrics.json").read_text())
    assert figures["fid"] == 12
    composite = rows[rows["output"] == "composite"]
    assert figures["lpips"] == pytest.approx(composite["lpips"].mean(), abs=1e-5)


def test_an_ssim_window_that_does_not_fit_is_said(pairs, tmp_path):
    small = Pairs(pairs.images[..., :48, :48], PHOTOGRAPHS, BUCKETS[:2], lambda i, b: read_hole(i, b)[:48, :48])
    params = make_params(ssim_window="uniform_51")
    evaluate_fill(fill_constant, small, measure_baselines(small, PLAIN), params, CPU, tmp_path / "evaluate")
    figures = json.loads((tmp_path / "evaluate" / "metrics.json").read_text())
    assert figures["ssim"] == "not computed: the window uniform_51 does not fit into the images"
    assert math.isfinite(figures["psnr_hole_db"])
    assert read_table(tmp_path / "evaluate" / "images.csv")["ssim"].isna().all()


def test_a_model_that_has_diverged_is_refused_and_leaves_nothing(pairs, tmp_path):
    with pytest.raises(UserError, match="not finite"):
        evaluate_fill(lambda i, _: i / 0, pairs, pd.DataFrame(), make_params(), CPU, tmp_path / "evaluate")
    assert not (tmp_path / "evaluate").exists()


def test_pictures_are_the_median_of_each_bucket_and_the_worst():
    rows = pd.DataFrame(
        {
            "image": [0, 1, 2, 3, 0, 1, 2],
            "bucket": ["01-10"] * 4 + ["50-60"] * 3,
            "psnr_hole_db": [30.0, 10.0, 20.0, 40.0, 9.0, 8.0, 11.0],
        }
    )
    expected = [Case("median", 2, "01-10"), Case("median", 0, "50-60"), Case("worst", 1, "50-60")]
    assert choose_cases(rows) == expected
    assert choose_cases(rows.sample(frac=1, random_state=0)) == expected


def test_the_grid_has_a_column_for_each_measured_baseline(pairs, baselines, tmp_path):
    widths = []
    for name, table in (("all", baselines), ("none", pd.DataFrame(columns=IMAGE_COLUMNS))):
        evaluate_fill(fill_constant, pairs, table, make_params(), CPU, tmp_path / name)
        with Image.open(tmp_path / name / "grid.png") as grid:
            widths.append(grid.width)
    assert widths[0] - widths[1] == len(BASELINES) * (3 * SIDE_PX + 8)
    assert "margin_over_telea_db" not in (tmp_path / "none" / "metrics.json").read_text()


def test_tables_survive_the_disk(tmp_path):
    table = pd.DataFrame([["model", 0, "007", "01-10", 0.05, "raw", 20.0, 30.0, 0.5, 0.1, 0.01, None]])
    table.columns = pd.Index(IMAGE_COLUMNS)
    write_table(table, tmp_path / "images.csv")
    assert (tmp_path / "images.csv").read_text().splitlines()[1].endswith(",0.010000,")
    back = read_table(tmp_path / "images.csv")
    assert back["photograph"].tolist() == ["007"]
    assert back["lpips"].isna().all()


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UserError, match="is missing"):
        read_table(tmp_path / "images.csv")


def test_not_computed_reads_as_a_sentence():
    assert str(NotComputed("no weights")) == "not computed: no weights"


@pytest.fixture
def on_disk(pairs, tmp_path):
    """The fixture's pairs as the stages `prepare` and `masks` write them."""
    prepared, masks = tmp_path / "prepared", tmp_path / "masks"
    prepared.mkdir()
    masks.mkdir()
    for kind in ("images", "structure"):
        np.save(prepared / f"test_{kind}.npy", pairs.images)
    rows = [f"test,{index},{photograph},x.png,0,0,64" for index, photograph in enumerate(PHOTOGRAPHS)]
    (prepared / "index.csv").write_text("\n".join(["split,index,photograph,file,left,top,side_px", *rows]) + "\n")
    holes = np.array([[read_hole(image, bucket) for bucket in range(3)] for image in range(4)])
    np.save(masks / "test.npy", np.packbits(holes, axis=-1))
    record = {"size_px": SIDE_PX, "splits": {"test": {"buckets": list(BUCKETS)}}}
    (masks / "masks.json").write_text(json.dumps(record))
    return prepared, masks


def test_baselines_from_disk(baselines, on_disk, tmp_path):
    evaluate_baselines(*on_disk, make_params(), tmp_path / "baselines")
    rows = read_table(tmp_path / "baselines" / "images.csv")
    pd.testing.assert_frame_equal(rows, baselines, atol=1e-6, check_dtype=False)


def test_a_checkpoint_from_disk_to_files(on_disk, tmp_path, monkeypatch):
    class Generator(torch.nn.Module):
        def forward(self, image, hole):
            assert not self.training
            return SimpleNamespace(image=fill_constant(image, hole))

    asked = []
    monkeypatch.setattr(model, "load_generator", lambda *asked_for: asked.append(asked_for) or Generator())
    evaluate_baselines(*on_disk, make_params(), tmp_path / "baselines")
    runtime = tiny_params().runtime
    checkpoint, folder = tmp_path / "checkpoint.pt", tmp_path / "evaluate"
    params = make_params(checkpoint="best")
    model.evaluate_model(checkpoint, *on_disk, tmp_path / "baselines", params, runtime, folder)
    assert asked == [(checkpoint, "best")]
    assert sorted(file.name for file in folder.iterdir()) == ["grid.png", "images.csv", "metrics.json", "protocols.csv"]
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["margin_over_constant_db"] == pytest.approx(0, abs=1e-5)


def test_baselines_can_be_left_out(on_disk, tmp_path):
    evaluate_baselines(*on_disk, make_params(baselines=False), tmp_path / "baselines")
    rows = read_table(tmp_path / "baselines" / "images.csv")
    assert rows.empty
    assert tuple(rows) == IMAGE_COLUMNS


def test_holes_of_other_images_are_refused(on_disk, tmp_path):
    holes = np.load(on_disk[1] / "test.npy")
    np.save(on_disk[1] / "test.npy", holes[:3])
    with pytest.raises(UserError, match="holes for 3 test images"):
        evaluate_baselines(*on_disk, make_params(), tmp_path / "baselines")
