"""The pipeline as DVC runs it, in a repository of its own with tiny params: cached, refused, in a temporary copy."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from git_project import commit_all, git
from prepared_on_disk import on_disk_params, write_photographs

ROOT = Path(__file__).parent.parent
STAGES = {"prepare", "masks", "baselines", "train", "evaluate", "publish", "report"}
LENGTH = {
    "training.steps": 2,
    "training.log_every_steps": 1,
    "training.validate_every_steps": 1,
    "training.checkpoint_every_steps": 1,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Returns a git repository with the tracked files of this one and params that take seconds."""
    root = tmp_path_factory.mktemp("dvc") / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, listed):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    YAML().dump(on_disk_params(write_photographs(root.parent / "photographs"), LENGTH).resolved(), root / "params.yaml")
    commit_all(root)
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
    """Runs DVC as in a fresh shell, byte code written and one thread."""
    return python(project, "-m", "dvc", *arguments)


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "PYTEST_"))
    }
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, env=environment)


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def finished_runs(project: Path) -> int:
    with sqlite3.connect(project / "mlflow.db") as database:
        (count,) = database.execute("select count(*) from runs where status = 'FINISHED'").fetchone()
    database.close()
    return int(count)


def test_the_pipeline_from_the_first_run_to_an_experiment(project: Path) -> None:
    first = dvc(project, "repro")
    assert first.returncode == 0, first.stderr
    assert len(stages_run(first)) == len(STAGES)
    assert set(stages_run(first)) == STAGES, "DVC orders baselines and train as it likes: neither needs the other"
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
