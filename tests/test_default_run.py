"""What the README and git's metrics say of the default run is what the kept runs on several processors gave."""

import json
from math import sqrt
from pathlib import Path

import pytest

from benchmarks.default_run import FIGURE, KEPT, METHODS, describe, keep, tolerance_db

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "results" / "evaluate" / "metrics.json"


def run(instruction_set: str, figure: float, **changes):
    made = {
        "variant": "0123456789",
        "seed": 0,
        "instruction_set": instruction_set,
        "threads": 2,
        "versions": {"torch": "2"},
        "figures": {FIGURE: figure},
        "baselines_db": dict.fromkeys(METHODS, 10.0),
    }
    return made | changes


def contradictions(runs, readme: str, committed) -> list[str]:
    """Returns the lines that the README lacks, and the committed figures if no kept run gave them."""
    found = [line for line in describe(runs) if line not in " ".join(readme.split()) and line not in readme]
    return found + ([] if any(kept["figures"] == committed for kept in runs) else ["metrics.json"])


def test_readme_and_metrics_are_those_of_the_kept_runs():
    runs = json.loads((ROOT / KEPT).read_text())
    assert len(runs) >= 3, "fewer processors bound nothing"
    assert not contradictions(runs, (ROOT / "README.md").read_text(), json.loads(COMMITTED.read_text()))


def test_a_number_that_no_run_gave_is_found():
    runs = [run("AVX2", 15.0), run("AVX512", 15.2), run("DEFAULT", 15.1)]
    told = "\n".join(describe(runs))
    assert "**15.00 to 15.20**" in told
    assert "| Telea | 10.00 | 5.00 to 5.20 |" in told
    assert not contradictions(runs, told, {FIGURE: 15.2})
    assert contradictions(runs, told.replace("15.00 to", "14.90 to"), {FIGURE: 15.2})
    assert contradictions(runs, told, {FIGURE: 15.3}) == ["metrics.json"]


def test_the_tolerance_is_the_prediction_interval():
    """t(2, 0.975) = 4.3027, as tables have it; three figures one apart have the standard deviation one."""
    assert tolerance_db([1.0, 2.0, 3.0]) == pytest.approx(4.3027 * sqrt(4 / 3), abs=1e-3)
    assert "give or take" not in describe([run("AVX2", 15.0), run("AVX512", 15.2)])[-1]


def test_a_run_replaces_that_of_the_same_processor_and_is_refused_beside_another_variant():
    runs = keep(keep([], run("AVX512", 15.0)), run("AVX2", 15.2))
    assert [kept["instruction_set"] for kept in runs] == ["AVX2", "AVX512"]
    assert [kept["figures"][FIGURE] for kept in keep(runs, run("AVX2", 14.0))] == [14.0, 15.0]
    with pytest.raises(SystemExit, match="another variant"):
        keep(runs, run("DEFAULT", 15.0, variant="other"))
