"""Tracking: created once however many start at once, published once however often, rebuilt from DVC's results."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from evidence_on_disk import write_evidence
from fault_table import Tried
from git_project import git
from repro.audit.ledger.identity import leave_out_before
from repro.audit.ledger.values import flatten
from repro.cases.medfe.case import CASE
from repro.errors import UserError
from repro.evidence import changes, describe_published, read_evidence
from repro.revisions import committed_params, head
from repro.tracking import database as tracking_database
from repro.tracking import logged_variants, open_store, publish_variant, rebuild
from repro.tracking.logged import DESCRIBED, _describe
from repro.tracking.publish import find_runs, publish_evidence
from repro.tracking.store import import_mlflow
from sweep_project import TIMEOUT_S
from tiny import tiny_params

pytestmark = [
    # SQLAlchemy 2.1 warns of how MLflow 3.17 declares its tables
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow's engines are closed when the interpreter ends
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]


PUBLISH_AT_ONCE = """
import os, sys, pathlib
from repro.tracking.store import import_mlflow
import_mlflow()
import mlflow.store.tracking.sqlalchemy_store  # once; each process below then starts where they would collide
from repro.cases.medfe.case import CASE
from repro.tracking import publish_variant
children = []
for job in sys.argv[1:]:
    if (child := os.fork()) == 0:
        publish_variant(CASE, pathlib.Path(job))
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A database made once; copying it spares every test three seconds. Its artifacts lie where it was made."""
    project = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(project))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        open_store(CASE.name)
    return project / "mlflow.db"


@pytest.fixture
def project(tmp_path, monkeypatch, empty_store):
    """An empty project with a tracking store, as the current folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _copy_store(empty_store, tmp_path)
    return tmp_path


def _copy_store(database: Path, project: Path) -> None:
    target = project / "mlflow.db"
    target.write_bytes(database.read_bytes())
    with sqlite3.connect(target) as connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", ((project / "mlruns").as_uri(),))
    connection.close()


def test_a_run_holds_parameters_details_history_metrics_and_artifacts(project):
    results = write_evidence(project / "results", variant="abcdef0123", seed=0, adv="hinge")
    run = open_store(CASE.name).client.get_run(publish_variant(CASE, results, commit="f" * 40))

    assert run.info.status == "FINISHED"
    assert run.data.params["loss.adv"] == "hinge"
    assert run.data.params["data.structure.method"] == "rtv"
    assert run.data.tags["detail.loss.adv"] == "hinge"
    assert "detail.data.image_px" not in run.data.tags  # the scale is no detail
    assert run.data.tags["repro.variant"] == "abcdef0123"
    assert run.data.tags["repro.seed"] == "0"
    assert run.data.tags["vgg"] == "vgg16 with random weights"
    assert run.data.tags["mlflow.source.git.commit"] == "f" * 40
    metrics = json.loads((results / "evaluate/metrics.json").read_text())
    assert run.data.metrics["evaluate/psnr_hole_db"] == metrics["psnr_hole_db"]
    assert "evaluate/lpips" not in run.data.metrics  # a reason is no number
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    assert artifacts.is_relative_to(project)
    for file in sorted(item for item in results.glob("*/**/*") if item.is_file()):
        assert (artifacts / file.relative_to(results)).read_bytes() == file.read_bytes(), file


def test_history_is_logged_by_step_under_the_names_of_its_columns(project):
    results = write_evidence(project / "results")
    run_id = publish_variant(CASE, results)
    history = pd.read_csv(results / "train/history.csv").set_index("step")
    for term in history.columns:
        logged = {
            item.step: item.value for item in open_store(CASE.name).client.get_metric_history(run_id, f"train/{term}")
        }
        assert logged == history[term].dropna().to_dict(), term


def test_the_same_evidence_is_published_once(project):
    first = publish_variant(CASE, write_evidence(project / "results"))
    elsewhere = write_evidence(project / "copy")
    record = elsewhere / "train/record.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"seconds": 999.0}))  # time is no part of the key
    assert publish_variant(CASE, elsewhere) == first
    assert len(logged_variants(CASE).runs) == 1


@pytest.mark.parametrize("change", ["seed", "option", "number"])
def test_evidence_that_differs_is_another_run(project, change):
    first = publish_variant(CASE, write_evidence(project / "results"))
    other = project / "other"
    match change:
        case "seed":
            write_evidence(other, seed=1)
        case "option":
            write_evidence(other, adv="hinge")
        case "number":
            write_evidence(other, model_db=17.0001)
    assert publish_variant(CASE, other) != first


@pytest.mark.fault("kill", "publisher")
def test_a_run_whose_publisher_was_killed_is_made_again(project):
    results = write_evidence(project / "results")
    store = open_store(CASE.name)
    key = read_evidence(CASE, results).key
    stale = store.client.create_run(store.experiment, tags={"repro.key": key}).info.run_id
    finished = publish_variant(CASE, results)
    assert finished != stale
    assert store.client.get_run(stale).info.lifecycle_stage == "deleted"
    assert [run.info.run_id for run in store.client.search_runs([store.experiment])] == [finished]


@pytest.mark.fault("damage", "tracking store")
def test_a_run_that_has_lost_its_files_is_made_again(project):
    results = write_evidence(project / "results")
    first = publish_variant(CASE, results)
    shutil.rmtree(project / "mlruns")
    assert len(logged_variants(CASE).units) == 0
    second = publish_variant(CASE, results)
    assert second != first
    assert logged_variants(CASE).units["run_id"].unique().tolist() == [second]


@pytest.mark.fault("damage", "tracking store")
def test_a_file_that_is_no_database_is_told_of(project):
    (project / "mlflow.db").write_text("notes")
    with pytest.raises(UserError, match=r"mlflow\.db is no database of this MLflow .*\n  move it away"):
        open_store(CASE.name)


@pytest.mark.fault("at once", "publishers")
@pytest.mark.parametrize("processes", [4, pytest.param(16, marks=pytest.mark.long)])
def test_several_processes_that_start_without_a_database_lose_no_run(tmp_path, tried: Tried, processes: int):
    jobs = [f"results{seed}" for seed in range(processes - processes // 4)]
    for seed, name in enumerate(jobs):
        write_evidence(tmp_path / name, seed=seed)
    environment = {**_environment(), "DVC_ROOT": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", PUBLISH_AT_ONCE, *jobs, *jobs[: processes // 4]]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")  # migrations are not told of
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        found = connection.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall()
    connection.close()
    assert found == [("FINISHED", len(jobs))]
    assert not list(tmp_path.glob(".mlflow*"))
    for _ in range(processes):
        tried()


def test_runs_read_back_equal_what_was_published(project):
    for seed, option in [(0, "ralsgan"), (1, "ralsgan"), (0, "hinge")]:
        write_evidence(project / f"{option}{seed}", variant=option, seed=seed, adv=option)
        publish_variant(CASE, project / f"{option}{seed}")
    logged = logged_variants(CASE)
    assert sorted(zip(logged.runs["variant"], logged.runs["seed"], strict=True)) == [
        ("hinge", 0),
        ("ralsgan", 0),
        ("ralsgan", 1),
    ]
    assert set(logged.params["loss.adv"]) == {"hinge", "ralsgan"}
    hinge = logged.runs.index[logged.runs["variant"] == "hinge"][0]
    rows = logged.units[logged.units["run_id"] == hinge].drop(columns="run_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, pd.read_csv(project / "hinge0/evaluate/images.csv"))


@pytest.mark.usefixtures("project")
def test_an_empty_store_reads_back_as_empty_tables():
    logged = logged_variants(CASE)
    assert [len(table) for table in logged] == [0, 0, 0, 0, 0]
    assert list(logged.runs) == DESCRIBED


def test_a_dead_server_is_reported_within_seconds(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{port}")
    results = write_evidence(tmp_path / "results")
    import_mlflow()
    start = time.monotonic()
    with pytest.raises(UserError, match="no answer") as caught:
        publish_variant(CASE, results)
    assert time.monotonic() - start < 15
    assert "secret" not in str(caught.value)


def test_no_password_is_printed_by_mlflow(monkeypatch):
    monkeypatch.delenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", raising=False)
    import_mlflow()
    from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT

    assert MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get()


def test_a_server_that_hangs_is_reported_within_seconds(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DVC_ROOT", str(tmp_path))
        monkeypatch.setattr("repro.tracking.store.SERVER_TIMEOUT_S", 0.3)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match="no answer"):
            open_store(CASE.name)


def test_a_moved_project_is_told_to_rebuild(project, empty_store):
    (project / "mlflow.db").write_bytes(empty_store.read_bytes())  # its artifacts lie where it was made
    with pytest.raises(UserError, match="delete the file"):
        open_store(CASE.name)


def test_a_database_that_the_user_named_is_not_to_be_deleted(project, empty_store, monkeypatch):
    (project / "mlflow.db").rename(project / "shared.db")
    (project / "shared.db").write_bytes(empty_store.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///shared.db")
    with pytest.raises(UserError, match="name another file in MLFLOW_TRACKING_URI") as caught:
        open_store(CASE.name)
    assert "delete" not in str(caught.value)


@pytest.mark.fault("input", "tracking address")
@pytest.mark.parametrize(
    "uri",
    [
        "mlruns",
        "databricks",
        "file:///tmp/mlruns",
        "sqlite:///",
        "mysql://user:secret@host/db",
        "postgresql://host/db?password=secret",
        "user:secret@host",
    ],
)
def test_an_address_that_is_neither_database_nor_server_is_refused(project, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"expected sqlite:///FILE or http\(s\)://HOST:PORT") as caught:
        open_store(CASE.name)
    assert "secret" not in str(caught.value)
    assert not (project / "mlruns").exists()


@pytest.mark.fault("input", "tracking address")
@pytest.mark.parametrize(
    "uri", ["http://[::1", "http://", "http://user:secret@[::1", "https://host:port", "http://host:0"]
)
@pytest.mark.usefixtures("project")
def test_a_malformed_address_is_told_of(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="no address of a server") as caught:
        open_store(CASE.name)
    assert "secret" not in str(caught.value)


def test_an_experiment_that_was_deleted_is_restored_with_its_runs(project):
    run_id = publish_variant(CASE, write_evidence(project / "results"))
    store = open_store(CASE.name)
    store.client.delete_experiment(store.experiment)
    assert list(logged_variants(CASE).runs.index) == [run_id]
    assert store.client.get_experiment(store.experiment).lifecycle_stage == "active"


@pytest.mark.parametrize("status", [401, 403, 400])
@pytest.mark.usefixtures("project")
def test_a_server_that_refuses_is_told_of(monkeypatch, status):
    with _refusing_server(status) as port:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:se%23cret@127.0.0.1:{port}")
        said = "refuses access" if status != 400 else "400"
        with pytest.raises(UserError, match=said) as caught:
            open_store(CASE.name)
    assert "cret" not in str(caught.value)
    assert f"http://127.0.0.1:{port}" in str(caught.value)


@pytest.mark.parametrize(
    ("age_s", "status", "kept"), [(60, "RUNNING", True), (700, "RUNNING", False), (700, "FAILED", True)]
)
def test_a_run_that_another_machine_may_be_writing_is_left_alone(project, age_s, status, kept):
    evidence = read_evidence(CASE, write_evidence(project / "results"))
    store = open_store(CASE.name)
    started_ms = int((time.time() - age_s) * 1000)
    other = store.client.create_run(store.experiment, start_time=started_ms, tags={"repro.key": evidence.key})
    if status != "RUNNING":
        store.client.set_terminated(other.info.run_id, status)
    elsewhere = store._replace(uri="http://127.0.0.1:1")  # the client stays that of the database
    publish_evidence(CASE, elsewhere, evidence, None, {})
    stage = store.client.get_run(other.info.run_id).info.lifecycle_stage
    assert stage == ("active" if kept else "deleted")


def test_links_hold_no_password(project):
    publish_variant(CASE, write_evidence(project / "results"))
    store = open_store(CASE.name)
    run = find_runs(store, "")[0]
    described = _describe(store._replace(uri="https://user:secret@host:5000/"), run)
    assert described["link"].startswith("https://host:5000/#/experiments/")


def test_results_that_are_missing_are_named(project):
    results = write_evidence(project / "results")
    (results / "evaluate/images.csv").unlink()
    with pytest.raises(UserError, match=r"evaluate/images\.csv is missing"):
        publish_variant(CASE, results)


def test_rebuilding_finds_the_working_tree_and_every_experiment(project):
    _make_repository(project, write_evidence(project / "results"))
    _make_experiment(project, "brave-hinge", adv="hinge")
    _make_experiment(project, "no-results", results=False)

    done = rebuild(CASE)

    assert [(item.label.split("/")[-1], item.run is not None) for item in done] == [
        ("brave-hinge", True),
        ("no-results", False),
        ("working tree", True),
    ]
    names = set(logged_variants(CASE).runs["name"])
    assert names == {"0123456789 seed 0", "0123456789 seed 0 loss.adv=hinge"}
    assert [item.run for item in rebuild(CASE)] == [item.run for item in done]  # nothing is logged twice
    with pytest.raises(UserError, match="no commit 'nowhere'"):
        rebuild(CASE, ["nowhere"])


def test_what_was_published_is_what_another_machine_reads(project):
    params = tiny_params({"seed": 3, "loss.adv": "hinge"})
    results = write_evidence(project / "results")
    evidence = read_evidence(CASE, results, params)  # the params of now go before those of an earlier publishing
    assert (evidence.variant, evidence.seed) == (params.variant(), 3)
    assert evidence.params == leave_out_before(CASE.params, params.resolved())
    (results / "published.json").write_text(json.dumps(describe_published(evidence)))
    assert read_evidence(CASE, results) == evidence
    (results / "published.json").unlink()
    assert read_evidence(CASE, results, params) == evidence
    with pytest.raises(UserError, match=r"published\.json is missing"):
        read_evidence(CASE, results)


def test_changes_compare_values_and_not_how_they_are_written():
    baseline = {"loss": {"adv": "ralsgan", "weight": 250}, "model": {"kernels": [3, 5, 7]}, "old": 1}
    params = {"loss": {"adv": "hinge", "weight": 250.0}, "model": {"kernels": (3, 5, 7)}, "new": 2}
    assert changes(params, baseline) == {"loss.adv": "hinge"}
    assert flatten(params, "/") == {"loss/adv": "hinge", "loss/weight": 250.0, "model/kernels": (3, 5, 7), "new": 2}


@contextmanager
def _refusing_server(status: int):
    """Yields the port of a server that answers everything with a status."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"refused")

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _make_repository(project: Path, results: Path) -> None:
    params = json.loads((results / "published.json").read_text())["params"]
    (project / "params.yaml").write_text(json.dumps(params))  # JSON is YAML
    for command in (["init", "-q"], ["add", "results", "params.yaml"], ["commit", "-qm", "baseline"]):
        git(project, *command)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=project, check=True, env=_environment())


def _make_experiment(project: Path, name: str, results: bool = True, **details: object) -> None:
    """Makes a commit as `dvc exp run` leaves it: on the baseline, known by a reference alone."""
    baseline = git(project, "rev-parse", "HEAD")
    git(project, "rm", "-rq", "--cached", "results")
    if results:
        write_evidence(project / "experiment/results", **details)
        lost = project / "experiment/results/runs/lost.dvc"  # a run of a study that this machine has never had
        lost.parent.mkdir(exist_ok=True)
        lost.write_text("outs:\n- {md5: 0123456789abcdef0123456789abcdef.dir, hash: md5, path: lost}\n")
        git(project, "--work-tree=experiment", "add", "results")
    tree = git(project, "write-tree")
    commit = git(project, "commit-tree", tree, "-p", baseline, "-m", name)
    git(project, "update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", commit)
    git(project, "read-tree", baseline)


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    return {**kept, "DVC_NO_ANALYTICS": "1"}


def test_a_database_that_another_program_holds_is_called_locked(project, monkeypatch):
    publish_variant(CASE, write_evidence(project / "one"))
    database = Path("mlflow.db")
    monkeypatch.setattr(tracking_database, "PATIENCE_S", 0.2)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"is locked: .*\n  end that program") as told:
            open_store(CASE.name)
        other.rollback()
    assert "move it away" not in str(told.value)
    assert len(logged_variants(CASE).runs) == 1


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sqlite:///folder", "is a folder"),
        ("sqlite:///file/x.db", "cannot be written: .* is a file"),
        ("sqlite:////proc/none/x.db", "cannot be written"),
        (f"sqlite:///{'x' * 250}", "cannot be written|file name too long"),
    ],
)
def test_a_database_that_cannot_be_written_is_told_of_at_once(monkeypatch, address: str, said: str):
    Path("folder").mkdir()
    Path("file").write_text("x")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    started = time.monotonic()
    with pytest.raises((UserError, OSError), match=said):
        open_store(CASE.name)
    assert time.monotonic() - started < 10


@pytest.mark.fault("damage", "logged run")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"method,photograph\n",
        b"not,a\ntable",
        b"\xff\xfe\n\xff,\xff\n",
        b'method,"photograph\na,b\n',
    ],
)
def test_one_damaged_table_of_a_logged_run_leaves_the_others(project, content: bytes):
    good = publish_variant(CASE, write_evidence(project / "one"))
    bad = publish_variant(CASE, write_evidence(project / "other", seed=7))
    before = logged_variants(CASE)
    (table,) = Path("mlruns").glob(f"**/{bad}/artifacts/{CASE.results.rows}")
    table.write_bytes(content)
    logged = logged_variants(CASE)
    assert set(logged.runs.index) == {good, bad}
    assert set(logged.units["run_id"]) == {good}
    assert logged.units.equals(before.units[before.units["run_id"] == good].reset_index(drop=True))
    (reason,) = logged.left_out.values()
    assert CASE.results.rows in reason


@pytest.mark.fault("damage", "logged run")
def test_a_run_whose_tags_were_edited_is_left_out_with_its_reason(project):
    good = publish_variant(CASE, write_evidence(project / "one"))
    bad = publish_variant(CASE, write_evidence(project / "other", seed=7))
    open_store(CASE.name).client.set_tag(bad, "repro.seed", "seven")
    logged = logged_variants(CASE)
    assert list(logged.runs.index) == [good]
    assert list(logged.left_out.values()) == ["its tags name no seed"]


BROKEN_PARAMS = ["loss: [", "- 1\n", "5", "a: &a {b: *a}\n", "a: 2020-13-45\n"]


@pytest.mark.fault("damage", "params.yaml at HEAD")
@pytest.mark.parametrize("text", BROKEN_PARAMS)
def test_broken_params_at_head_hide_no_result(project, text: str):
    git(project, "init", "-q")
    (project / "params.yaml").write_text(text)
    git(project, "add", "params.yaml")
    git(project, "commit", "-qm", "broken")
    with pytest.raises(UserError, match=r"params\.yaml of [0-9a-f]{10}"):
        committed_params(head())
    evidence = write_evidence(project / "results")
    assert publish_variant(CASE, evidence, commit=head(), baseline=head()) in logged_variants(CASE).runs.index


DAMAGED = {
    "published.json": (b"", b'{"seed": 0, "par', b"[1, 2]", b"\0" * 64, b"\xff\xfe"),
    "train/record.json": (b"", b'{"seed": 0, "par', b"[1, 2]", b"\0" * 64, b"\xff\xfe"),
    "evaluate/metrics.json": (b"", b'{"seed": 0, "par', b"[1, 2]", b"\0" * 64, b"\xff\xfe"),
    "train/history.csv": (b"step,pixel\n1,x\n", b"pixel\n1\n", b"step,pixel\n\0,1\n", b"step,pixel\n1,\xff\n"),
}


@pytest.mark.fault("damage", "results")
@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in DAMAGED.items() for text in texts])
def test_a_damaged_file_of_the_results_is_named_with_its_remedy(tmp_path, name: str, content: bytes):
    results = write_evidence(tmp_path / "results")
    (results / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{re.escape(name)} cannot be read \(.*\n  `dvc checkout`"):
        read_evidence(CASE, results)
