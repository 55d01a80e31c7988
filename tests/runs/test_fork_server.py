"""Runs that are forked from what has loaded their code: the bits of a command, and no more ties to each other."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.runs.fork_server import ForkServer
from sweep_project import Project, children_of, kill, read_untimed, wait_for

CASE = """
from types import SimpleNamespace
CASE = SimpleNamespace(preload={preload}, code=[], vocabulary=[])
"""
COMMAND = """
import sys
from pathlib import Path
Path(sys.argv[1]).write_text("a command of its own")
sys.stdin.read()
"""
"""What a run starts that is not forked; one that is forked finds no params here, and says so."""
THREADED = """
import threading, time
threading.Thread(target=time.sleep, args=[60], daemon=True).start()
"""
TIMES = ("seconds", "joules")


@pytest.fixture
def start(tmp_path: Path, monkeypatch) -> Iterator[Callable[[list[str]], ForkServer]]:
    """Returns what starts a server for a case that names the modules to load."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "pyproject.toml").write_text('[tool.repro]\ncase = "small_case:CASE"\n')
    (tmp_path / "command.py").write_text(COMMAND)
    (tmp_path / "slow.py").write_text("")
    (tmp_path / "threaded.py").write_text(THREADED)
    (tmp_path / ".repro" / "runs").mkdir(parents=True)
    servers = []

    def start_server(preload: list[str]) -> ForkServer:
        (tmp_path / "small_case.py").write_text(CASE.format(preload=preload))
        servers.append(ForkServer((sys.executable, "command.py"), 1))
        return servers[-1]

    yield start_server
    for server in servers:
        server.stop()


def end_of(server: ForkServer) -> list[tuple[str, int | None]]:
    ended: list[tuple[str, int | None]] = []
    wait_for(lambda: ended.extend(server.ended()) or ended)
    return ended


def test_a_run_is_forked_until_a_file_that_was_loaded_changes(start, tmp_path: Path) -> None:
    server = start(["slow"])
    server.start("forked")
    assert end_of(server) == [("forked", 1)]
    assert "load_run_params" in (tmp_path / ".repro" / "runs" / "forked.log").read_text()
    assert not Path("forked").exists()
    (tmp_path / "slow.py").write_text("OTHER = 1\n")
    server.start("fresh")
    wait_for(Path("fresh").exists)


@pytest.mark.parametrize("preload", [[], ["no_such_module"], ["threaded"]])
def test_a_run_starts_its_command_where_nothing_can_be_shared(start, preload: list[str]) -> None:
    server = start(preload)
    server.start("fresh")
    wait_for(Path("fresh").exists)


@pytest.mark.fault("kill", "server of runs")
def test_runs_end_with_their_server_and_are_told_of(start) -> None:
    server = start([])
    for run in ("one", "two"):
        server.start(run)
        wait_for(Path(run).exists)
    runs = children_of(server.pid)
    assert len(runs) == 2
    kill(runs[0])
    assert end_of(server) == [("one", -9)]
    kill(server.pid)
    assert end_of(server) == [("two", None)]
    assert not server.is_alive
    assert server.running == []
    wait_for(lambda: not Path(f"/proc/{runs[1]}").exists(), seconds=5)


@pytest.mark.whole
def test_a_forked_run_has_the_bits_of_a_command(undisturbed: Project, tmp_path: Path) -> None:
    """That the runs of a sweep are forked is shown with the sweep that is killed."""
    project = Project(tmp_path / "project")
    shutil.copytree(undisturbed.root, project.root, ignore=shutil.ignore_patterns("results", "mlruns", "mlflow.db*"))
    (tmp_path / "photographs").symlink_to(undisturbed.root.parent / "photographs")
    forked = min((undisturbed.root / "results" / "runs").iterdir())
    project.run("-m", "repro.runs.run", forked.name)
    found, wanted = contents(project.root / "results" / "runs" / forked.name), contents(forked)
    assert found == wanted
    assert "train/checkpoint.pt" in found


def contents(folder: Path) -> dict[str, object]:
    """Returns the bytes of every file of a run, and records without what clocks and meters say."""
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    return {name: _untimed(file) if file.suffix == ".json" else read_untimed(file) for name, file in files.items()}


def _untimed(file: Path) -> object:
    return {name: value for name, value in json.loads(file.read_text()).items() if name not in TIMES}
