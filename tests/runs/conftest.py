"""Projects for the tests that need one: one whose sweep has ended undisturbed, and fresh ones."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from sweep_project import Project, write_project


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """Returns a planned project whose undisturbed sweep has ended; all workers of pytest share it."""
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) / "sweep" / "undisturbed"
    root.parent.mkdir(exist_ok=True)
    with FileLock(root.parent / "lock"):
        if not (root / "results").is_dir():
            shutil.rmtree(root, ignore_errors=True)
            write_project(root)
    return root


@pytest.fixture(scope="session")
def undisturbed(template: Path) -> Project:
    """Returns a project whose sweep nothing has disturbed; not to be changed."""
    return Project(template)


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    """Returns a project with photographs and holes, of which no run has been run."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns("results", "mlruns", "mlflow.db*", "tmp", ".repro")
    shutil.copytree(template, root, ignore=ignored)
    shutil.rmtree(root / ".dvc" / "cache" / "runs")  # from which DVC would bring runs back
    yaml = YAML(typ="safe")
    recorded = yaml.load(lock_file := root / "ablations" / "dvc.lock")
    recorded["stages"] = {name: stage for name, stage in recorded["stages"].items() if not name.startswith("run@")}
    yaml.dump(recorded, lock_file)
    (tmp_path / "photographs").symlink_to(template.parent / "photographs")
    return Project(root)
