"""The sweep on a Ray cluster of two nodes on the loopback address, of which workers and nodes are killed."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from case_project import STUDY, slow_down, write_mean_project
from fault_table import Tried
from killing import contents_of_runs, forget
from sweep_project import TIMEOUT_S, Project, is_run, kill, wait_for

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on Linux too: then Ray keeps to the loopback address
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an optional extra: uv sync --extra cluster")


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Iterator[Any]:
    """Yields two nodes with one processor each; what they write goes to folders of this test."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # its sockets need a short name
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    assert nodes.address.startswith("127.0.0.1:")
    yield nodes
    nodes.shutdown()


def runs_below(folder: Path) -> list[int]:
    """Returns the processes that make a run somewhere below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if is_run(int(process.name)) and (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def is_held(lock: Path) -> bool:
    """Tells whether another process has a lock file."""
    try:
        FileLock(lock).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


def parent_of(process: int) -> int:
    """Returns the process that has started another one."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.fault("kill")
@pytest.mark.whole
def test_a_killed_worker_and_a_killed_node_lose_no_run(
    cluster: Any, project: Project, undisturbed: Project, tmp_path: Path, tried: Tried
) -> None:
    sweep = project.start_sweep(RAY_ADDRESS=cluster.address)
    wait_for(lambda: runs_below(tmp_path))
    assert any(map(is_held, (project.root / ".repro" / "locks").glob("run-*.lock"))), "no other sweep makes it"
    (victim, *_) = runs_below(tmp_path)
    kill(parent_of(victim))
    wait_for(lambda: victim not in runs_below(tmp_path))
    wait_for(lambda: len(runs_below(tmp_path)) == 2 or project.tables())
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    said, _ = sweep.communicate(timeout=TIMEOUT_S)
    assert sweep.returncode == 0, said
    assert "3 of 3 done" in said.splitlines()[-1]
    assert project.tables() == undisturbed.tables()
    assert "0 of 3 runs" in project.sweep("--dry-run"), "DVC has recorded them"
    for what in ("Ray worker", "Ray node"):
        tried(identical=True, what=what)


def kill_on_the_way(
    sweep: subprocess.Popen[str], cluster: Any, folder: Path, drawn: random.Random, *, node: bool
) -> bool:
    """Kills a node, or the worker of a run, some time after the first run has begun; tells whether there was one."""
    wait_for(lambda: runs_below(folder) or sweep.poll() is not None)
    time.sleep(drawn.uniform(0, 3))
    wait_for(lambda: runs_below(folder) or sweep.poll() is not None)
    if sweep.poll() is not None:
        return False
    if node:
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        return True
    try:
        kill(parent_of(drawn.choice(runs_below(folder))))
    except (IndexError, OSError):
        return False  # it has ended meanwhile
    return True


@pytest.mark.long
@pytest.mark.fault("kill")
def test_workers_and_nodes_killed_at_random_lose_no_run(
    cluster: Any, tmp_path: Path, kills: dict[str, int], tried: Tried
) -> None:
    project = write_mean_project(tmp_path / "project")
    slow_down(project, input_s=0.1, run_s=0.5)
    project.run("-m", "repro", "plan", STUDY)
    project.run("-m", "repro", "sweep", STUDY)
    wanted, drawn = contents_of_runs(project), random.Random(0)
    killed = 0
    while killed < kills["Ray"]:
        node = bool(killed % 2)
        forget(project.root)
        sweep = project.start("-m", "repro", "sweep", STUDY, RAY_ADDRESS=cluster.address)
        hit = kill_on_the_way(sweep, cluster, tmp_path, drawn, node=node)
        said, _ = sweep.communicate(timeout=TIMEOUT_S)
        held, identical = sweep.returncode == 0, contents_of_runs(project) == wanted
        if hit:
            tried(held=held, identical=identical, what="Ray node" if node else "Ray worker")
            killed += 1
        assert held, said
        assert identical
        if hit and node:
            cluster.add_node(num_cpus=1)
