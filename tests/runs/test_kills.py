"""Sweeps of which a process is killed: no process is left, the same command goes on, and the bits are the same.

`pytest -n 0 -m long tests/runs/test_kills.py` kills many at random, and prints a table.
"""

import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from case_project import STUDY, write_mean_project
from sweep_project import TIMEOUT_S, Project, kill, read_untimed, wait_for

KILLS = 40
SLOW = {
    '    numbers = values["numbers"]\n': '    __import__("time").sleep(0.7)\n',
    "    average = job.params.average\n": '    __import__("time").sleep(0.1)\n',
}
"""What makes the shared stage and the runs of the case long enough to be hit."""


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
    case = project.root / "mean_case.py"
    text = case.read_text()
    for line, slower in SLOW.items():
        assert line in text
        text = text.replace(line, slower + line)
    case.write_text(text)
    project.run("-m", "repro", "plan", STUDY)
    return project


@pytest.fixture(scope="module")
def wanted(means: Project) -> dict[str, bytes]:
    """Returns what an undisturbed sweep makes."""
    means.run("-m", "repro", "sweep", STUDY)
    return contents(means)


def contents(project: Project) -> dict[str, bytes]:
    """Returns what all runs hold but for their records, which hold times."""
    runs = project.root / "results" / "runs"
    return {str(file.relative_to(runs)): read_untimed(file) for file in runs.glob("*/*") if file.suffix != ".json"}


def processes_of(project: Project) -> dict[int, str]:
    """Returns the command of each live process that works in the project's folder."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(project.root):
                words = (process / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()
                if words:  # a dead one that is not waited for has none
                    found[int(process.name)] = words
        except OSError:
            continue  # it has ended meanwhile
    return found


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


def forget(project: Project) -> None:
    """Removes all that a sweep has made."""
    for name in ("results", "data", ".repro", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.root / name, ignore_errors=True)
    (project.root / "ablations" / "dvc.lock").unlink(missing_ok=True)


def kill_one(
    project: Project, wanted: dict[str, bytes], choose: Callable[[subprocess.Popen[str]], int | None]
) -> Killed | None:
    """Starts a sweep from nothing, kills the process that is chosen, and sweeps again; nothing: none was chosen."""
    forget(project)
    sweep = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    victim = choose(sweep)
    if victim is None:
        sweep.communicate(timeout=TIMEOUT_S)
        return None
    stage = stage_of(processes_of(project).get(victim, ""))
    try:
        kill(victim)
    except ProcessLookupError:
        stage = "had just ended"
    sweep.communicate(timeout=TIMEOUT_S)
    deadline = time.monotonic() + 5
    while (left := processes_of(project)) and time.monotonic() < deadline:
        time.sleep(0.05)
    again = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    said, _ = again.communicate(timeout=TIMEOUT_S)
    if left or again.returncode:
        print(stage, left, said)
    return Killed(stage, not left and again.returncode == 0, contents(project) == wanted)


@pytest.mark.parametrize("whom", ["the sweep", "DVC", pytest.param("the stage", marks=pytest.mark.long)])
def test_a_kill_in_the_shared_stage_stops_no_later_sweep(means: Project, wanted: dict[str, bytes], whom: str) -> None:
    parts = {"the sweep": "repro sweep", "DVC": "dvc_stages make", "the stage": "-m repro.runs.make_input"}

    def choose(_: subprocess.Popen[str]) -> int:
        wait_for(lambda: any("make_input" in words for words in processes_of(means).values()))
        return next(pid for pid, words in processes_of(means).items() if parts[whom] in words)

    killed = kill_one(means, wanted, choose)
    assert killed is not None
    assert killed[1:] == (True, True)


def test_an_interrupt_in_the_shared_stage_is_told_in_one_line(means: Project) -> None:
    forget(means)
    sweep = means.start("-m", "repro", "sweep", STUDY)
    wait_for(lambda: any("make_input" in words for words in processes_of(means).values()))
    sweep.send_signal(signal.SIGINT)
    said, _ = sweep.communicate(timeout=30)
    assert sweep.returncode == 130
    assert said.strip().splitlines()[-1] == "interrupted; the same command goes on from where the runs are"
    assert processes_of(means) == {}


@pytest.mark.long
def test_random_kills_lose_nothing(means: Project, wanted: dict[str, bytes], capsys) -> None:
    """Kills the sweep, or any process that it has started, at any time of its life."""
    drawn = random.Random(0)
    forget(means)
    started = time.monotonic()
    means.run("-m", "repro", "sweep", STUDY, "-j", "2")
    lasts_s = time.monotonic() - started

    def choose(sweep: subprocess.Popen[str]) -> int | None:
        time.sleep(drawn.uniform(0, lasts_s))
        if sweep.poll() is not None:
            return None
        others = [pid for pid in processes_of(means) if pid != sweep.pid]
        return drawn.choice(others) if others and drawn.random() < 0.5 else sweep.pid

    killed: list[Killed] = []
    while len(killed) < KILLS:
        if (one := kill_one(means, wanted, choose)) is not None:
            killed.append(one)
    with capsys.disabled():
        print(f"\n{'killed':24}{'kills':>8}{'survived':>10}{'identical':>11}")
        for stage, count in [*sorted(Counter(one.stage for one in killed).items()), ("all", len(killed))]:
            these = [one for one in killed if stage in (one.stage, "all")]
            survived, same = sum(one.survived for one in these), sum(one.identical for one in these)
            print(f"{stage:24}{count:8}{survived:10}{same:11}")
    assert all(one.survived and one.identical for one in killed)
