"""The lock file of the runs, in a repository of DVC's own with stages that run no code."""

import errno
import shutil
from pathlib import Path

import pytest
from dvc.exceptions import CacheLinkError, DvcException
from dvc.repo import Repo
from dvc.stage.cache import StageCache
from ruamel.yaml import YAML

from repro import paths
from repro.errors import UserError
from repro.runs.dvc_stages import LOCK_FILE, bring_back, find_changed, record

PIPELINE = """\
stages:
  run:
    foreach: [RUNS]
    do:
      cmd: "true"
      wdir: ..
      deps:
      - input
      outs:
      - results/${item}
"""


def plan(*runs: str) -> None:
    """Writes the pipeline of some runs, whose results are there."""
    for run in runs:
        Path("results", run).mkdir(parents=True, exist_ok=True)
        Path("results", run, "value").write_text(run)
    write_pipeline(*runs)


def write_pipeline(*runs: str) -> None:
    paths.RUN_PIPELINE.write_text(PIPELINE.replace("RUNS", ", ".join(runs)))


def locked() -> dict[str, dict]:
    """Returns the entries of the lock file."""
    return YAML(typ="safe").load(LOCK_FILE.read_text())["stages"]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Repo.init(no_scm=True).close()
    paths.RUN_PIPELINE.parent.mkdir()
    Path("input").write_text("1")


def test_a_run_that_no_plan_has_any_more_leaves_the_lock_file_when_another_is_recorded() -> None:
    plan("a-s0", "a-s1", "b-s0")
    record(["run@a-s0", "run@a-s1", "run@b-s0"])
    before = locked()
    assert set(before) == {"run@a-s0", "run@a-s1", "run@b-s0"}

    plan("a-s1", "b-s0", "c-s0")
    record(["run@c-s0"])
    assert set(locked()) == {"run@a-s1", "run@b-s0", "run@c-s0"}
    assert {name: locked()[name] for name in ("run@a-s1", "run@b-s0")} == {
        name: before[name] for name in ("run@a-s1", "run@b-s0")
    }
    assert find_changed(["run@a-s1", "run@b-s0", "run@c-s0"]) == []

    shutil.rmtree("results/a-s0")
    write_pipeline("a-s0", "a-s1")
    assert bring_back(["run@a-s0"]) == ["run@a-s0"], "planned again, it comes from DVC's cache"
    assert Path("results/a-s0/value").read_text() == "a-s0"
    assert locked()["run@a-s0"] == before["run@a-s0"]


def test_a_run_of_the_plan_that_has_not_been_made_again_keeps_its_entry() -> None:
    plan("a-s0", "a-s1")
    record(["run@a-s0", "run@a-s1"])
    Path("input").write_text("2")
    record(["run@a-s1"])
    assert set(locked()) == {"run@a-s0", "run@a-s1"}
    assert find_changed(["run@a-s0", "run@a-s1"]) == ["run@a-s0"]


def test_what_the_system_refuses_is_told_and_not_what_dvc_makes_of_it(monkeypatch) -> None:
    """On a full disk DVC says that it knows no way to link files."""
    plan("a-s0")
    record(["run@a-s0"])
    shutil.rmtree("results")

    def refuse(*_: object, **__: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "results/a-s0")
        except OSError:
            raise CacheLinkError(["results/a-s0"])  # noqa: B904 - as DVC does

    monkeypatch.setattr(StageCache, "restore", refuse)
    with pytest.raises(OSError, match="No space left on device"):
        bring_back(["run@a-s0"])


def test_what_dvc_says_has_no_colours(monkeypatch) -> None:
    plan("a-s0")
    record(["run@a-s0"])

    def refuse(*_: object, **__: object) -> None:
        raise DvcException("\x1b[36mnot\x1b[39m so")

    monkeypatch.setattr(StageCache, "restore", refuse)
    with pytest.raises(UserError, match="DVC: not so"):
        bring_back(["run@a-s0"])
