"""Evaluation of fills that are known in advance: rows, protocols, headline figures, the choice of pictures."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from repro.cases.medfe.baselines import BASELINES, CONSTANT
from repro.cases.medfe.evaluation import model
from repro.cases.medfe.evaluation.baselines import evaluate_baselines, measure_baselines
from repro.cases.medfe.evaluation.fills import FILES, evaluate_fill, measure_fill
from repro.cases.medfe.evaluation.pairs import Pairs
from repro.cases.medfe.evaluation.pictures import Case, choose_cases
from repro.cases.medfe.evaluation.rows import ALL_IMAGES, protocol_rows, unit_rows
from repro.cases.medfe.evaluation.study_run import protocol_means
from repro.cases.medfe.evaluation.summary import HEADLINES, bucket_means
from repro.cases.medfe.evaluation.tables import IMAGE_COLUMNS, MEASURES, PROTOCOL_COLUMNS, read_table, write_table
from repro.cases.medfe.metrics import learned
from repro.cases.medfe.metrics.protocol import ALL, Protocol
from repro.cases.medfe.metrics.records import METRICS
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.checksums import write_checksums
from repro.errors import UserError
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
    for column in (*MEASURES, "hole_ratio"):
        np.testing.assert_allclose(composite[column], constant[column], atol=1e-5)
    means = bucket_means(results.images, baselines, PLAIN).set_index("method")
    for column in MEASURES:
        np.testing.assert_allclose(means.loc["model", column], means.loc["constant", column], atol=1e-5)


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
    for column in MEASURES:
        assert (joined[column] == joined[f"{column}_protocol"]).all()


def test_the_batch_size_does_not_change_the_files(pairs, baselines, tmp_path):
    for batch_size in (1, 7):
        folder = tmp_path / str(batch_size)
        evaluate_fill(fill_constant, pairs, baselines, make_params(batch_size=batch_size), CPU, folder)
    assert sorted(file.name for file in (tmp_path / "1").iterdir()) == sorted(FILES)
    for file in FILES:
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
    reasons = json.loads((tmp_path / "evaluate" / "not_computed.json").read_text())
    assert set(reasons) == {"lpips", "fid"}
    assert reasons["fid"].startswith("4 images")
    assert rows["lpips"].isna().all()


def test_the_headline_figures_are_few_numbers_and_every_metric_is_there_or_has_a_reason(pairs, baselines, tmp_path):
    evaluate_fill(fill_constant, pairs, baselines, make_params(), CPU, tmp_path / "evaluate")
    figures, reasons = (
        json.loads((tmp_path / "evaluate" / f"{name}.json").read_text()) for name in ("metrics", "not_computed")
    )
    assert len(figures) <= HEADLINES
    assert all(isinstance(value, float) for value in figures.values())
    assert [name for name in (metric.name for metric in METRICS) if name in figures] == list(figures)
    assert not set(figures) & set(reasons)
    assert set(figures) | set(reasons) >= {metric.name for metric in METRICS[:HEADLINES]}


def test_means_by_bucket_are_those_of_the_written_rows(pairs, baselines, tmp_path):
    evaluate_fill(fill_constant, pairs, baselines, make_params(output="raw"), CPU, tmp_path / "evaluate")
    means = read_table(tmp_path / "evaluate" / "buckets.csv")
    rows = pd.concat([read_table(tmp_path / "evaluate" / "images.csv").query("output == 'raw'"), baselines])
    assert means["method"].iloc[0] == "model"
    assert len(means) == (1 + len(BASELINES)) * len(BUCKETS)
    for method, bucket, pairs_here, value in means[["method", "bucket", "pairs", "l1_hole"]].itertuples(index=False):
        measured = [
            row["l1_hole"] for row in rows.to_dict("records") if (row["method"], row["bucket"]) == (method, bucket)
        ]
        assert pairs_here == len(measured) == 4
        assert value == pytest.approx(sum(measured) / 4, abs=1e-5)


def test_rows_of_a_study_are_what_the_tables_say(pairs, tmp_path):
    results = measure_fill(fill_constant, pairs, PLAIN, 5, CPU)
    rows = unit_rows(results.images, results.whole, "raw", 0.5)
    write_table(results.images, tmp_path / "images.csv")
    table = read_table(tmp_path / "images.csv").query("output == 'raw'")
    assert {(row.unit, row.metric) for row in rows} == {(image, name) for image in range(4) for name in MEASURES}
    for row in rows:
        assert row.value == pytest.approx(table[table["image"] == row.unit][row.metric].mean(), abs=1e-12)
        assert row.train_fraction == 0.5
    means = protocol_means(results.protocols, PLAIN)
    by_protocol = protocol_rows(means)
    assert len(by_protocol) == len(ALL) * len(MEASURES)
    assert by_protocol[0].protocol == PLAIN._asdict()
    assert [row.value for row in by_protocol[: len(MEASURES)]] == pytest.approx(means.loc[0, list(MEASURES)], abs=6e-7)


def test_an_image_whose_metric_has_no_value_has_none_in_a_study(pairs):
    results = measure_fill(fill_constant, pairs, PLAIN, 5, CPU)
    images = results.images.copy()
    images.loc[0, "ssim"] = np.nan
    missing = [
        (row.unit, row.metric) for row in unit_rows(images, {}, images.loc[0, "output"]) if math.isnan(row.value)
    ]
    assert missing == [(images.loc[0, "image"], "ssim")], "a mean over what is left would be of other holes"


def test_learned_metrics_reach_rows_and_figures(pairs, baselines, tmp_path, monkeypatch):
    class Count:
        seen = 0

        def update(self, imgs, real):
            assert imgs.dtype == torch.uint8
            self.seen += len(imgs) * real

        def compute(self):
            return torch.tensor(float(self.seen))

    monkeypatch.setattr(learned, "open_lpips", lambda _: lambda a, b: (a - b).abs().mean(dim=(1, 2, 3)) / 255)
    monkeypatch.setattr(learned, "open_fid", lambda *_: Count())
    monkeypatch.setattr(learned, "lpips_obstacle", lambda: "")
    evaluate_fill(fill_constant, pairs, baselines, make_params(), CPU, tmp_path / "evaluate")
    rows = read_table(tmp_path / "evaluate" / "images.csv")
    assert rows["lpips"].tolist() == pytest.approx(rows["l1"].tolist(), abs=2e-6)
    figures = json.loads((tmp_path / "evaluate" / "metrics.json").read_text())
    assert figures["fid"] == 12
    composite = rows[rows["output"] == "composite"]
    assert figures["lpips"] == pytest.approx(composite["lpips"].mean(), abs=1e-5)
    assert json.loads((tmp_path / "evaluate" / "not_computed.json").read_text()) == {}
    outcomes = unit_rows(rows, {"fid": 12.0}, "composite")
    assert [(row.unit, row.value) for row in outcomes if row.metric == "fid"] == [(ALL_IMAGES, 12.0)]
    assert len([row for row in outcomes if row.metric == "lpips"]) == 4


def test_an_ssim_window_that_does_not_fit_is_said(pairs, tmp_path):
    small = Pairs(pairs.images[..., :48, :48], PHOTOGRAPHS, BUCKETS[:2], lambda i, b: read_hole(i, b)[:48, :48])
    params = make_params(ssim_window="uniform_51")
    evaluate_fill(fill_constant, small, measure_baselines(small, PLAIN), params, CPU, tmp_path / "evaluate")
    figures = json.loads((tmp_path / "evaluate" / "metrics.json").read_text())
    reasons = json.loads((tmp_path / "evaluate" / "not_computed.json").read_text())
    assert reasons["ssim"] == "the window uniform_51 does not fit into the images"
    assert "ssim" not in figures
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
    assert set(read_table(tmp_path / "none" / "buckets.csv")["method"]) == {"model"}


def test_tables_survive_the_disk(tmp_path):
    table = pd.DataFrame([["model", 0, "007", "01-10", 0.05, "raw", *(0.01 for _ in MEASURES), None]])
    table.columns = pd.Index((*IMAGE_COLUMNS[:6], *MEASURES, "lpips"))
    write_table(table, tmp_path / "images.csv")
    assert (tmp_path / "images.csv").read_text().splitlines()[1].endswith(",0.010000,")
    back = read_table(tmp_path / "images.csv")
    assert back["photograph"].tolist() == ["007"]
    assert back["lpips"].isna().all()


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UserError, match="is missing"):
        read_table(tmp_path / "images.csv")


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
    for folder in (prepared, masks):
        write_checksums(folder)
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
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
    means = read_table(folder / "buckets.csv").set_index("method")["psnr_hole_db"]
    np.testing.assert_allclose(means.loc["model"], means.loc["constant"], atol=1e-5)


def test_baselines_can_be_left_out(on_disk, tmp_path):
    evaluate_baselines(*on_disk, make_params(baselines=False), tmp_path / "baselines")
    rows = read_table(tmp_path / "baselines" / "images.csv")
    assert rows.empty
    assert tuple(rows) == IMAGE_COLUMNS


def test_holes_of_other_images_are_refused(on_disk, tmp_path):
    holes = np.load(on_disk[1] / "test.npy")
    np.save(on_disk[1] / "test.npy", holes[:3])
    write_checksums(on_disk[1])
    with pytest.raises(UserError, match="holes for 3 test images"):
        evaluate_baselines(*on_disk, make_params(), tmp_path / "baselines")
