"""Many sweeps of one study at once: all end well, no run is lost, and none is made twice."""

from collections import Counter

import pytest

from case_project import STUDY, add_lines, write_mean_project
from fault_table import Tried
from killing import contents_of_runs, forget
from sweep_project import TIMEOUT_S

RUNS = 8


@pytest.mark.long
@pytest.mark.fault("at once", "sweeps of one study")
@pytest.mark.parametrize("sweeps", [4, 16])
def test_sweeps_of_one_study_share_its_runs(tmp_path, tried: Tried, sweeps: int) -> None:
    project = write_mean_project(tmp_path / "project")
    made = tmp_path / "made.txt"
    note = f"    open({str(made)!r}, 'a').write(job.params.model_dump_json() + '\\n')\n"
    add_lines(project, {"    average = job.params.average\n": note})
    project.run("-m", "repro", "plan", STUDY)
    project.run("-m", "repro", "sweep", STUDY)
    wanted = contents_of_runs(project)
    made.unlink()
    forget(project.root)
    at_once = [project.start("-m", "repro", "sweep", STUDY, "-j", "1") for _ in range(sweeps)]
    said = [sweep.communicate(timeout=TIMEOUT_S)[0] for sweep in at_once]
    identical = contents_of_runs(project) == wanted
    for sweep, text in zip(at_once, said, strict=True):
        tried(held=sweep.returncode == 0 and f"{RUNS} of {RUNS} done" in text.splitlines()[-1], identical=identical)
        assert sweep.returncode == 0, text
        assert f"{RUNS} of {RUNS} done" in text.splitlines()[-1]
    assert identical
    assert sorted(Counter(made.read_text().splitlines()).values()) == [1] * RUNS
