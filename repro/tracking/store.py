"""The tracking store: where it is, and how it is opened and made.

An address flows in from the environment, an open `Store` flows out. Knows nothing of what is logged.
"""

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from repro import paths
from repro.errors import UserError
from repro.storage import written_file

EXPERIMENT = "medfe"
VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = "sqlite:///"
SERVERS = ("http://", "https://")
SERVER_TIMEOUT_S = 4


class Store(NamedTuple):
    """An open tracking store: MLflow's client, the id of our experiment in it, and where it is."""

    client: Any
    experiment: str
    uri: str


def tracking_uri() -> str:
    """Returns the tracking store: MLFLOW_TRACKING_URI, or a database file in the project that the user works in."""
    return os.environ.get(VARIABLE) or f"{DATABASE}{paths.home() / 'mlflow.db'}"


def has_store() -> bool:
    """Tells whether there is something to open: a server's address, or a database that was made before."""
    database = _database(tracking_uri())
    return database is None or database.is_file()


def open_store() -> Store:
    """Opens the tracking store; makes its database and experiment if there are none yet, restores a deleted one.

    Raises:
        UserError: the address is none of a database or server, the server does not answer or refuses, or the database
            belongs to another folder.
    """
    uri = tracking_uri()
    _check_address(uri)
    database = _database(uri)
    if database is None:
        _check_server(uri)
    mlflow = import_mlflow()
    if database is not None:
        uri = f"{DATABASE}{database}"
        _create_database(database)
    with explain_refusals(uri):
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return Store(client, _create_experiment(client, database), uri)
        if database is not None and experiment.artifact_location != _artifacts(database):
            raise _moved(database, experiment.artifact_location)
        if experiment.lifecycle_stage == "deleted":
            _restore_experiment(client, experiment.experiment_id)
    return Store(client, experiment.experiment_id, uri)


def is_server(uri: str) -> bool:
    """Tells whether a tracking store is a server, which other machines may write to as well."""
    return uri.startswith(SERVERS)


def without_password(uri: str) -> str:
    """Returns an address that may be shown: no user, no password, no query; also of an address that is malformed."""
    scheme, colon, rest = uri.rpartition("://")
    return scheme + colon + rest.rpartition("@")[2].partition("?")[0]


@contextmanager
def explain_refusals(uri: str) -> Iterator[None]:
    """Turns what a server refuses into an error for the user that does not show the password.

    Raises:
        UserError: the server refuses access (401, 403), or cannot do what it is asked for.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not is_server(uri):
            raise
        shown = f"{VARIABLE}={without_password(uri)}"
        if error.error_code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"):
            raise UserError(
                f"{shown}: the server refuses access ({error.error_code})\n"
                "  set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account that may write there"
            ) from None
        raise UserError(f"{shown}: {_hide_password(uri, ' '.join(str(error).split()))[:300]}") from None


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


def _check_address(uri: str) -> None:
    if not uri.startswith((DATABASE, *SERVERS)) or uri == DATABASE:
        raise UserError(
            f"{VARIABLE}={without_password(uri)}: neither a database nor a server\n"
            "  expected sqlite:///FILE or http(s)://HOST:PORT; unset it to log into mlflow.db in this project"
        )
    if not is_server(uri):
        return
    try:
        parts = urlsplit(without_password(uri))
        well_formed = bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise UserError(f"{VARIABLE}={without_password(uri)}: no address of a server\n  expected http(s)://HOST:PORT")


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


def _hide_password(uri: str, text: str) -> str:
    account = uri.partition("://")[2].rpartition("@")[0]
    password = account.partition(":")[2]
    for secret in filter(None, (account, unquote(account), password, unquote(password))):
        text = text.replace(secret, "***")
    return text


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


def _create_database(database: Path) -> None:
    """Makes the database under a lock, in a file moved into place: a half-migrated one could never be opened."""
    with lock("mlflow"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with written_file(database) as partial:
            store: Any = SqlAlchemyStore(f"{DATABASE}{partial}", _artifacts(database))  # type: ignore[no-untyped-call]
            store.create_experiment(EXPERIMENT, artifact_location=_artifacts(database))
            store.engine.dispose()


def _create_experiment(client: Any, database: Path | None) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=_artifacts(database) if database else None))
    except MlflowException:
        experiment = client.get_experiment_by_name(EXPERIMENT)
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
