"""What git says is asked for in a way that no setting changes, and where it refuses, that is passed on."""

import os
import stat
from pathlib import Path

import pytest

from git_project import commit_all, git
from repro import paths
from repro.errors import UserError
from repro.revisions import commit_revision, committed_at, committed_params, experiments, head

DUBIOUS = """fatal: detected dubious ownership in repository at '/audit'
To add an exception for this directory, call:

\tgit config --global --add safe.directory /audit"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Returns a repository with one experiment, as the working folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / paths.PARAMS).write_text("seed: 7\nname: Größe\n", encoding="utf-8")
    commit_all(root)
    commit = git(root, "rev-parse", "HEAD")
    git(root, "update-ref", f"refs/exps/{commit[:2]}/{commit[2:]}/brave", commit)
    monkeypatch.chdir(root)
    return root


def answers() -> tuple:
    commit = head()
    return commit, committed_at(commit), committed_params(commit), list(experiments()), commit_revision("HEAD").commit


@pytest.mark.parametrize(
    "setting",
    [
        *("log.showSignature=true", "color.ui=always", "core.pager=cat -A", "pager.log=true", "log.date=iso"),
        *("format.pretty=fuller", "diff.external=false", "i18n.logOutputEncoding=latin1", "log.decorate=full"),
    ],
)
def test_no_setting_of_git_changes_what_is_read(project, setting) -> None:
    expected = answers()
    assert expected[0] == git(project, "rev-parse", "HEAD")
    assert expected[1] > 1_700_000_000
    assert expected[2] == {"seed": 7, "name": "Größe"}
    assert [item.label.split("/")[1] for item in expected[3]] == ["brave"]
    git(project, "config", *setting.split("=", 1))
    assert answers() == expected


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_PAGER", "LANG"])
@pytest.mark.usefixtures("project")
def test_no_variable_leads_to_another_repository(tmp_path, monkeypatch, variable) -> None:
    expected = answers()
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert answers() == expected


@pytest.fixture
def refused(project, tmp_path, monkeypatch) -> Path:
    """A git that refuses the repository, as the one of another user."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\ncat >&2 <<"SAID"\n{DUBIOUS}\nSAID\nexit 128\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    return project


@pytest.mark.usefixtures("refused")
def test_experiments_of_a_repository_that_git_refuses_are_not_taken_for_none() -> None:
    for ask in (lambda: list(experiments()), lambda: commit_revision("HEAD")):
        with pytest.raises(
            UserError, match=r"git refuses this repository: fatal: detected dubious ownership"
        ) as caught:
            ask()
        assert "git config --global --add safe.directory /audit" in str(caught.value)


@pytest.mark.usefixtures("refused")
def test_results_are_published_without_a_commit_and_this_is_said(capsys) -> None:
    assert head() is None
    assert "git config --global --add safe.directory /audit" in capsys.readouterr().err


def test_a_folder_without_git_has_no_commit_and_says_nothing(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert head() is None
    assert list(experiments()) == []
    assert capsys.readouterr().err == ""
