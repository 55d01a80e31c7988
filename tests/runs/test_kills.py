"""Sweeps of which a process is killed: no process is left, the same command goes on, and the bits are the same.

`pytest -n 0 -m fault tests/runs/test_kills.py` kills many at random, and prints a table.
"""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from case_project import STUDY, slow_down, write_mean_project
from fault_table import Tried
from killing import contents_of_runs, find_left, forget, processes_of
from sweep_project import TIMEOUT_S, Project, kill, wait_for


class Killed(NamedTuple):
    """What a kill has come to."""

    stage: str
    """What the process that was killed had been doing."""
    survived: bool
    """Whether no process was left, and the same command ended well."""
    identical: bool
    """Whether what the runs hold has the bits of an undisturbed sweep."""


@pytest.fixture(scope="module")
def means(tmp_path_factory) -> Project:
    """Returns a project whose shared stage takes a while, and whose study is planned."""
    project = write_mean_project(tmp_path_factory.mktemp("kills") / "project")
    slow_down(project, input_s=0.7, run_s=0.1)
    project.run("-m", "repro", "plan", STUDY)
    return project


@pytest.fixture(scope="module")
def wanted(means: Project) -> dict[str, bytes]:
    """Returns what an undisturbed sweep makes."""
    means.run("-m", "repro", "sweep", STUDY)
    return contents_of_runs(means)


def stage_of(words: str) -> str:
    """Returns what a process does, from its command."""
    names = {
        "repro sweep": "sweep",
        "dvc_stages make": "DVC, shared stages",
        "dvc_stages record": "DVC, records",
        "make_input": "shared stage",
        "repro.runs.code": "shared stage",
        "fork_server": "run, or its server",
        "runs.run": "run, or its server",
    }
    return next((name for part, name in names.items() if part in words), "other")


def kill_one(
    project: Project, wanted: dict[str, bytes], choose: Callable[[subprocess.Popen[str]], int | None]
) -> Killed | None:
    """Starts a sweep from nothing, kills the process that is chosen, and sweeps again; nothing: none was chosen."""
    forget(project.root)
    sweep = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    victim = choose(sweep)
    if victim is None:
        sweep.communicate(timeout=TIMEOUT_S)
        return None
    stage = stage_of(processes_of(project.root).get(victim, ""))
    try:
        kill(victim)
    except ProcessLookupError:
        stage = "had just ended"
    sweep.communicate(timeout=TIMEOUT_S)
    left = find_left(project.root)
    again = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    said, _ = again.communicate(timeout=TIMEOUT_S)
    if left or again.returncode:
        print(stage, left, said)
    return Killed(stage, not left and again.returncode == 0, contents_of_runs(project) == wanted)


@pytest.mark.fault("kill")
@pytest.mark.parametrize("whom", ["the sweep", "DVC", pytest.param("the stage", marks=pytest.mark.long)])
@pytest.mark.whole
def test_a_kill_in_the_shared_stage_stops_no_later_sweep(
    means: Project, wanted: dict[str, bytes], tried: Tried, whom: str
) -> None:
    parts = {"the sweep": "repro sweep", "DVC": "dvc_stages make", "the stage": "-m repro.runs.make_input"}

    def choose(_: subprocess.Popen[str]) -> int:
        wait_for(lambda: any("make_input" in words for words in processes_of(means.root).values()))
        return next(pid for pid, words in processes_of(means.root).items() if parts[whom] in words)

    killed = kill_one(means, wanted, choose)
    assert killed is not None
    tried(held=killed.survived, identical=killed.identical, what=killed.stage)
    assert killed[1:] == (True, True)


@pytest.mark.fault("kill", "interrupt")
def test_an_interrupt_in_the_shared_stage_is_told_in_one_line(means: Project) -> None:
    forget(means.root)
    sweep = means.start("-m", "repro", "sweep", STUDY)
    wait_for(lambda: any("make_input" in words for words in processes_of(means.root).values()))
    sweep.send_signal(signal.SIGINT)
    said, _ = sweep.communicate(timeout=30)
    assert sweep.returncode == 130
    assert said.strip().splitlines()[-1] == "interrupted; the same command goes on from where the runs are"
    assert processes_of(means.root) == {}


@pytest.mark.fault("kill")
@pytest.mark.long
def test_random_kills_lose_nothing(
    means: Project, wanted: dict[str, bytes], kills: dict[str, int], tried: Tried
) -> None:
    """Kills the sweep, or any process that it has started, at any time of its life."""
    drawn = random.Random(0)
    forget(means.root)
    started = time.monotonic()
    means.run("-m", "repro", "sweep", STUDY, "-j", "2")
    lasts_s = time.monotonic() - started

    def choose(sweep: subprocess.Popen[str]) -> int | None:
        time.sleep(drawn.uniform(0, lasts_s))
        if sweep.poll() is not None:
            return None
        others = [pid for pid in processes_of(means.root) if pid != sweep.pid]
        return drawn.choice(others) if others and drawn.random() < 0.5 else sweep.pid

    killed: list[Killed] = []
    while len(killed) < kills["sweep"]:
        if (one := kill_one(means, wanted, choose)) is not None:
            tried(held=one.survived, identical=one.identical, what=one.stage)
            killed.append(one)
    assert all(one.survived and one.identical for one in killed)
