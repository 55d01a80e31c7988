"""The tracking store: where it is, and how it is opened and made.

An address flows in from the environment, an open `Store` flows out. Knows nothing of what is logged.
"""

import logging
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from filelock import FileLock

from repro import paths
from repro.errors import UserError
from repro.storage import written_file

EXPERIMENT = "medfe"
SERVER_TIMEOUT_S = 4


class Store(NamedTuple):
    """An open tracking store: MLflow's client, the id of our experiment in it, and where it is."""

    client: Any
    experiment: str
    uri: str


def tracking_uri() -> str:
    """Returns the tracking store: MLFLOW_TRACKING_URI, or a database file in the project that the user works in."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.home() / 'mlflow.db'}"


def has_store() -> bool:
    """Tells whether there is something to open: a server's address, or a database that was made before."""
    database = _database(tracking_uri())
    return database is None or database.is_file()


def open_store() -> Store:
    """Opens the tracking store, and makes its database and experiment if there are none yet.

    Raises:
        UserError: a server does not answer, or the database belongs to another folder.
    """
    uri = tracking_uri()
    database = _database(uri)
    if uri.startswith(("http://", "https://")):
        _check_server(uri)
    mlflow = import_mlflow()
    if database is not None:
        uri = f"sqlite:///{database}"
        _create_database(database)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return Store(client, _create_experiment(client, database), uri)
    if database is not None and experiment.artifact_location != _artifacts(database):
        raise UserError(
            f"{database}: its artifacts lie in {experiment.artifact_location}, not beside it (was the project moved?)\n"
            "  delete the file and make it again from DVC's results: repro publish"
        )
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
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    return mlflow


def _check_server(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{_without_password(uri).rstrip('/')}/health", timeout=SERVER_TIMEOUT_S).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()  # something answers; a proxy may hide /health
    except (OSError, ValueError, HTTPException) as error:
        raise UserError(
            f"MLFLOW_TRACKING_URI={_without_password(uri)}: no answer within {SERVER_TIMEOUT_S} s ({error})\n"
            "  start that server, or unset the variable to log into mlflow.db in this project"
        ) from None


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _database(uri: str) -> Path | None:
    """Returns the file of an SQLite URI; a relative one lies in the project, not in DVC's temporary copy of it."""
    prefix = "sqlite:///"
    return paths.home() / uri.removeprefix(prefix) if uri.startswith(prefix) else None


def _artifacts(database: Path) -> str:
    return (database.parent / "mlruns").as_uri()


def _create_database(database: Path) -> None:
    """Makes the database under a lock, in a file moved into place: a half-migrated one could never be opened."""
    with lock("mlflow"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with written_file(database) as partial:
            store: Any = SqlAlchemyStore(f"sqlite:///{partial}", _artifacts(database))  # type: ignore[no-untyped-call]
            store.create_experiment(EXPERIMENT, artifact_location=_artifacts(database))
            store.engine.dispose()


def _create_experiment(client: Any, database: Path | None) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=_artifacts(database) if database else None))
    except MlflowException:  # another process was faster, or the experiment lies in MLflow's bin
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            raise
        return str(experiment.experiment_id)
