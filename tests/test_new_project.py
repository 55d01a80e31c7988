"""`repro new` from an installed wheel, in a folder of its own: the project plans, sweeps and reports."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def call(folder: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the installed toolkit, and with no file of this repository at hand."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "PYTEST_"))}
    environment = kept | {"PYTHONPATH": str(site), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}
    environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:1"  # nobody answers: publishing takes seconds
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Returns a folder into which the wheel has been installed."""
    built, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    subprocess.run(["uv", "build", "--quiet", "--wheel", "--out-dir", built, ROOT], check=True)
    (wheel,) = built.glob("*.whl")
    target = ["--quiet", "--no-deps", "--target", site, "--python", sys.executable]
    subprocess.run(["uv", "pip", "install", *target, wheel], check=True)
    return site


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel")
def test_a_new_project_runs_from_the_first_minute(site: Path, tmp_path: Path) -> None:
    where = call(tmp_path, site, "-c", "import repro; print(repro.__file__)").stdout
    assert where.startswith(str(site)), "this repository's own code is at hand"
    done = call(tmp_path, site, "-m", "repro", "new", "audit")
    assert done.returncode == 0, done.stderr
    project = tmp_path / "audit"
    study = project / "ablations" / "first.yaml"
    study.write_text(study.read_text().replace("seeds: 4", "seeds: 1"))
    for arguments in (
        ("-m", "repro", "generate", "--check"),
        ("-m", "repro", "plan", "ablations/first.yaml"),
        ("-m", "repro", "sweep", "ablations/first.yaml", "-j", "2"),
        ("-m", "repro", "report", "ablations/first.yaml"),
        ("-m", "pytest", "-q", "-p", "no:cacheprovider"),
        ("-m", "dvc", "repro", "--quiet"),
    ):
        done = call(project, site, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    page = (project / "reports" / "studies" / "first" / "study_report.html").read_text()
    assert "Averaging the weights improves the accuracy" in page
    assert "10 ok" in page
    assert (project / "results" / "metrics.json").is_file()
    assert not list(project.rglob("*.partial"))


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel")
def test_a_folder_that_holds_something_is_left_alone(site: Path, tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "mine.txt").write_text("mine")
    done = call(tmp_path, site, "-m", "repro", "new", "audit")
    assert done.returncode == 2
    assert done.stderr == "repro: audit is not empty; name a new folder\n"
    assert [file.name for file in (tmp_path / "audit").iterdir()] == ["mine.txt"]
