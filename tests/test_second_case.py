"""A paper that is not MEDFE, in a project of its own, from the plan to the page."""

import csv
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest

from case_project import STUDY, write_mean_project
from sweep_project import Project, clean

pytestmark = pytest.mark.whole
RUN_AND_LIST = """
import runpy, sys
runpy.run_module("repro.runs.run", run_name="__main__")
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """Returns a project whose study has been planned and run."""
    project = write_mean_project(tmp_path_factory.mktemp("second") / "project")
    planned = project.run("-m", "repro", "plan", STUDY)
    assert "8 of 8 runs are still to be run" in planned
    said = project.run("-m", "repro", "sweep", STUDY, "-j", "2", MLFLOW_TRACKING_URI="")
    assert "8 runs published" in said
    assert "8 of 8 done" in said.splitlines()[-1]
    return project


def errors(project: Project) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for file in sorted((project.root / "results" / "runs").glob("*/rows.csv")):
        with file.open() as stream:
            found[file.parent.name] = [float(row["value"]) for row in csv.DictReader(stream)]
    return found


def test_every_run_leaves_its_rows_and_what_the_case_keeps(project: Project) -> None:
    found = errors(project)
    assert len(found) == 8
    assert {len(rows) for rows in found.values()} == {20}
    for run, rows in found.items():
        kept = project.root / "results" / "runs" / run / "kept.txt"
        assert fmean(rows) == pytest.approx(float(kept.read_text()), abs=1e-9)
    means = sorted(fmean(rows) for rows in found.values())
    assert means[0] < 0.1 < 1 < means[-1], "the median is not moved by outliers, the mean is"


def test_nothing_is_run_twice_and_the_code_of_the_case_counts(project: Project) -> None:
    module = project.root / "mean_case.py"
    text = module.read_text()
    assert "0 of 8 runs" in outdated(project)
    try:
        module.write_text(text.replace("the error is that against 1", "# and tells how far it is from 1"))
        assert "0 of 8 runs" in outdated(project), "words of a docstring"
        module.write_text(text.replace("[::2]", "[1::2]"))
        assert "8 of 8 runs" in outdated(project)
    finally:
        module.write_text(text)
        project.run("-m", "repro.runs.code")


def outdated(project: Project) -> str:
    """Returns what a sweep would do once the code of now has been hashed."""
    project.run("-m", "repro.runs.code")
    return project.run("-m", "repro", "sweep", STUDY, "--dry-run")


def test_a_run_loads_neither_torch_nor_what_only_a_report_needs(project: Project, tmp_path: Path) -> None:
    run, before = next(iter(errors(project).items()))
    folder = project.root / "results" / "runs" / run
    shutil.move(folder, tmp_path / run)
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST, run], cwd=project.root, env=clean(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert errors(project)[run] == before, "it has been made again"
    shutil.rmtree(folder)
    shutil.move(tmp_path / run, folder)
    loaded = set(done.stdout.split())
    assert "mean_case" in loaded
    assert not {"torch", "mlflow", "pandas", "dvc", "repro.cases.medfe"} & loaded


def test_the_page_tells_what_matters(project: Project) -> None:
    said = project.run("-m", "repro", "report", STUDY)
    page = Path(said.split()[-1])
    text = re.sub(r"<[^>]*>", " ", (project.root / page).read_text())
    assert "Which details of the average matter?" in text
    assert "average.kind" in text
    assert not re.findall(r"\b(?:MEDFE|PSNR|holes?|photographs?|inpaint\w*)\b", text, re.IGNORECASE)
