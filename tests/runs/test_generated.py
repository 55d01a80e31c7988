"""What is derived and yet kept in files: only the code below `deps` of a dvc.yaml is replaced."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mean_case import CASE
from repro import paths
from repro.errors import UserError
from repro.runs.generated import find_stale, update_dependencies, write_generated

TESTS = Path(__file__).parents[1]
PIPELINE = """\
# What people wrote.
vars:
- other.yaml

stages:
  # of the first
  first:
    cmd: python -m stages.first --fast  # quickly
    desc: >-
      A long text, which
      stays as it is.
    deps:
    - data/raw  # not code
    - stages/gone.py
    - stages/notes.css
    params:
    - numbers
    outs:
    - data/made:
        cache: false  # git holds it
  shell:
    cmd: cp data/made data/copy
    deps:
    - stages/first.py
  second:
    cmd: python -m stages.second
  active:
    cmd: python -m repro.runs.active
    deps:
    - data/made
plots:
- data/made:
    x: step
"""
CODE = {
    "stages/__init__.py": "",
    "stages/first.py": "from stages import shared\n",
    "stages/shared.py": "",
    "stages/second.py": "import mean_case\n",
    "stages/notes.css": "",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """Returns a project with a pipeline of its own, as the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "stages").mkdir()
    for name, source in CODE.items():
        (tmp_path / name).write_text(source)
    shutil.copy(TESTS / "mean_case.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.repro]\ncase = "mean_case:CASE"\n')
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    return tmp_path


def stages(text: str) -> dict:
    return YAML(typ="safe").load(text)["stages"]


@pytest.mark.usefixtures("project")
def test_stages_depend_on_what_their_module_imports() -> None:
    found = {name: body.get("deps") for name, body in stages(update_dependencies(CASE, PIPELINE)).items()}
    package = ["stages/__init__.py", "stages/first.py", "stages/notes.css", "stages/shared.py"]
    assert found["first"] == ["data/raw", *package]
    assert found["second"] == ["mean_case.py", "stages/__init__.py", "stages/notes.css", "stages/second.py"]
    assert found["shell"] == ["stages/first.py"], "a command that is no module of Python is left alone"
    assert found["active"] == ["data/made", "mean_case.py"], "a module of the toolkit: the case and its runs"


@pytest.mark.usefixtures("project")
def test_comments_and_other_keys_are_kept() -> None:
    text = update_dependencies(CASE, PIPELINE)
    for kept in ("# What people wrote.", "# of the first", "# quickly", "# git holds it", "A long text, which"):
        assert kept in text
    before, after = (YAML(typ="safe").load(item) for item in (PIPELINE, text))
    for pipeline in (before, after):
        for name in ("first", "second", "active"):
            pipeline["stages"][name].pop("deps", None)
    assert before == after
    before, after = (
        [line for line in item.splitlines() if line.strip() and not line.lstrip().startswith(("- ", "deps:"))]
        for item in (PIPELINE, text)
    )
    assert before == after, "in the same order, under the same comments"


@pytest.mark.usefixtures("project")
def test_a_second_time_nothing_changes() -> None:
    once = update_dependencies(CASE, PIPELINE)
    assert update_dependencies(CASE, once) == once
    assert once != PIPELINE


def test_generated_files_are_written_once_and_made_again_where_they_differ(project: Path) -> None:
    everything = {paths.SCHEMA, paths.LEDGER, Path("dvc.yaml")}
    assert set(write_generated(CASE)) == everything
    assert write_generated(CASE) == []
    (project / paths.LEDGER).unlink()
    (project / "stages" / "shared.py").write_text("import stages.second\n")
    assert set(find_stale(CASE)) == {paths.LEDGER, Path("dvc.yaml")}
    (project / "stages" / "shared.py").write_text("'''A docstring.'''\n")
    assert write_generated(CASE) == [paths.LEDGER]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"stages: [", b"stages: 1"])
def test_generated_files_that_are_damaged_are_made_again_and_a_pipeline_is_refused(project: Path, content) -> None:
    write_generated(CASE)
    (project / paths.SCHEMA).write_bytes(content)
    assert write_generated(CASE) == [paths.SCHEMA]
    paths.RUN_PIPELINE.write_bytes(content)
    with pytest.raises(UserError, match=r"ablations/dvc.yaml is damaged; remove it"):
        find_stale(CASE)
    paths.RUN_PIPELINE.unlink()
    (project / "dvc.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"dvc.yaml is no pipeline: expected stages\n  get it back by: git checkout"):
        find_stale(CASE)


def test_a_project_without_a_pipeline_needs_none(project: Path) -> None:
    (project / "dvc.yaml").unlink()
    assert Path("dvc.yaml") not in find_stale(CASE)


def test_what_a_notebook_imports_belongs_to_its_stage(project: Path) -> None:
    (project / "report.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "source": ["import stages.shared\\n", "x = 1"]},'
        ' {"cell_type": "markdown", "source": ["import stages.second"]}]}'
    )
    text = "stages:\n  report:\n    cmd: python -m mean_case\n    deps:\n    - report.ipynb\n"
    (found,) = stages(update_dependencies(CASE, text)).values()
    package = ["stages/__init__.py", "stages/notes.css", "stages/shared.py"]
    assert found["deps"] == ["mean_case.py", "report.ipynb", *package]
