"""The sweep as a user types it: killed, interrupted, extended, and always the same table in the end."""

import re
import shutil
import signal

import pytest

from fault_table import Tried
from sweep_project import TIMEOUT_S, Project, is_run, is_server, kill, runs_of, wait_for

BRING_BACK = """
from pathlib import Path
from repro.runs.dvc_stages import bring_back

code = Path("repro/errors.py")
text = code.read_text()
for now in (f"{text}\\nOTHER = 1\\n", text):
    code.write_text(now)
    print(bring_back(["code"]))
"""


def states(project: Project) -> list[object]:
    return list((project.root / ".repro" / "runs").glob("*/*/states/*.pt"))


def outdated(project: Project) -> list[str]:
    return re.findall(r"[0-9a-f]{10}-s\d+", project.sweep("--dry-run"))


@pytest.mark.fault("kill")
@pytest.mark.whole
def test_killed_workers_and_killed_sweeps_end_in_the_table_of_an_undisturbed_sweep(
    project: Project, undisturbed: Project, tried: Tried
) -> None:
    assert len(outdated(project)) == 3
    sweep = project.start_sweep("-j", "2")
    wait_for(lambda: states(project))
    victim, *_ = runs = runs_of(sweep.pid)
    assert not any(map(is_run, runs)), "they have been forked, and not started as commands"
    kill(victim)
    wait_for(lambda: len(runs_of(sweep.pid)) == 2 and victim not in runs_of(sweep.pid))
    wait_for(lambda: project.tables())
    wait_for(lambda: runs_of(sweep.pid))
    orphans = runs_of(sweep.pid)
    kill(sweep.pid)
    sweep.communicate()
    wait_for(lambda: not any(map(is_server, orphans)), seconds=5)

    interrupted = project.start_sweep("-j", "1")
    wait_for(lambda: runs_of(interrupted.pid))
    interrupted.send_signal(signal.SIGINT)
    said, _ = interrupted.communicate(timeout=30)
    assert interrupted.returncode == 130
    assert said.strip().splitlines()[-1] == "interrupted; the same command goes on from where the runs are"

    both = [project.start_sweep("-j", "1") for _ in range(2)]  # two at once, which share the work
    for sweep in both:
        said, _ = sweep.communicate(timeout=TIMEOUT_S)
        assert sweep.returncode == 0, said
        assert "3 of 3 done" in said.splitlines()[-1]
        assert "runs are not published (MLFLOW_TRACKING_URI=http://127.0.0.1:1: no answer" in said
    assert project.tables() == undisturbed.tables()
    assert len(undisturbed.tables()) == 3 * 3
    for what in ("run, or its server", "sweep", "interrupt"):
        tried(identical=True, what=what)


@pytest.mark.fault("damage", "dvc.lock", bits=True)
@pytest.mark.whole
def test_what_is_there_is_not_run_again(undisturbed: Project, tmp_path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(undisturbed.root, project.root, ignore=shutil.ignore_patterns("mlflow.db*", "mlruns"))
    (tmp_path / "photographs").symlink_to(undisturbed.root.parent / "photographs")
    assert outdated(project) == []

    runs = sorted((project.root / "results" / "runs").iterdir())
    shutil.rmtree(runs[0])
    lock_file = project.root / "ablations" / "dvc.lock"
    text = lock_file.read_text()
    lock_file.write_text(text[: text.index("  run@") + 10])  # as a kill leaves it
    said = project.sweep()
    assert "is made again from DVC's cache" in said
    assert ": ok" not in said, "no run was run"
    assert "3 of 3 done" in said
    assert project.tables() == undisturbed.tables()
    assert outdated(project) == []

    said = project.run("-c", BRING_BACK).splitlines()
    assert [line for line in said if line.startswith("[")] == ["[]", "['code']"], (
        "first, other code has made what is there"
    )

    study = project.root / "ablations" / "tiny.yaml"
    study.write_text(study.read_text().replace("baseline_seeds: 2", "baseline_seeds: 3"))
    refused = project.start_sweep()
    assert "repro plan ablations/tiny.yaml" in refused.communicate()[0]
    assert refused.returncode == 2

    project.plan(seeds=2, details={"loss.adv": ["hinge", "lsgan"]})
    new = outdated(project)
    assert len(new) == 1 + 2, "one more seed of one variant, two of the new one"
    assert not {run.name for run in runs} & set(new)
    ledger = project.root / "repro" / "cases" / "medfe" / "params" / "loss" / "adversarial.py"
    ledger.write_text(ledger.read_text() + "# a new option\n")
    assert outdated(project) == new, "the vocabulary changes no run"
