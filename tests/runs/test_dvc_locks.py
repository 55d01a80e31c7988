"""What a killed DVC leaves: locks that are told from those of live processes, and files that are half-written."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from case_project import write_mean_project
from repro.runs.dvc_locks import release_dead, set_aside_broken

PATH = "/project/data/inputs/0123456789/photographs"
SLEEP = "import time; time.sleep(60)"


@pytest.fixture(scope="module")
def repo(tmp_path_factory) -> Iterator[object]:
    from dvc.repo import Repo

    root = write_mean_project(tmp_path_factory.mktemp("project")).root
    with Repo(str(root)) as opened:
        yield opened


@pytest.fixture
def rwlock(repo) -> Iterator[Path]:
    file = Path(repo.tmp_dir) / "rwlock"
    yield file
    for left in file.parent.glob("rwlock*"):
        left.unlink()


@pytest.fixture
def processes() -> Iterator[dict[str, tuple[int, str]]]:
    """Yields number and command of a live process, a dead one, one that is not waited for, and of another program."""
    live = subprocess.Popen([sys.executable, "-c", SLEEP, "repro", "stage"])
    gone = subprocess.Popen([sys.executable, "-c", ""])
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    yield {
        "live": (live.pid, "/bin/dvc repro stage"),
        "gone": (gone.pid, "/bin/dvc repro stage"),
        "not waited for": (zombie.pid, "/bin/dvc repro stage"),
        "another program's number": (live.pid, "/bin/dvc repro other"),
    }
    live.kill()
    live.wait()
    zombie.wait()


@pytest.mark.fault("damage", "locks of dead processes")
@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize("whose", ["live", "gone", "not waited for", "another program's number"])
def test_only_locks_of_live_processes_are_kept(repo, rwlock: Path, processes, mode: str, whose: str) -> None:
    kept = whose == "live"
    pid, command = processes[whose]
    entry = {"pid": pid, "cmd": command}
    held = {"read": {}, "write": {}, mode: {PATH: [entry] if mode == "read" else entry}}
    rwlock.write_text(json.dumps(held))
    assert [(each.path, each.pid) for each in release_dead(repo)] == ([(PATH, pid)] if kept else [])
    assert json.loads(rwlock.read_text()) == (held if kept else {"read": {}, "write": {}})


@pytest.mark.fault("damage", "rwlock")
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 64, b'{"write": {"/a": {"pid"', b"[]", b'{"write": {"/a": 3}}', b'{"write": 3}', b"\xff\xfe"],
)
def test_a_half_written_file_of_locks_is_set_aside(repo, rwlock: Path, content: bytes, capsys) -> None:
    rwlock.write_bytes(content)
    assert release_dead(repo) == []
    assert not rwlock.exists()
    assert rwlock.with_name("rwlock.broken").read_bytes() == content
    assert "rwlock is set aside as rwlock.broken" in capsys.readouterr().err


@pytest.mark.usefixtures("rwlock")
def test_without_a_file_of_locks_nobody_holds_one(repo) -> None:
    assert release_dead(repo) == []


RECORDED = """schema: '2.0'
stages:
  code:
    cmd: python -m repro.runs.code
    outs:
    - path: data/inputs/code.json
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 87
"""


@pytest.mark.fault("damage", "dvc.lock")
@pytest.mark.parametrize("length", [0, 3, *range(8, len(RECORDED), 9), len(RECORDED)])
@pytest.mark.parametrize("filling", [b"", b"\0" * 40])
def test_a_record_that_is_cut_anywhere_never_stops_dvc(repo, monkeypatch, length: int, filling: bytes, capsys) -> None:
    monkeypatch.chdir(repo.root_dir)
    Path("dvc.yaml").write_text("stages:\n  code:\n    cmd: python -m repro.runs.code\n")
    Path("dvc.lock").write_bytes(RECORDED[:length].encode() + filling)
    set_aside_broken(repo, [Path("dvc.yaml")])
    assert [stage.name for stage in repo.stage.load_all("dvc.yaml")] == ["code"]
    if length == len(RECORDED) and not filling:
        assert Path("dvc.lock").is_file(), "a whole one stays"
        assert capsys.readouterr().err == ""
