"""Evidence on disk as long tables, against hand-made runs whose means are known."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro import paths
from repro.audit.statistics.results import Results, run_means
from repro.audit.study.plan import Plan, Run, Variant
from repro.case import ProtocolRow, Row
from repro.cases.medfe.case import CASE
from repro.checksums import write_checksums
from repro.errors import UserError
from repro.runs import collection
from repro.runs.collection import STRANGER
from repro.runs.record import Given, RunRecord, failure_file, write_evidence, write_record
from repro.runs.tables import write_protocol_rows, write_rows

METRICS = [metric.name for metric in CASE.metrics]
GIVEN = Given("code", {"photographs": "p", "holes": "h"})


def write_run(run: str, level: float, given: Given = GIVEN) -> None:
    """Writes two units; each metric is level + unit, and one less after half of the training."""
    folder = paths.RUNS / run
    rows = [
        Row(unit, metric, level + unit - (fraction < 1), fraction)
        for fraction in (1.0, 0.5)
        for metric in METRICS
        for unit in range(2)
    ]
    write_rows(rows, METRICS, folder / paths.ROWS)
    protocols = [ProtocolRow({"output": shown}, metric, level) for shown in ("raw", "composite") for metric in METRICS]
    write_protocol_rows(protocols, folder / paths.PROTOCOL_ROWS)
    write_evidence(folder, RunRecord("ok", "", "key", given, 12.5, None))


def read_results(plan: Plan) -> Results:
    return collection.read_results(CASE, plan, links=False)


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
    write_run("base-s1", level=20)
    write_run("negative control-s0", level=30)
    diverged = RunRecord("diverged", "at step 3", "key", GIVEN, 2.0, 7.5)
    (paths.RUNS / "arm-s0").mkdir()
    write_evidence(paths.RUNS / "arm-s0", diverged)
    write_record(failure_file("arm-s1"), diverged._replace(status="failed", reason="no memory", joules=None))

    results = read_results(plan)

    roles = {"base": "baseline", "arm": "arm", "negative control": "negative control"}
    assert results.variants["role"].to_dict() == roles
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
    assert len(results.rows) == 3 * 2 * 2 * len(METRICS)
    one = results.rows.query("run == 'base-s0' and train_fraction == 1.0 and metric == 'ssim'").set_index("unit")
    assert one["value"].to_dict() == {0: 10.0, 1: 11.0}
    means = run_means(results).query("metric == 'l1'").set_index(["run", "train_fraction"])["value"]
    expected = {("base-s0", 1.0): 10.5, ("base-s0", 0.5): 9.5, ("base-s1", 1.0): 20.5, ("base-s1", 0.5): 19.5}
    assert {name: means[name] for name in expected} == expected

    first = results.protocols.groupby("run", sort=False).head(1)
    assert first["output"].tolist() == ["raw"] * 3, "in the order of the file, whose first row is the headline"
    assert len(results.protocols) == 3 * 2 * len(METRICS)


def test_a_missing_number_stays_missing_and_no_run_gives_empty_tables(plan: Plan) -> None:
    empty = read_results(plan)
    assert len(empty.rows) == len(empty.protocols) == 0
    assert list(empty.rows) == ["run", "train_fraction", "unit", "metric", "value"]
    write_run("base-s0", level=10)
    file = paths.RUNS / "base-s0" / paths.ROWS
    table = pd.read_csv(file, keep_default_na=False)
    table.loc[table["metric"] == "ssim", "value"] = np.nan
    table.to_csv(file, index=False)
    write_checksums(file.parent)
    rows = read_results(plan).rows.query("train_fraction == 1.0 and unit == 0").set_index("metric")["value"]
    assert np.isnan(rows["ssim"])
    assert rows["psnr_db"] == 10.0


def test_a_unit_called_na_is_one(plan: Plan) -> None:
    rows = [Row(unit, "psnr_hole_db", 1.0) for unit in ("NA", "null")]
    write_rows(rows, METRICS, paths.RUNS / "base-s0" / paths.ROWS)
    write_evidence(paths.RUNS / "base-s0", RunRecord("ok", "", "key", GIVEN, 1.0, None))
    assert read_results(plan).rows["unit"].tolist() == ["NA", "null"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "nothing at the end"),
        ([Row(0, "ssim", 1.0, 0.5)], "nothing at the end"),
        ([Row(0, "beauty", 1.0)], "beauty, which is no metric of the case"),
        ([Row(0, "ssim", 1.0), Row(0, "ssim", 2.0)], "twice"),
    ],
)
def test_a_run_that_measures_what_it_should_not_is_refused(rows, said, tmp_path) -> None:
    with pytest.raises(UserError, match=said):
        write_rows(rows, METRICS, tmp_path / paths.ROWS)
    assert not (tmp_path / paths.ROWS).exists()


DAMAGED: list[tuple[bytes | None, str]] = [
    (b"unit,metric\n0,ssim", "rows.csv is no table"),
    (b"unit,metric\n0,ssim\n", "no table of a run"),
    (b"unit,metric,value,train_fraction\n0,ssim,1,0.5\n0,ss", "rows.csv is no table"),
    (b"unit,metric,value,train_fraction\n0,ssim,x,1\n", "no table of a run"),
    (b"unit,metric,value,train_fraction\n0,ssim,1,\0\0\n", "no table of a run"),
    (b'unit,metric,value,train_fraction\n0,"ssim,1,1\n', "no table of a run"),
    (b"", "rows.csv is no table"),
    (b"\0" * 4096, "rows.csv is no table"),
    (b"\xff\xfe\n\xff\n", "no table of a run"),
    (None, "rows.csv cannot be read"),
]
"""What a disk, a kill or an editor may make of the rows of a run; None: they are gone."""


@pytest.mark.fault("damage", "table of a run")
@pytest.mark.parametrize(("content", "said"), DAMAGED)
def test_a_run_with_damaged_rows_is_left_out_with_its_reason(plan: Plan, content: bytes | None, said: str) -> None:
    for run, level in (("base-s0", 10), ("base-s1", 12)):
        write_run(run, level=level)
    sound = read_results(plan)
    file = paths.RUNS / "base-s0" / paths.ROWS
    file.unlink() if content is None else file.write_bytes(content)
    damaged = read_results(plan)
    assert re.search("damaged: its SHA-256|cannot be checked", damaged.runs.loc["base-s0", "reason"])
    write_checksums(file.parent)  # as of a table that a case has written so
    found = read_results(plan)
    assert set(found.rows["run"]) == {"base-s1"}
    assert found.runs.loc["base-s0", "status"] == "missing"
    assert said in found.runs.loc["base-s0", "reason"]
    assert "sweep again" in found.runs.loc["base-s0", "reason"]
    kept = sound.rows[sound.rows["run"] == "base-s1"].reset_index(drop=True)
    assert found.rows.reset_index(drop=True).equals(kept)


def test_runs_of_other_code_or_data_are_not_compared(plan: Plan, monkeypatch) -> None:
    def kept() -> list[str]:
        runs = read_results(plan).runs
        strangers = runs["reason"] == STRANGER
        assert (runs[strangers]["status"] == "missing").all()
        return list(runs[runs["status"] == "ok"].index)

    monkeypatch.setattr(collection, "hash_code", lambda _: "of another day")
    new = GIVEN._replace(code="new")
    others = new._replace(inputs=new.inputs | {"photographs": "others"})
    for run, given in {"base-s0": GIVEN, "base-s1": GIVEN, "arm-s0": new}.items():
        write_run(run, level=10, given=given)
    assert kept() == ["base-s0", "base-s1"], "the code of most"
    monkeypatch.setattr(collection, "hash_code", lambda _: "new")
    assert kept() == ["arm-s0"], "today's code"

    for run, given in {"base-s0": new, "base-s1": new, "arm-s1": others}.items():
        write_run(run, level=10, given=given)
    assert kept() == ["base-s0", "base-s1", "arm-s0"]
    varied = plan.variants[1].model_copy(update={"settings": {"data.resize": "squash"}})
    plan.variants[1] = varied
    write_run("arm-s0", level=10, given=others)
    assert kept() == [run.id for run in plan.runs if not run.id.startswith("negative control")], "data that are varied"


@pytest.mark.fault("damage", "record of a run")
def test_a_broken_record_counts_as_none(plan: Plan) -> None:
    write_run("base-s0", level=10)
    Path(paths.RUNS / "base-s0" / paths.RUN).write_text(json.dumps({"status": "ok"}))
    assert read_results(plan).runs.loc["base-s0", "status"] == "missing"
