"""`repro new` from an installed wheel with the extra `study` alone: the project plans, sweeps and reports."""

import shutil
from pathlib import Path

import pytest

from installed import Environment, build_wheel, make_environment
from repro import new_project
from repro.errors import UserError


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Environment:
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    return make_environment(tmp_path_factory.mktemp("study") / "venv", wheel, ["study"], more=["pytest"])


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel")
@pytest.mark.whole
def test_a_new_project_runs_from_the_first_minute(study: Environment, tmp_path: Path) -> None:
    assert not study.distributions & {"mlflow", "torch"}
    where = study.call(tmp_path, "python", "-c", "import repro; print(repro.__file__)").stdout
    assert where.startswith(str(study.site)), "this repository's own code is at hand"
    done = study.call(tmp_path, "repro", "new", "audit")
    assert done.returncode == 0, done.stderr
    project = tmp_path / "audit"
    file = project / "ablations" / "first.yaml"
    file.write_text(file.read_text().replace("seeds: 4", "seeds: 1"))

    def call(*arguments: str) -> str:
        done = study.call(project, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    call("repro", "generate", "--check")
    call("repro", "plan", "ablations/first.yaml")
    swept = call("repro", "sweep", "ablations/first.yaml", "-j", "2")
    call("repro", "report", "ablations/first.yaml")
    checks = [["verify"], ["verify", "first", "--rerun", "1"], ["export", "first", "-o", "first.zip"]]
    told = study.call_all(project, [*checks, ["verify", "first.zip"]])
    assert [code for code, _ in told] == [0] * 4, told
    call("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    call("python", "-m", "dvc", "repro", "--quiet")
    assert "runs are not published (needs the extra mlflow: pip install 'repro-audit[mlflow]')" in swept
    page = (project / "reports" / "studies" / "first" / "study_report.html").read_text()
    assert "Averaging the weights improves the accuracy" in page
    assert "10 ok" in page
    assert "first: 1 bit-identical" in told[1][1]
    assert (project / "results" / "metrics.json").is_file()
    assert not list(project.rglob("*.partial"))


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel")
def test_a_folder_that_holds_something_is_left_alone(study: Environment, tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "mine.txt").write_text("mine")
    done = study.call(tmp_path, "repro", "new", "audit")
    assert done.returncode == 2
    assert done.stderr == "repro: audit is not empty; name a new folder\n"
    assert [file.name for file in (tmp_path / "audit").iterdir()] == ["mine.txt"]


def test_what_is_put_there_meanwhile_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    place = tmp_path / "audit"

    def put(*_: object) -> None:
        place.mkdir(exist_ok=True)
        (place / "mine.txt").write_text("mine")

    monkeypatch.setattr(new_project, "_call", put)
    with pytest.raises(UserError, match="is not empty; name a new folder"):
        new_project.lay_out(place)
    assert [item.name for item in tmp_path.rglob("*")] == ["audit", "mine.txt"]
