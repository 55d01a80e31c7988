"""What is to be done about each run of a plan, with DVC's part played by a list."""

from pathlib import Path

import pytest

from repro import paths
from repro.audit.study.plan import Plan
from repro.cases.medfe.case import CASE
from repro.runs import status
from repro.runs.record import Given, RunRecord, Status, failure_file, run_key, write_evidence, write_record
from repro.runs.status import find_work
from tiny import tiny_params

PARAMS = tiny_params()
GIVEN = Given("code", {"photographs": "p", "holes": "h"})
EMPTY = {"fingerprint": "", "frozen": "", "declaration": {}, "left_out": [], "deviations": []}
PLAN = Plan(study="test", levels={}, variants=[], runs=[], **EMPTY)
RUNS = ("new-s0", "failed-s0", "other-s0", "diverged-s0", "made-s0", "done-s0")


def note(file: Path, state: Status, key: str) -> None:
    record = RunRecord(state, "", key, GIVEN, 1.0, None)
    if state == "failed":
        write_record(file, record)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_evidence(file.parent, record)


@pytest.fixture
def key(tmp_path, monkeypatch) -> str:
    """Writes runs of every kind, and returns the key that they have now."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(status, "write_runs", lambda *_: None)
    monkeypatch.setattr(status, "run_params", lambda *_: dict.fromkeys(RUNS, PARAMS))
    monkeypatch.setattr(status, "_make_inputs", lambda *_: None)
    monkeypatch.setattr(status, "read_given", lambda *_: GIVEN)
    changed = [f"run@{run}" for run in RUNS if run not in ("diverged-s0", "done-s0")]
    monkeypatch.setattr(status, "find_changed", lambda _: changed)
    monkeypatch.setattr(status, "bring_back", lambda _: [])
    key = run_key(CASE, PARAMS, GIVEN)
    note(failure_file("failed-s0"), "failed", key)
    note(failure_file("other-s0"), "failed", "of other code")
    for run, state in (("diverged-s0", "diverged"), ("made-s0", "ok"), ("done-s0", "ok")):
        note(paths.RUNS / run / "run.json", state, key)
    return key


def test_a_run_that_has_failed_waits_until_it_is_asked_for(key: str) -> None:
    found = find_work(CASE, PLAN, retry_failed=False)
    assert found.missing == ["new-s0", "other-s0"], "what has failed with other code is tried with this"
    assert (found.failed, found.unrecorded, found.done) == (["failed-s0"], ["made-s0"], ["diverged-s0", "done-s0"])
    assert set(found.keys.values()) == {key}


@pytest.mark.usefixtures("key")
def test_failed_and_diverged_runs_are_run_again_when_asked_for() -> None:
    found = find_work(CASE, PLAN, retry_failed=True)
    assert found.missing == ["new-s0", "failed-s0", "other-s0", "diverged-s0"]
    assert (found.failed, found.unrecorded, found.done) == ([], ["made-s0"], ["done-s0"])
    assert not (paths.RUNS / "diverged-s0").exists(), "its evidence is made again"
    assert not failure_file("failed-s0").exists(), "should the machine lose it now, it has not failed"


@pytest.mark.usefixtures("key")
def test_what_other_code_has_made_is_not_brought_back(monkeypatch) -> None:
    note(paths.RUNS / "new-s0" / "run.json", "ok", "of other code")
    monkeypatch.setattr(status, "bring_back", lambda _: ["run@new-s0", "run@other-s0"])
    assert find_work(CASE, PLAN, retry_failed=False).missing == ["new-s0", "other-s0"]


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("run", ["made-s0", "done-s0"])
def test_evidence_that_is_not_as_it_was_written_is_never_recorded(run: str) -> None:
    table = paths.RUNS / run / "run.json"
    content = bytearray(table.read_bytes())
    content[-4] ^= 1
    table.write_bytes(content)
    found = find_work(CASE, PLAN, retry_failed=False)
    assert run in found.missing, "also where DVC has seen no change"
    assert run not in {*found.unrecorded, *found.done}
