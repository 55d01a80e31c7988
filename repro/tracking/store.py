"""The tracking store: how it is made, opened, and told to be broken or absent."""

import logging
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from filelock import FileLock

from repro import paths
from repro.errors import UserError
from repro.extras import explain_missing
from repro.refusals import check_file
from repro.storage import written_file
from repro.tracking.address import (
    DATABASE,
    VARIABLE,
    check_address,
    explain_refusals,
    tracking_uri,
    without_password,
)

SERVER_TIMEOUT_S = 4
LOCK_TIMEOUT_S = 15
"""Longer than many publishers at once keep each other waiting."""


class Store(NamedTuple):
    """An open tracking store: MLflow's client, the id of our experiment in it, and where it is."""

    client: Any
    experiment: str
    uri: str


def has_store() -> bool:
    """Tells whether there is something to open: a server's address, or a database that was made before."""
    database = _database(tracking_uri())
    return database is None or database.is_file()


def runs_experiment(case: str) -> str:
    """Returns the experiment of the runs of studies: hundreds of short ones, apart from those that people look at."""
    return f"{case} runs"


def open_store(name: str, *, writes: bool = True) -> Store:
    """Opens the tracking store; makes its database and experiment if there are none yet, restores a deleted one.

    Args:
        name: of the experiment, that is of the case.
        writes: whether something is going to be logged.

    Raises:
        UserError: the address is none of a database or server, the server does not answer or refuses, or the database
            belongs to another folder, is held by another program, or cannot be written.
    """
    uri = tracking_uri()
    check_address(uri)
    database = _database(uri)
    if database is None:
        _check_server(uri)
    else:
        _check_database(database, writes)
    mlflow = import_mlflow()
    if database is not None:
        uri = f"{DATABASE}{database}"
        _create_database(database, name)
    with explain_refusals(uri), _explain_database(database):
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            return Store(client, _create_experiment(client, database, name), uri)
        if database is not None and experiment.artifact_location != _artifacts(database):
            raise _moved(database, experiment.artifact_location)
        if experiment.lifecycle_stage == "deleted":
            _restore_experiment(client, experiment.experiment_id)
    return Store(client, experiment.experiment_id, uri)


def lock(name: str) -> FileLock:
    """Returns a lock that all processes of this project share, also those in DVC's temporary copies of it."""
    folder = paths.state() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


def import_mlflow() -> Any:
    """Imports MLflow, quiet and without telemetry, and with few retries: they hang a dead server for minutes."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise explain_missing(error) from None

    logging.getLogger("alembic").setLevel(logging.WARNING)
    return mlflow


def _check_server(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{without_password(uri).rstrip('/')}/health", timeout=SERVER_TIMEOUT_S).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()  # something answers; a proxy may hide /health
    except (OSError, ValueError, HTTPException) as error:
        raise UserError(
            f"{VARIABLE}={without_password(uri)}: no answer within {SERVER_TIMEOUT_S} s ({error})\n"
            "  start that server, or unset the variable to log into mlflow.db in this project"
        ) from None


def _check_database(database: Path, writes: bool) -> None:
    """Checks within seconds what MLflow would try again for two minutes."""
    if writes or not database.exists():
        check_file(database)
    if not database.is_file():
        return
    address = f"file:{quote(str(database))}?mode={'rw' if writes else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE" if writes else "SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise UserError(
                f"{database} is locked: another program has held it for {LOCK_TIMEOUT_S} s\n"
                "  wait until that has ended, or end it; the database is sound"
            ) from None
        if isinstance(error, sqlite3.OperationalError):
            raise UserError(
                f"{database} cannot be {'written' if writes else 'read'} ({error})\n"
                f"  get the right to, or name another file in {VARIABLE}"
            ) from None
        raise UserError(_no_database(database, str(error))) from None


def _no_database(database: Path, why: str) -> str:
    return f"{database} is no database of this MLflow ({why})\n  move it away, and make it again: repro publish"


@contextmanager
def _explain_database(database: Path | None) -> Iterator[None]:
    """Turns what a file that is no database of this MLflow raises into an error for the user."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        if database is None:
            raise
        first = str(error).splitlines()[0]
        raise UserError(_no_database(database, first)) from None


def _moved(database: Path, location: str) -> UserError:
    advice = (
        f"name another file in {VARIABLE}, or unset it to log into mlflow.db in this project"
        if os.environ.get(VARIABLE)
        else "delete the file and make it again from DVC's results: repro publish"
    )
    return UserError(f"{database}: its artifacts lie in {location}, not beside it (was the project moved?)\n  {advice}")


def _database(uri: str) -> Path | None:
    """Returns the file of an SQLite URI; a relative one lies in the project, not in DVC's temporary copy of it."""
    return paths.home() / uri.removeprefix(DATABASE) if uri.startswith(DATABASE) else None


def _artifacts(database: Path) -> str:
    return (database.parent / "mlruns").as_uri()


def _create_database(database: Path, experiment: str) -> None:
    """Makes the database under a lock, in a file moved into place: a half-migrated one could never be opened."""
    with lock("mlflow"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with written_file(database) as partial:
            store: Any = SqlAlchemyStore(f"{DATABASE}{partial}", _artifacts(database))  # type: ignore[no-untyped-call]
            store.create_experiment(experiment, artifact_location=_artifacts(database))
            store.engine.dispose()


def _create_experiment(client: Any, database: Path | None, name: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, artifact_location=_artifacts(database) if database else None))
    except MlflowException:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return str(experiment.experiment_id)  # another process was faster


def _restore_experiment(client: Any, experiment: str) -> None:
    """Takes the experiment, with its runs, out of MLflow's bin, where a user has put it."""
    from mlflow.exceptions import MlflowException

    try:
        client.restore_experiment(experiment)
    except MlflowException:
        if client.get_experiment(experiment).lifecycle_stage == "deleted":
            raise  # no other process was faster
