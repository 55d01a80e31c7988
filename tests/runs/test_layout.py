"""The runs of several frozen plans as DVC's stages: planning one study takes nothing from the others."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from case_project import DECLARED, write_mean_files, write_mean_project
from mean_case import CASE
from repro import paths
from repro.audit.study.declaration import NamedStudy, Study
from repro.audit.study.freezing import freeze
from repro.audit.study.plan import Plan
from repro.audit.study.planning import make_plan
from repro.errors import UserError
from repro.runs.generated import find_stale
from repro.runs.inputs import params_file
from repro.runs.layout import make_pipeline, planned_runs, run_params, write_runs, written_runs

OUTCOME = {"error": {"direction": "lower", "margin": 0.1, "why": "a test"}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """Returns a project, as the working folder, in which nothing is planned."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    write_mean_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(name: str, **changes: object) -> Plan:
    """Returns the frozen plan of a study."""
    study = Study.model_validate(DECLARED | {"metrics": OUTCOME} | changes)
    made = make_plan(
        NamedStudy(name, study), CASE.params, CASE.baseline(study), CASE.identify, datetime.now(UTC), CASE.metrics
    )
    return freeze(made, paths.PLANS)


def foreach(stage: str) -> dict:
    return YAML(typ="safe").load(paths.RUN_PIPELINE.read_text())["stages"][stage]["foreach"]


def ids(*plans: Plan) -> set[str]:
    return {run.id for each in plans for run in each.runs}


@pytest.mark.usefixtures("project")
def test_planning_one_study_keeps_the_runs_of_the_others_also_in_a_fresh_clone() -> None:
    first = plan("first")
    write_runs(CASE, first)
    assert set(foreach("run")) == ids(first)
    assert len(foreach("numbers")) == 1
    shutil.rmtree(paths.RUN_PARAMS)  # git holds none of it
    second = plan("second", settings={"numbers.count": 50}, seeds=1)
    write_runs(CASE, second)
    assert set(foreach("run")) == ids(first, second)
    assert len(ids(first) & ids(second)) == 0
    assert len(foreach("numbers")) == 2
    assert {file.stem for file in paths.RUN_PARAMS.glob("*-s*.yaml")} == ids(first, second)
    for key in foreach("numbers"):
        values = YAML(typ="safe").load(params_file("numbers", key).read_text())
        assert values["numbers"]["count"] in (50, 100)
        assert set(values) == {"numbers"}

    before = {file: file.stat().st_mtime_ns for file in [paths.RUN_PIPELINE, *paths.RUN_PARAMS.iterdir()]}
    write_runs(CASE, first)
    assert {file: file.stat().st_mtime_ns for file in before} == before, "what stays as it is stays untouched"
    fewer = plan("first", seeds=1)
    write_runs(CASE, fewer)
    assert set(foreach("run")) == ids(fewer, second), "a study that has changed has the runs of now"


@pytest.mark.usefixtures("project")
def test_a_plan_that_no_longer_fits_the_tree_is_refused_and_keeps_no_other_from_being_planned(capsys) -> None:
    first, second = plan("first"), plan("second", seeds=1)
    broken = first.model_copy(deep=True)
    broken.values["numbers.gone"] = 1
    with pytest.raises(UserError, match=r"numbers\.gone is not a parameter"):
        run_params(CASE, broken)
    other = first.model_copy(update={"variants": [item.model_copy(update={"id": "x"}) for item in first.variants]})
    with pytest.raises(UserError, match=r"(?s)frozen when the params were others .*repro plan"):
        run_params(CASE, other)
    file = paths.PLANS / "first.json"
    write_runs(CASE, first)
    file.write_text(file.read_text().replace('"numbers.count"', '"numbers.gone"'))
    assert set(planned_runs(CASE)[0]) == ids(second)
    with pytest.raises(UserError, match=r"first.json is no frozen plan: (?s:.*)git checkout"):
        find_stale(CASE)  # whose runs would be gone from the pipeline in silence
    write_runs(CASE, second)
    assert "runs that ablations/dvc.yaml held are left out of it: ablations/plans/first.json" in capsys.readouterr().err
    assert set(foreach("run")) == ids(second)


@pytest.mark.usefixtures("project")
def test_stages_that_name_no_runs_are_damage() -> None:
    paths.RUN_PIPELINE.write_text("stages: {run: {foreach: 1}}")
    with pytest.raises(UserError, match=r"dvc.yaml is damaged; remove it"):
        written_runs(CASE)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("put", [os.mkfifo, lambda file: file.symlink_to(file.name), lambda file: file.symlink_to("x")])
def test_what_stands_in_the_place_of_a_plan_is_not_replaced(put) -> None:
    plan("first")
    file = paths.PLANS / "first.json"
    file.unlink()
    put(file)
    with pytest.raises(UserError, match=r"first.json .*`repro plan` freezes a study once it is moved away"):
        plan("first")
    assert not file.is_file()


@pytest.mark.usefixtures("project")
def test_without_a_plan_there_is_the_code_alone() -> None:
    stages = YAML(typ="safe").load(make_pipeline(CASE, planned_runs(CASE)[0]))["stages"]
    assert list(stages) == ["code"]
    assert stages["code"]["deps"] == ["mean_case.py"]


def test_dvc_shows_no_run_as_a_parameter(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    project = write_mean_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_runs(CASE, plan("first"))

    assert project.run("-m", "dvc", "params", "diff", "--json").strip() in ("", "{}")
    listed = project.run("-m", "dvc", "stage", "list", "--name-only", str(paths.RUN_PIPELINE))
    assert listed.count("run@") == 8
