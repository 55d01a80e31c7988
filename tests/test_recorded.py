"""Results against DVC's own record of them, made by DVC itself."""

import os
import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from git_project import commit_all
from repro.errors import UserError
from repro.recorded import LOCK, check_recorded

PIPELINE = """\
stages:
  one:
    cmd:
    - mkdir -p results/deep/er && echo 1 > results/deep/er/a
    - echo 2 > results/deep/b && echo 3 > results/figures.json
    outs:
    - results/deep
    metrics:
    - results/figures.json:
        cache: false
"""
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC's own
NAMES = ("deep/er/a", "deep/b", "figures.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Returns a project of DVC that has made its outputs; not to be changed."""
    root = tmp_path_factory.mktemp("recorded") / "project"
    root.mkdir()
    (root / "dvc.yaml").write_text(PIPELINE)
    commit_all(root)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        patched.delenv("DVC_ROOT", raising=False)
        with Repo.init() as repo:
            repo.reproduce()
    return root


@pytest.fixture
def results(made: Path, tmp_path, monkeypatch) -> Path:
    shutil.copytree(made, tmp_path / "project", ignore=shutil.ignore_patterns(".git", ".dvc"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project" / "results"


def check(results: Path, *names: str) -> None:
    check_recorded(results, names, LOCK.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_bit_that_only_the_disk_has_changed_is_found(results: Path, name: str) -> None:
    check(results, *NAMES, "never/recorded.csv")
    file = results / name
    before, content = file.stat(), bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # as no program would leave it
    with pytest.raises(UserError, match="is not what DVC has recorded of it\n  `dvc repro` makes it again"):
        check(results, name)


def test_a_file_more_in_a_recorded_folder_is_found(results: Path) -> None:
    (results / "deep" / "c").write_text("")
    check(results, "figures.json")
    with pytest.raises(UserError, match="deep is not what DVC has recorded"):
        check(results, "deep/b")


@pytest.mark.parametrize("lock", ["", "stages:", "stages: [1]", "{", "stages: {one: {outs: [{path: results/deep}]}}"])
def test_a_broken_lock_file_has_recorded_nothing(tmp_path: Path, lock: str) -> None:
    (tmp_path / "deep").mkdir()
    check_recorded(tmp_path, ["deep/b"], lock)
