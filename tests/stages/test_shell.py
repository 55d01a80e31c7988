"""What surrounds every stage: params first, one at a time, errors that can be read."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from repro.stages.shell import stage
from tiny import tiny_values

ROOT = Path(__file__).parents[2]
STAGES = ("prepare", "masks", "baselines", "train", "evaluate", "publish", "report")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    YAML().dump(tiny_values(), tmp_path / "params.yaml")
    return tmp_path


@pytest.mark.parametrize("name", STAGES)
def test_a_bad_value_stops_every_stage_at_once_with_one_message(project, name: str) -> None:
    YAML().dump(tiny_values({"loss.adv": "hing"}), project / "params.yaml")
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"repro.stages.{name}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{name}: params.yaml: loss.adv is hing; allowed: ralsgan, ")
    assert len(done.stderr.splitlines()) == 2
    assert time.monotonic() - started < 4, "two seconds on a machine that does nothing else"
    assert [item.name for item in project.iterdir()] == ["params.yaml"]


def hold_stage(seconds: float) -> subprocess.Popen[str]:
    """Starts a process that holds the stage `train` of this folder, and returns once it does."""
    code = "import time; from repro.stages.shell import stage\nwith stage('train'):\n    print('in', flush=True)"
    command = [sys.executable, "-c", f"{code}; time.sleep({seconds})"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


@pytest.mark.usefixtures("project")
def test_a_second_start_waits_for_the_first() -> None:
    first = hold_stage(1.5)
    started = time.monotonic()
    with stage("masks"):
        assert time.monotonic() - started < 0.5, "another stage need not wait"
    with stage("train") as params:
        assert params.seed == 0
        assert time.monotonic() - started > 0.5
    assert first.wait() == 0
    first.stdout.close()


@pytest.mark.usefixtures("project")
def test_a_lock_goes_with_its_process() -> None:
    first = hold_stage(60)
    first.kill()
    first.wait()
    first.stdout.close()
    started = time.monotonic()
    with stage("train"):
        assert time.monotonic() - started < 1
