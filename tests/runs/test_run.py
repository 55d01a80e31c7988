"""Stage run: its evidence, and what it leaves when it diverges, fails, or is killed at a bad moment."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from prepared_on_disk import write_prepared
from repro import paths
from repro.case import PROJECT_FILE
from repro.cases.medfe import study
from repro.cases.medfe.case import CASE
from repro.cases.medfe.evaluation.pairs import open_pairs
from repro.cases.medfe.evaluation.study_run import choose_pairs, protocol_means
from repro.cases.medfe.metrics.protocol import headline
from repro.cases.medfe.params import Params
from repro.errors import UserError
from repro.runs import code
from repro.runs.inputs import find_keys, folders_of
from repro.runs.record import failure_file, log_file, read_record
from repro.runs.run import make_run
from tiny import tiny_values

ROOT = Path(__file__).parents[2]
RUN = "0123456789-s0"


@pytest.fixture
def params(tmp_path, monkeypatch) -> Params:
    """Returns the params of a run of this folder, whose photographs and holes are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    params, prepared, masks = write_prepared(tmp_path / "made")
    shutil.copy(ROOT / PROJECT_FILE, PROJECT_FILE)
    (tmp_path / "repro").symlink_to(ROOT / "repro")
    folders = folders_of(find_keys(CASE, params))
    shutil.copytree(prepared, folders["photographs"])
    shutil.copytree(masks, folders["holes"])
    code.main()
    return params


def with_weight(params: Params, weight: float) -> Params:
    values = params.resolved()
    values["loss"]["pixel_weight"] = weight
    return Params.model_validate(values)


def test_a_run_holds_tables_of_both_train_fractions_and_fills_to_look_at(params: Params) -> None:
    make_run(CASE, RUN, params)
    record = read_record(RUN)
    assert record is not None
    assert (record.status, record.reason) == ("ok", "")
    assert record.seconds > 0
    assert record.environment["threads"] == params.runtime.threads

    folder = paths.RUNS / RUN
    images = pd.read_csv(folder / "evaluate" / "images.csv", dtype={"bucket": str})
    shown = images[images["output"] == "composite"]
    rows = pd.read_csv(folder / paths.ROWS).set_index(["train_fraction", "metric", "unit"])["value"].sort_index()
    means = shown.groupby("image")["psnr_hole_db"].mean()
    assert rows[1.0, "psnr_hole_db"].to_dict() == pytest.approx(means.to_dict(), abs=1e-5)
    assert len(rows.loc[0.5]) == len(rows.loc[1.0])
    assert not rows[0.5, "psnr_hole_db"].equals(rows[1.0, "psnr_hole_db"])

    protocols = pd.read_csv(folder / paths.PROTOCOL_ROWS)
    measured = protocols[protocols["metric"] == "psnr_hole_db"]
    assert len(measured) == 36
    assert measured["value"].iloc[0] == pytest.approx(shown["psnr_hole_db"].mean(), abs=1e-5)

    folders = folders_of(find_keys(CASE, params))
    pairs = open_pairs(folders["photographs"], folders["holes"])
    with np.load(folder / "evaluate" / paths.FILLS) as fills:
        pictures, names = fills["fills"], list(zip(fills["image"], fills["bucket"], strict=True))
    assert pictures.dtype == np.uint8
    measured = shown.set_index(["image", "bucket"])["l1_hole"]
    for picture, (image, bucket) in zip(pictures, names, strict=True):
        pair = pairs.read(int(image), str(bucket))
        truth, hole = pair.truth[0], pair.hole[0]
        assert (picture[:, ~hole] == truth[:, ~hole]).all()
        error = np.abs(picture[:, hole].astype(float) - truth[:, hole]).mean() / 255
        assert error == pytest.approx(measured[image, bucket], abs=0.5 / 255)

    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    make_run(CASE, RUN, params)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before, "it is not made twice"


def test_a_training_that_diverges_is_a_result_with_its_log(params: Params) -> None:
    log_file(RUN).parent.mkdir(parents=True)
    log_file(RUN).write_text("said before\n")
    make_run(CASE, RUN, with_weight(params, 1e39))
    record = read_record(RUN)
    assert record is not None
    assert record.status == "diverged"
    assert "diverged" in record.reason or "not finite" in record.reason
    text = (paths.RUNS / RUN / paths.LOG).read_text()
    assert text.startswith("said before\n")
    assert record.reason in text
    assert not (paths.RUNS / RUN / "train").exists()


def test_an_error_leaves_a_record_and_no_result(params: Params, monkeypatch, capsys) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nothing to divide by")

    make_run(CASE, RUN, params)
    monkeypatch.setattr(study, "train", fail)
    with pytest.raises(UserError, match="ZeroDivisionError: nothing to divide by"):
        make_run(CASE, RUN, with_weight(params, 2.0))
    record = read_record(RUN)
    assert record is not None
    assert (record.status, record.reason) == ("failed", "ZeroDivisionError: nothing to divide by")
    assert not (paths.RUNS / RUN).exists(), "what was made from other params is no result of this run"
    assert "Traceback" in capsys.readouterr().err
    assert failure_file(RUN).is_file()


@pytest.mark.fault("kill", "run, between its parts")
def test_a_kill_between_training_and_evaluation_costs_no_step(params: Params, monkeypatch) -> None:
    evaluate = study.evaluate_run

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "evaluate_run", die)
    with pytest.raises(KeyboardInterrupt):
        make_run(CASE, RUN, params)
    assert read_record(RUN) is None
    monkeypatch.setattr(study, "evaluate_run", evaluate)
    monkeypatch.setattr(study, "train", refuse)
    make_run(CASE, RUN, params)
    record = read_record(RUN)
    assert record is not None
    assert record.seconds > json.loads((paths.RUNS / RUN / "train" / paths.RECORD).read_text())["seconds"]


def test_code_that_is_not_the_recorded_one_makes_no_run(params: Params) -> None:
    paths.RUN_CODE.write_text(json.dumps({"sha256": "another"}))
    with pytest.raises(UserError, match=r"the code is not that of data/inputs/code\.json"):
        make_run(CASE, RUN, params)


def test_the_shown_pairs_are_spread_over_images_and_buckets() -> None:
    for images, buckets in ((1, 6), (7, 6), (8, 6), (56, 6), (500, 6)):
        chosen = choose_pairs(images, buckets)
        assert len(chosen) == len(set(chosen)) == min(48, images * buckets)
        assert {bucket for _, bucket in chosen} == set(range(buckets))
        assert max(image for image, _ in chosen) < images


def test_the_headline_comes_first_among_the_protocols() -> None:
    protocol = headline(Params.model_validate(tiny_values()).evaluation)
    rows = pd.DataFrame(
        {
            "output": ["composite", "composite", "raw", "raw"],
            "rounding": ["none"] * 4,
            "ssim_window": ["gaussian_11", "gaussian_11", "gaussian_11", "gaussian_11"],
            "colour": ["rgb"] * 4,
            "psnr_hole_db": [1.0, 3.0, 5.0, 9.0],
            **{name: [0.0] * 4 for name in ("psnr_db", "ssim", "l1_hole", "l1")},
        }
    )
    raw = protocol_means(rows, protocol._replace(output="raw"))
    assert raw["psnr_hole_db"].tolist() == [7.0, 2.0]
    assert protocol_means(rows, protocol)["psnr_hole_db"].tolist() == [2.0, 7.0]
