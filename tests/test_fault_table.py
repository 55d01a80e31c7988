"""The table of faults counts what was tried, and what failed as not held, also in the workers of xdist."""

import re
from pathlib import Path

import pytest

from fault_table import KILLS, share_kills

pytest_plugins = ("pytester",)

TESTS = """
import pytest

@pytest.mark.fault("kill", "training", bits=True)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_one(step):
    assert step < 3

@pytest.mark.fault("kill")
def test_many(tried):
    for number in range(5):
        tried(held=number != 1, identical=number > 2, what="sweep")

@pytest.mark.fault("damage")
def test_stops(tried):
    tried()
    tried()
    assert False

@pytest.mark.fault("damage")
def test_found(tried):
    tried()

@pytest.fixture
def broken():
    raise OSError

@pytest.mark.fault("input")
def test_never_starts(broken):
    pass

@pytest.mark.fault("at once")
def test_skipped():
    pytest.skip("no")

def test_no_fault():
    pass
"""
TABLE = {
    "killed": ["8", "6", "4", "of", "8"],
    "sweep": ["5", "4", "2", "of", "5"],
    "training": ["3", "2", "2", "of", "3"],
    "damaged or foreign file": ["4", "3"],
    "bad input": ["1", "0"],
    "at once": ["0", "0"],
    "bundle on a second clone": ["0", "0"],
}


def read_table(pytester: pytest.Pytester, *options: str) -> tuple[dict[str, list[str]], str]:
    pytester.makeini("[pytest]\nmarkers = fault: a fault")
    pytester.makepyfile(TESTS)
    said = pytester.runpytest_subprocess("-p", "fault_table", *options).stdout.str()
    _, _, table = said.partition(" faults ")
    rows = re.findall(r"^ *([a-z ]+?)  +(\d.*)$", table, re.MULTILINE)
    return {title: figures.split() for title, figures in rows}, table


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_was_tried_is_counted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    table, said = read_table(pytester, "-m", "fault", "-n", workers)
    assert table == TABLE
    assert "not tried, since their tests were skipped: 1" in said


def test_an_unknown_kind_is_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pytester.makepyfile('import pytest\n\n@pytest.mark.fault("earthquake")\ndef test_one():\n    pass\n')
    assert "there is no fault 'earthquake'" in pytester.runpytest_subprocess("-p", "fault_table").stderr.str()


def test_all_kills_are_shared_and_each_long_test_makes_one() -> None:
    assert sum(share_kills(KILLS).values()) == KILLS
    assert min(share_kills(1).values()) == 1
