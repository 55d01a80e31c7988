"""The analysis of 1,000 and 10,000 runs ends in three times the goal at most, complete or not, and in its memory.

Three times, as machines differ: processor time is measured, which other processes on the machine hardly change.
"""

import pytest

from benchmarks.analysis import MEMORY_MIB, MISSING, SECONDS, SHAPES, SIZES, make_study, time_analysis
from benchmarks.timing import read_apart


@pytest.mark.parametrize("missing", [0.0, MISSING])
def test_a_thousand_runs(missing: float) -> None:
    seconds, analysis = time_analysis("balanced", SIZES[0], missing)
    assert seconds < 3 * SECONDS[0]
    assert len(analysis.failures) == pytest.approx(missing * SIZES[0], rel=0.3)
    assert analysis.effects["se"].notna().all()


def test_ten_thousand_runs_with_runs_missing_in_their_memory() -> None:
    found = read_apart("benchmarks.analysis", "wide", str(SIZES[1]), str(MISSING))
    assert found["seconds"] < 3 * SECONDS[1]
    assert found["runs"] == SIZES[1]
    assert found["peak_mib"] < MEMORY_MIB


@pytest.mark.parametrize("shape", SHAPES)
def test_studies_have_the_runs_of_their_size(shape: str) -> None:
    plan, results = make_study(SHAPES[shape], 2000)
    assert len(plan.runs) == pytest.approx(2000, rel=0.05)
    assert set(results.runs.index) == {run.id for run in plan.runs}
