"""The pipeline as DVC runs it, in a repository of its own with tiny params: cached, refused, in a temporary copy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from git_project import commit_all, git
from pipeline_project import STAGES, finished_runs, write_pipeline_project
from sweep_project import fresh_shell


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Returns a git repository with the tracked files of this one and params that take seconds."""
    root = write_pipeline_project(tmp_path_factory.mktemp("dvc") / "project")
    for key, value in (("user.name", "test"), ("user.email", "test@example.org")):
        git(root, "config", key, value)
    return root


ONE_AFTER_THE_OTHER = """
import json, sys
from dvc.cli import main
for command in json.loads(sys.argv[1]):
    code = main(command)
    print(json.dumps([command, code]), flush=True)
    if code:
        sys.exit(code)
"""
"""Commands of DVC in one process, each with its exit status on a line of its own."""


def dvc(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs DVC to its end."""
    return python(project, "-m", "dvc", *arguments)


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python as in a fresh shell."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, env=fresh_shell())


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


@pytest.mark.whole
def test_the_pipeline_from_the_first_run_to_an_experiment(project: Path) -> None:
    first = dvc(project, "repro")
    assert first.returncode == 0, first.stderr
    assert len(stages_run(first)) == len(STAGES)
    assert set(stages_run(first)) == set(STAGES), "DVC orders baselines and train as it likes: neither needs the other"
    assert (project / "reports/build/replication_report.html").is_file()
    assert json.loads((project / "results/evaluate/metrics.json").read_text())["psnr_hole_db"] > 0
    assert finished_runs(project) == 1

    assert dvc(project, "status").stdout == "Data and pipelines are up to date.\n"
    for compiled in project.rglob("__pycache__"):
        shutil.rmtree(compiled)
    again = dvc(project, "repro")
    assert again.returncode == 0, again.stderr
    assert stages_run(again) == [], "also without byte code, which is no dependency"

    commit_all(project)
    refused = dvc(project, "exp", "run", "-S", "loss.adv=hing")
    assert refused.returncode != 0
    assert "train: params.yaml: loss.adv is hing; allowed: ralsgan, " in refused.stderr
    assert stages_run(refused) == ["train"]
    subprocess.run(["git", "checkout", "-q", "params.yaml"], cwd=project, check=True)

    variant = dvc(project, "exp", "run", "--temp", "-S", "loss.adv=hinge", "publish")
    assert variant.returncode == 0, variant.stderr
    assert stages_run(variant) == ["train", "evaluate", "publish"]
    assert finished_runs(project) == 2, "the index lies in the original project, also from a temporary copy"

    (name,) = dvc(project, "exp", "list", "--name-only").stdout.split()
    remote = project.parent / "remote"
    commands = [
        *(["exp", "apply", name], ["checkout"], ["remote", "add", "--local", "--default", "here", str(remote)]),
        *(["push"], ["gc", "--workspace", "--force"], ["pull"]),
    ]
    done = python(project, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {json.dumps([command, 0]) for command in commands} <= set(done.stdout.splitlines())
    assert any(remote.rglob("*.dir"))
