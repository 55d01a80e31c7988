"""What surrounds every stage: params first, one at a time, errors that can be read."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from repro.errors import UserError
from repro.pipeline.shell import stage
from tiny import tiny_values

ROOT = Path(__file__).parents[2]
STAGES = ("prepare", "masks", "baselines", "train", "evaluate", "publish", "report")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    YAML().dump(tiny_values(), tmp_path / "params.yaml")
    return tmp_path


def children_cpu_s() -> float:
    """Returns the processor time of all child processes that have ended; what else the machine does is not in it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.fault("input", "params.yaml")
@pytest.mark.parametrize("name", STAGES)
def test_a_bad_value_stops_every_stage_at_once_with_one_message(project, name: str) -> None:
    YAML().dump(tiny_values({"loss.adv": "hing"}), project / "params.yaml")
    before_s = children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", f"repro.pipeline.{name}"],
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
    assert children_cpu_s() - before_s < 2.5, "two seconds of its own time"
    assert [item.name for item in project.iterdir()] == ["params.yaml"]


def start_stage() -> subprocess.Popen[str]:
    """Starts a process that prints "in" once it holds the stage `train` of this folder, until its stdin ends.

    It gives up after a minute, so that a test that fails does not hang.
    """
    code = """
import select, sys
from repro.errors import UserError
from repro.pipeline.shell import stage
with stage("train"):
    print("in", flush=True)
    select.select([sys.stdin], [], [], 60)
"""
    pipe = subprocess.PIPE
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
    )


def hold_stage() -> subprocess.Popen[str]:
    process = start_stage()
    assert process.stdout.readline() == "in\n"
    return process


def lock_of_train(project: Path) -> FileLock:
    (file,) = (project / ".repro" / "locks").glob("train-*.lock")
    return FileLock(file)


@pytest.mark.fault("at once", "stages")
def test_a_second_start_waits_for_the_first(project, capsys) -> None:
    with hold_stage() as first, start_stage() as second:
        with pytest.raises(Timeout):
            lock_of_train(project).acquire(timeout=0)
        assert second.stderr.readline() == "train: another process runs this stage here; waiting for it to end\n"
        with stage("masks"):
            assert first.poll() is None, "another stage need not wait"
        assert first.communicate()[1] == ""
        assert second.communicate()[0] == "in\n"
    assert (first.returncode, second.returncode) == (0, 0)
    with stage("train") as params:
        assert params.seed == 0
    assert capsys.readouterr().err == "", "no stage of this process had to wait"


@pytest.mark.fault("kill", "lock of a stage")
def test_a_lock_goes_with_its_process(project) -> None:
    with hold_stage() as first:
        with pytest.raises(Timeout):
            lock_of_train(project).acquire(timeout=0)
        first.kill()
    with lock_of_train(project).acquire(timeout=0):
        pass


@pytest.mark.parametrize("rank", ["0", "1"])
def test_of_several_processes_the_first_one_locks_and_speaks(project, monkeypatch, capsys, rank: str) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": "2", "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit), stage("train"):
        raise UserError("the same everywhere")
    assert bool(list((project / ".repro").glob("locks/train-*.lock"))) == (rank == "0")
    assert capsys.readouterr().err == ("train: the same everywhere\n" if rank == "0" else "")
