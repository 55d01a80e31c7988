"""One kept study and one bundle for the tests of this folder."""

from pathlib import Path

import pytest
from kept_on_disk import make_kept, write_kept_report

from repro.bundle.export import collect_members
from repro.kept.study import KeptStudy


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that keeps the report of its study."""
    root = tmp_path_factory.mktemp("project")
    write_kept_report(root / "reports" / "studies" / "first", make_kept(root))
    return root


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptStudy:
    return make_kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def report(project: Path) -> Path:
    return project / "reports" / "studies" / "first"


@pytest.fixture
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the current folder."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    return project


@pytest.fixture(scope="session")
def members(project: Path) -> dict[str, bytes]:
    """The members of its bundle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return collect_members(project / "reports" / "studies" / "first", Path())
