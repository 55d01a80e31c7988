"""Evidence on disk as long tables, against hand-made runs whose means are known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro import paths
from repro.audit.statistics.results import run_means
from repro.audit.study.plan import Plan, Run, Variant
from repro.errors import UserError
from repro.runs import results
from repro.runs.collection import MEASURES, STRANGER, read_results
from repro.runs.record import Given, Outcome, failure_file, write_outcome

BUCKETS = ("01-10", "10-20")
GIVEN = Given("code", "photographs", "holes")


def write_run(run: str, level: float, output: str = "composite", given: Given = GIVEN) -> None:
    """Writes two images with two holes each; the composite's measures are level + image + bucket / 10."""
    folder = paths.RUNS / run
    for name, shift in (("evaluate", 0.0), ("half", -1.0)):
        rows = [
            {"image": image, "bucket": bucket, "output": shown, "photograph": "NA"}
            | dict.fromkeys(MEASURES, level + shift + image + place / 10 + (100 if shown == "raw" else 0))
            for image in range(2)
            for place, bucket in enumerate(BUCKETS)
            for shown in ("composite", "raw")
        ]
        (folder / name).mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(folder / name / "images.csv", index=False)
    choices = {"rounding": "none", "ssim_window": "gaussian_11", "colour": "rgb"}
    protocols = [{"output": shown, **choices, **dict.fromkeys(MEASURES, level)} for shown in ("raw", "composite")]
    pd.DataFrame(protocols).to_csv(folder / "evaluate" / "protocols.csv", index=False)
    write_outcome(folder / "run.json", Outcome("ok", "", "key", given, 12.5, None, 80, output))


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    variants = [
        Variant(id="base", role="baseline", settings={}),
        Variant(id="arm", role="arm", settings={"loss.adv": "hinge"}),
        Variant(id="negative control", role="negative control", settings={"runtime.stream": 1}),
    ]
    runs = [Run(id=f"{item.id}-s{seed}", variant=item.id, seed=seed) for item in variants for seed in range(2)]
    levels = {"loss.adv": ["ragan", "hinge"], "model.stream_kernels": [[3, 5], [3]]}
    empty = {"fingerprint": "", "frozen": "", "declaration": {}, "left_out": [], "deviations": []}
    return Plan(study="test", levels=levels, variants=variants, runs=runs, **empty)


def test_runs_of_every_status_become_tables(plan: Plan) -> None:
    write_run("base-s0", level=10)
    write_run("base-s1", level=20, output="raw")
    write_run("negative control-s0", level=30)
    diverged = Outcome("diverged", "at step 3", "key", GIVEN, 2.0, 7.5, 80, "composite")
    write_outcome(paths.RUNS / "arm-s0" / "run.json", diverged)
    failure_file("arm-s1").parent.mkdir(parents=True)
    write_outcome(failure_file("arm-s1"), diverged._replace(status="failed", reason="no memory", joules=None))

    results = read_results(plan, links=False)

    assert results.variants["role"].to_dict() == {
        "base": "baseline",
        "arm": "arm",
        "negative control": "negative control",
    }
    assert results.variants["loss.adv"].tolist() == ["ragan", "hinge", "ragan"]
    assert results.variants["model.stream_kernels"].tolist() == ["[3,5]"] * 3

    runs = results.runs
    assert runs["status"].tolist() == ["ok", "ok", "diverged", "failed", "ok", "missing"]
    assert runs["reason"].tolist() == ["", "", "at step 3", "no memory", "", ""]
    assert runs.loc["base-s0", ["variant", "seed", "seconds", "link"]].tolist() == ["base", 0, 12.5, ""]
    assert runs.loc["arm-s0", "joules"] == 7.5
    assert np.isnan(runs.loc["base-s0", "joules"])
    assert runs.loc["base-s0", "path"] == "results/runs/base-s0"

    assert set(results.rows["run"]) == {"base-s0", "base-s1", "negative control-s0"}
    assert len(results.rows) == 3 * 2 * 2 * len(MEASURES)
    one = results.rows.query("run == 'base-s0' and train_fraction == 1.0 and metric == 'ssim'").set_index("image")[
        "value"
    ]
    assert one.to_dict() == pytest.approx({0: 10.05, 1: 11.05}), "the mean over the holes of an image"
    means = run_means(results).query("metric == 'l1'").set_index(["run", "train_fraction"])["value"]
    expected = {("base-s0", 1.0): 10.55, ("base-s0", 0.5): 9.55, ("base-s1", 1.0): 120.55, ("base-s1", 0.5): 119.55}
    assert {name: means[name] for name in expected} == pytest.approx(expected), "the raw output where it is headline"

    first = results.protocols.groupby("run", sort=False).head(1)
    assert first["output"].tolist() == ["raw"] * 3, "in the order of the file, whose first row is the headline"
    assert len(results.protocols) == 3 * 2 * len(MEASURES)


def test_a_missing_number_stays_missing_and_no_run_gives_empty_tables(plan: Plan) -> None:
    empty = read_results(plan, links=False)
    assert len(empty.rows) == len(empty.protocols) == 0
    assert list(empty.rows) == ["run", "train_fraction", "image", "metric", "value"]
    write_run("base-s0", level=10)
    file = paths.RUNS / "base-s0" / "evaluate" / "images.csv"
    table = pd.read_csv(file, keep_default_na=False)
    table.loc[0, "ssim"] = np.nan
    table.to_csv(file, index=False)
    rows = (
        read_results(plan, links=False).rows.query("train_fraction == 1.0 and image == 0").set_index("metric")["value"]
    )
    assert np.isnan(rows["ssim"]), "a mean over what happens to be there would be none of the image"
    assert rows["psnr_db"] == pytest.approx(10.05)


def test_broken_evidence_is_named(plan: Plan) -> None:
    write_run("base-s0", level=10)
    file = paths.RUNS / "base-s0" / "half" / "images.csv"
    file.write_text("image,output\n0,composite")
    with pytest.raises(UserError, match=r"half.images\.csv is no table.*\n.*sweep again"):
        read_results(plan, links=False)
    file.unlink()
    with pytest.raises(UserError, match=r"half.images\.csv cannot be read"):
        read_results(plan, links=False)


def test_runs_of_other_code_or_data_are_not_compared(plan: Plan, monkeypatch) -> None:
    def kept() -> list[str]:
        runs = read_results(plan, links=False).runs
        strangers = runs["reason"] == STRANGER
        assert (runs[strangers]["status"] == "missing").all()
        return list(runs[runs["status"] == "ok"].index)

    monkeypatch.setattr(results, "hash_code", lambda: "of another day")
    new = GIVEN._replace(code="new")
    for run, given in {"base-s0": GIVEN, "base-s1": GIVEN, "arm-s0": new}.items():
        write_run(run, level=10, given=given)
    assert kept() == ["base-s0", "base-s1"], "the code of most"
    monkeypatch.setattr(results, "hash_code", lambda: "new")
    assert kept() == ["arm-s0"], "today's code"

    for run, given in {"base-s0": new, "base-s1": new, "arm-s1": new._replace(photographs="others")}.items():
        write_run(run, level=10, given=given)
    assert kept() == ["base-s0", "base-s1", "arm-s0"]
    varied = plan.variants[1].model_copy(update={"settings": {"data.resize": "squash"}})
    plan.variants[1] = varied
    write_run("arm-s0", level=10, given=new._replace(photographs="others"))
    assert kept() == [run.id for run in plan.runs if not run.id.startswith("negative control")], "data that are varied"


def test_a_broken_outcome_counts_as_none(plan: Plan) -> None:
    write_run("base-s0", level=10)
    Path(paths.RUNS / "base-s0" / "run.json").write_text(json.dumps({"status": "ok"}))
    assert read_results(plan, links=False).runs.loc["base-s0", "status"] == "missing"
