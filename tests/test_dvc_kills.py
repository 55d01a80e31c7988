"""`dvc repro` of which processes are killed in every stage: the same command ends well, and the bits are the same."""

import random
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import pytest

from fault_table import Tried
from killing import find_left, forget, processes_of
from pipeline_project import STAGES, finished_runs, write_pipeline_project
from repro import paths
from repro.cases.medfe.checkpoint import load_checkpoint
from repro.runs.archives import hash_bytes
from repro.storage import hash_tree
from sweep_project import TIMEOUT_S, fresh_shell, kill, wait_for

pytestmark = [pytest.mark.long, pytest.mark.fault("kill")]
STEPS = 12


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return write_pipeline_project(tmp_path_factory.mktemp("dvc_kills") / "project", steps=STEPS)


@pytest.fixture(scope="module")
def undisturbed(project: Path) -> tuple[dict[str, str], dict[str, float]]:
    """Returns what the pipeline makes, and how many seconds each of its stages lasts."""
    lasts: dict[str, float] = dict.fromkeys(STAGES, 0.0)
    pipeline, before = start(project), time.monotonic()
    while pipeline.poll() is None:
        time.sleep(0.05)
        now = time.monotonic()
        for stage in stages_of(project):
            lasts[stage] += now - before
        before = now
    assert pipeline.returncode == 0, said_by(project)
    return contents(project), lasts


def start(project: Path) -> subprocess.Popen[bytes]:
    """Starts `dvc repro`; what it says goes to a file, since a stage that outlives it would hold a pipe open."""
    command = [sys.executable, "-m", "dvc", "repro"]
    with (project.parent / "said.txt").open("wb") as said:
        return subprocess.Popen(command, cwd=project, env=fresh_shell(), stdout=said, stderr=subprocess.STDOUT)


def said_by(project: Path) -> str:
    return (project.parent / "said.txt").read_text(errors="replace")


def stages_of(project: Path) -> list[str]:
    """Returns the stages that have a process."""
    commands = processes_of(project).values()
    return [stage for stage in STAGES if any(f"repro.pipeline.{stage}" in words for words in commands)]


def contents(project: Path) -> dict[str, str]:
    """Returns the hashes of photographs, masks, tables and weights."""
    found = {str(folder): hash_tree(project / folder) for folder in (paths.PREPARED, paths.MASKS)}
    tables = sorted((project / paths.RESULTS).rglob("*.csv"))
    found |= {str(file.relative_to(project)): hash_tree(file) for file in tables}
    checkpoint = load_checkpoint(project / paths.TRAIN / paths.CHECKPOINT)
    for which in ("last", "best"):
        weights = sorted(getattr(checkpoint, which).items())
        found[which] = hash_bytes(b"".join(name.encode() + tensor.numpy().tobytes() for name, tensor in weights))
    return found


def kill_in(project: Path, waiting: set[str], lasts: dict[str, float], drawn: random.Random) -> str | None:
    """Starts the pipeline and kills one of its processes in the first of some stages; nothing: it ended before.

    Returns:
        the stage that was running.
    """
    pipeline = start(project)
    wait_for(lambda: pipeline.poll() is not None or waiting & set(stages_of(project)))
    reached = [stage for stage in stages_of(project) if stage in waiting]
    if pipeline.poll() is None and reached:
        time.sleep(drawn.uniform(0, 0.9 * lasts[reached[0]]))
    live = processes_of(project)
    running = [stage for stage in STAGES if any(f"repro.pipeline.{stage}" in words for words in live.values())]
    hit = next((stage for stage in running if stage in waiting), None)
    if pipeline.poll() is not None or hit is None:
        pipeline.wait(timeout=TIMEOUT_S)
        assert pipeline.returncode == 0, said_by(project)
        return None
    of_stage = [pid for pid, words in live.items() if f"repro.pipeline.{hit}" in words]
    try:
        kill(pipeline.pid if drawn.random() < 0.5 else drawn.choice(of_stage))
    except ProcessLookupError:
        hit = None  # it has ended meanwhile, and nothing was killed
    pipeline.wait(timeout=TIMEOUT_S)
    return hit


def test_kills_in_every_stage_change_no_bit(
    project: Path, undisturbed: tuple[dict[str, str], dict[str, float]], kills: dict[str, int], tried: Tried
) -> None:
    """Kills `dvc repro` several times on its way, and then lets it end; over and over."""
    wanted, lasts = undisturbed
    drawn, places = random.Random(0), cycle(STAGES)
    missing = list(islice(places, kills["dvc repro"]))
    while missing:
        forget(project)
        hits: list[str] = []
        for _ in STAGES:
            waiting = set(missing[: len(STAGES)]) - set(hits)
            if waiting and (hit := kill_in(project, waiting, lasts, drawn)):
                hits.append(hit)
                missing.remove(hit)
        pipeline = start(project)
        pipeline.wait(timeout=TIMEOUT_S)
        held = pipeline.returncode == 0 and not find_left(project) and finished_runs(project) == 1
        identical = held and contents(project) == wanted
        for hit in hits:
            tried(held=held, identical=identical, what=f"dvc repro: {hit}")
        assert held, said_by(project)
        assert identical
