"""A study that is run until it is decided, killed as a process at any time: plan, looks and rows are the same."""

import random
import shutil
import time

import pytest

from case_project import STUDY, write_noisy_project
from fault_table import Tried
from killing import contents_of_runs, find_left, forget
from sweep_project import TIMEOUT_S, Project, kill

SWEEP = ("-m", "repro", "sweep", STUDY, "--until", "decided", "--runs", "40", "-j", "2")
AT_MOST = 4
"""Kills of one sweep before it is let end."""


def made(project: Project) -> dict[str, bytes]:
    """Returns what the runs hold, and the plan with its batches and looks."""
    plans = {file.name: file.read_bytes() for file in (project.root / "ablations" / "plans").iterdir()}
    return contents_of_runs(project) | plans


@pytest.mark.long
@pytest.mark.fault("kill", "adaptive sweep")
def test_an_adaptive_sweep_killed_at_random_comes_to_the_same(tmp_path, kills: dict[str, int], tried: Tried) -> None:
    details = {f"details.{name}": None for name in "abd"}
    project = write_noisy_project(tmp_path / "project", design="plackett_burman", details=details)
    project.run("-m", "repro", "plan", STUDY)
    shutil.copytree(project.root / "ablations", tmp_path / "planned")
    started = time.monotonic()
    project.run(*SWEEP)
    lasts_s, wanted, drawn = time.monotonic() - started, made(project), random.Random(0)
    left = kills["adaptive sweep"]
    while left:
        forget(project.root)
        shutil.rmtree(project.root / "ablations")
        shutil.copytree(tmp_path / "planned", project.root / "ablations")
        killed, clean = 0, True
        while killed < min(AT_MOST, left):
            sweep = project.start(*SWEEP)
            time.sleep(drawn.uniform(0.05 * lasts_s, 0.5 * lasts_s))
            ended = sweep.poll() is not None
            if not ended:
                kill(sweep.pid)
            sweep.communicate(timeout=TIMEOUT_S)
            if ended:
                clean &= sweep.returncode == 0
                break
            clean &= not find_left(project.root)
            killed += 1
        last = project.start(*SWEEP)
        said, _ = last.communicate(timeout=TIMEOUT_S)
        held, identical = clean and last.returncode == 0, made(project) == wanted
        for _ in range(killed):
            tried(held=held, identical=identical)
        assert held, said
        assert identical
        left -= killed
