"""Publishing and naming on the command line, over a tracking store of their own."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

import repro.tracking
from case_project import name_case
from evidence_on_disk import write_evidence
from git_project import commit_all
from repro.audit.ledger.comparing import compare_params
from repro.cases.medfe.case import CASE
from repro.cli import app
from repro.cli.naming import find_params
from repro.errors import UserError
from repro.tracking import Logged, Rebuilt

pytestmark = [
    # SQLAlchemy 2.1 warns of how MLflow 3.17 declares its tables
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow's engines are closed when the interpreter ends
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project as the current folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    name_case(tmp_path)
    return tmp_path


def test_publishing_names_the_run(project) -> None:
    write_evidence(project / "results")
    published = CliRunner().invoke(app, ["publish"], catch_exceptions=False)
    assert published.exit_code == 0
    (run_id,) = repro.tracking.logged_variants(CASE).runs.index
    assert published.stdout == f"working tree: run {run_id}\n"


def test_publishing_tells_why_something_is_not_published(monkeypatch) -> None:
    attempts = [Rebuilt("main", None, "no results\n  make some"), Rebuilt("working tree", "abc", "")]
    monkeypatch.setattr(repro.tracking, "rebuild", lambda *_: attempts)
    published = CliRunner().invoke(app, ["publish"], catch_exceptions=False)
    assert published.stdout == "main: not published: no results; make some\nworking tree: run abc\n"
    assert (published.exit_code, published.stderr) == (1, "repro: 1 of 2 are not published: main\n")


def test_a_working_tree_without_results_has_lost_nothing(monkeypatch) -> None:
    attempts = [Rebuilt("main", "abc", ""), Rebuilt("working tree", None, "no results")]
    monkeypatch.setattr(repro.tracking, "rebuild", lambda *_: attempts)
    assert CliRunner().invoke(app, ["publish"]).exit_code == 0


def test_publishing_nothing_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr(repro.tracking, "rebuild", lambda *_: [Rebuilt("working tree", None, "no results")])
    published = CliRunner().invoke(app, ["publish"])
    assert published.stdout == "working tree: not published: no results\n"
    assert isinstance(published.exception, UserError)
    assert "nothing was published" in str(published.exception)


def test_a_logged_variant_is_found_beside_runs_with_other_parameters(project, monkeypatch) -> None:
    (project / "mlflow.db").touch()
    index = pd.Index(["run0", "run1"], name="run_id")
    runs = pd.DataFrame({"variant": ["newer", "older"]}, index)
    params = pd.DataFrame([{"loss.adv": "hinge", "loss.new": "0.5"}, {"loss.adv": "ragan", "seed": "1"}], index)
    logged = Logged(runs, params, pd.DataFrame(), pd.DataFrame())
    monkeypatch.setattr(repro.tracking, "logged_variants", lambda _: logged)
    assert find_params(CASE, "older") == {"loss": {"adv": "ragan"}, "seed": 1}
    assert find_params(CASE, "newer") == {"loss": {"adv": "hinge", "new": 0.5}}


@pytest.mark.fault("input", "params.yaml")
@pytest.mark.parametrize("text", [b"loss: [1", b"a: b: c\n", b"\xff\xfe\x00", b"\x00", b"- 1\n"])
def test_a_file_that_is_no_params_file_is_told_of_in_one_line(project, text) -> None:
    (project / "broken.yaml").write_bytes(text)
    with pytest.raises(UserError, match=r"broken\.yaml is no (params file|YAML): ") as caught:
        find_params(CASE, str(project / "broken.yaml"))
    assert "\n" not in str(caught.value)


def test_what_holds_no_params_is_not_equal_to_anything(project) -> None:
    (project / "study.yaml").write_text("title: none")
    with pytest.raises(UserError, match="no parameter in common"):
        compare_params(CASE.params, find_params(CASE, "study.yaml"), find_params(CASE, "paper"))
    commit_all(project)
    with pytest.raises(UserError, match=r"HEAD is a commit without a params\.yaml"):
        find_params(CASE, "HEAD")


def test_a_params_file_is_read(project) -> None:
    (project / "some.yaml").write_text(json.dumps({"seed": 3}))
    assert find_params(CASE, "some.yaml") == {"seed": 3}
