"""The database of runs: folders of any name, addresses with a query, and what is said of one that another holds."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from evidence_on_disk import write_evidence
from repro.cases.medfe.case import CASE
from repro.errors import UserError
from repro.tracking import database, logged_variants, open_store, publish_variant
from repro.tracking.address import check_address, tracking_uri
from repro.tracking.database import check_database, database_address, database_file

pytestmark = [
    # SQLAlchemy 2.1 warns of how MLflow 3.17 declares its tables
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow's engines are closed when the interpreter ends
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]
ODD = ("100%", "a%2Fb", "a%20b", "why?", "a?timeout=1", "sharp#1", "two words", "写真 ü", "%(here)s", "a%%b", "a@b")


@pytest.fixture
def anywhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ODD)
def test_sqlalchemy_opens_the_very_file_whatever_the_folder_is_called(anywhere, monkeypatch, name) -> None:
    project = anywhere / name
    project.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(project))
    file = database_file(tracking_uri())
    assert file == project / "mlflow.db"
    address = database_address(file, "timeout=30")
    assert make_url(address).database == str(file)
    assert make_url(address).query == {"timeout": "30"}
    named = Path(address.removeprefix("sqlite:///").partition("?")[0]).parent
    assert named in (project, Path()), "MLflow makes this folder"


def test_a_project_below_such_a_folder_publishes_and_reads_back(anywhere, monkeypatch) -> None:
    project = anywhere / "why? 100%2F"
    project.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.chdir(project)
    publish_variant(CASE, write_evidence(project / "results"))
    logged = logged_variants(CASE)
    assert len(logged.runs) == 1
    assert len(logged.units)
    assert sorted(item.name for item in project.iterdir()) == [".repro", "mlflow.db", "mlruns", "results"]
    assert list(anywhere.iterdir()) == [project], "and nothing outside"


def test_a_database_that_the_disk_has_no_room_for_is_told_and_not_left_half_made(anywhere, monkeypatch) -> None:
    from mlflow.store.tracking import sqlalchemy_store

    def refuse(*_: object) -> None:
        raise OperationalError("CREATE TABLE runs (id)", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", refuse)
    with pytest.raises(UserError, match=r"mlflow\.db cannot be written .*is full\)\n  make room on that disk"):
        open_store(CASE.name)
    assert [item.name for item in anywhere.iterdir()] == [".repro"]


def test_a_relative_address_with_a_query_is_opened(anywhere, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///shared.db?timeout=30")
    assert open_store(CASE.name).uri.endswith("shared.db?timeout=30")
    assert sorted(item.name for item in anywhere.iterdir()) == [".repro", "shared.db"]


@pytest.mark.fault("input", "tracking address")
@pytest.mark.parametrize(
    "rest", [":memory:", "file:a.db?uri=true", "a.db?foo=1", "a.db?timeout=abc", "a.db?timeout=1&x=2"]
)
def test_a_database_address_that_cannot_be_opened_is_refused(rest) -> None:
    with pytest.raises(UserError, match=r"\n  expected sqlite:///FILE or sqlite:///FILE\?timeout=SECONDS$"):
        check_address(f"sqlite:///{rest}")


@pytest.mark.fault("input", "tracking address")
@pytest.mark.parametrize("rest", ["?timeout=30", "/?a=b", "#/experiments/1"])
def test_a_server_address_with_a_query_is_refused(rest) -> None:
    with pytest.raises(UserError, match=r"no address of a server\n  expected http"):
        check_address(f"http://127.0.0.1:5000{rest}")


@pytest.fixture
def held(anywhere, monkeypatch) -> Iterator[Path]:
    """A database that another program is writing to."""
    monkeypatch.setattr(database, "PATIENCE_S", 0.1)
    open_store(CASE.name)
    other = sqlite3.connect(anywhere / "mlflow.db")
    other.execute("BEGIN IMMEDIATE")
    yield anywhere
    other.close()


def test_a_database_that_another_program_holds_is_called_locked(held) -> None:
    results = write_evidence(held / "results")
    with pytest.raises(UserError, match=r"mlflow\.db is locked: another program is writing to it") as caught:
        publish_variant(CASE, results)
    assert "move it away" not in str(caught.value)
    assert "what was run is kept; then: repro publish" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("(sqlite3.OperationalError) database is locked\n[SQL: x]", "is locked: another program"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "cannot be written"),
        ("(sqlite3.OperationalError) unable to open database file", "cannot be written"),
        ("(sqlite3.OperationalError) database or disk is full\n[SQL: x]", "is full)\n  make room on that disk"),
        ("(sqlite3.DatabaseError) file is not a database", "is no database of this MLflow"),
        ("Detected out-of-date database schema (found version 1)", "is no database of this MLflow"),
        ("Param value is too long", "MLflow says: Param value"),
    ],
)
def test_only_what_is_no_database_is_to_be_moved_away(said, told) -> None:
    explained = str(database.explain(Path("mlflow.db"), ValueError(said)))
    assert "SQL" not in explained
    assert told in explained
    assert ("move it away" in explained) == ("no database" in told)


@pytest.mark.fault("damage", "tracking store")
def test_what_is_no_database_is_told_within_a_second(tmp_path) -> None:
    (tmp_path / "mlflow.db").write_text("notes " * 1000)
    with pytest.raises(UserError, match="is no database of this MLflow"):
        check_database(tmp_path / "mlflow.db")
    check_database(tmp_path / "missing.db")  # it is made
    os.mkfifo(tmp_path / "pipe.db")
    for writes in (False, True):
        with pytest.raises(UserError, match=r"pipe\.db is no regular file; expected a database"):
            check_database(tmp_path / "pipe.db", writes=writes)
    with pytest.raises(UserError, match="cannot be written"):
        check_database(Path("/proc/none/missing.db"))


MARKUP = "<script>alert(1)</script>\x1b]0;title\x07"


@pytest.mark.fault("damage", "logged run")
@pytest.mark.parametrize(
    "tags", [{}, {"repro.variant": "a"}, {"repro.seed": "1"}, {"repro.variant": "a", "repro.seed": MARKUP}]
)
def test_a_foreign_run_without_variant_or_seed_breaks_no_table(anywhere, tags) -> None:
    own = publish_variant(CASE, write_evidence(anywhere / "results"))
    store = open_store(CASE.name)
    foreign = store.client.create_run(store.experiment, tags={"repro.key": MARKUP, **tags}, run_name=MARKUP)
    store.client.log_param(foreign.info.run_id, "loss.adv", "x" * 5000)
    store.client.set_terminated(foreign.info.run_id)
    assert list(logged_variants(CASE).runs.index) == [own]


def test_another_programs_database_is_left_as_it_is(tmp_path) -> None:
    file = tmp_path / "mine.db"
    with closing(sqlite3.connect(file)) as connection:
        check_database(file)  # of no tables yet
        connection.execute("CREATE TABLE cats (name)")
        connection.commit()
    for writes in (True, False):
        with pytest.raises(UserError, match=r"mine\.db is another program's database, with the table 'cats'"):
            check_database(file, writes=writes)


def test_a_path_that_sqlite_cannot_open_is_told_at_once(tmp_path) -> None:
    deep = tmp_path.joinpath(*["d" * 60] * 9)
    deep.mkdir(parents=True)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(deep / "mlflow.db")
    with pytest.raises(UserError, match=r"SQLite opens no database below a path of more than \d+ bytes\n  move"):
        check_database(deep / "mlflow.db")


@pytest.mark.parametrize("writes", [True, False], ids=["to write", "to read"])
def test_a_folder_in_its_place_is_told_at_once(tmp_path, writes) -> None:
    with pytest.raises(UserError, match="is a folder; expected a database"):
        check_database(tmp_path, writes=writes)
