"""What the environment says is checked: a variable that cannot be true is named, with the way out."""

import pytest

from repro import paths
from repro.errors import UserError
from repro.processes import ALONE, Process, this_process

TOLD = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


@pytest.mark.fault("input", "environment")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RANK": "one"}, "RANK='one' .*expected whole numbers"),
        ({"RANK": "-1"}, "expected whole numbers"),
        ({"WORLD_SIZE": ""}, "expected whole numbers"),
        ({"LOCAL_RANK": "²"}, "expected whole numbers"),
        ({"RANK": "2"}, "a rank counts from 0"),
        ({"LOCAL_WORLD_SIZE": "0"}, "a rank counts from 0"),
    ],
)
def test_what_cannot_come_from_torchrun_is_refused(monkeypatch, change, message) -> None:
    for name, value in {**TOLD, **change}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=message):
        this_process()


def test_what_torchrun_says_is_taken(monkeypatch) -> None:
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    assert this_process() == Process(1, 2, 1, 2)
    monkeypatch.delenv("RANK")
    assert this_process() == ALONE


def test_a_project_that_is_not_there_is_told(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert paths.home() == tmp_path
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "gone"))
    with pytest.raises(UserError, match="no such folder\n  unset DVC_ROOT"):
        paths.home()
