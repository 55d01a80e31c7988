"""The tracking store: how it is made, opened, and told to be broken or absent."""

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from repro import paths
from repro.audit.ledger.values import shorten
from repro.deadline import within
from repro.errors import UserError
from repro.extras import explain_missing
from repro.storage import written_file
from repro.tracking.address import VARIABLE, check_address, is_server, show_address, tracking_uri, without_password
from repro.tracking.database import check_database, database_address, database_file
from repro.tracking.refusals import explain_refusals

SERVER_TIMEOUT_S = 4
"""Of the first answer, in all."""
API_TIMEOUT_S = 10
"""Of each answer that MLflow needs, in all, unless the user has set its variable."""
RETRIES_VARIABLE = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
TIMEOUT_VARIABLE = "MLFLOW_HTTP_REQUEST_TIMEOUT"
ELSEWHERE = f"unset {VARIABLE} to log into mlflow.db in this project"


class Store(NamedTuple):
    """An open tracking store: MLflow's client, the id of our experiment in it, and where it is."""

    client: Any
    experiment: str
    uri: str


def has_store() -> bool:
    """Tells whether there is something to open: a server's address, or a database that was made before."""
    database = database_file(tracking_uri())
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
            belongs to another folder, is held by another program, is none, or cannot be written.
    """
    uri = tracking_uri()
    check_address(uri)
    database = database_file(uri)
    if database is None:
        check_server(uri)
    else:
        check_database(database, writes=writes)
    mlflow = import_mlflow()
    if database is not None:
        uri = database_address(database, uri.partition("?")[2])
        with explain_refusals(uri):
            _create_database(database, name)
    with explain_refusals(uri):
        client = open_client(mlflow, uri)
        experiment = find_experiment(client, uri, name)
        if experiment is None:
            return Store(client, _create_experiment(client, database, name), uri)
        if database is not None and experiment.artifact_location != _artifacts(database):
            raise _moved(database, experiment.artifact_location)
        if experiment.lifecycle_stage == "deleted":
            _restore_experiment(client, experiment.experiment_id)
    return Store(client, experiment.experiment_id, uri)


def find_experiment(client: Any, uri: str, name: str, remedy: str = ELSEWHERE) -> Any:
    """Returns an experiment by its name; None: there is none.

    Raises:
        UserError: what answers is no server of MLflow.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and not experiment.experiment_id:  # of any JSON, such as {}
        raise UserError(f"{show_address(uri)}: what answers there is no server of MLflow\n  {remedy}")
    return experiment


def lock(name: str) -> FileLock:
    """Returns a lock that all processes of this project share, also those in DVC's temporary copies of it."""
    folder = paths.state() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


def import_mlflow() -> Any:
    """Imports MLflow, quiet and without telemetry, and with few retries: they hang a dead server for minutes.

    Raises:
        UserError: it is not installed, or the user has set one of its limits to what is none.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # which holds the password
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for name, usual in ((RETRIES_VARIABLE, 2), (TIMEOUT_VARIABLE, API_TIMEOUT_S)):
        if not os.environ.setdefault(name, str(usual)).isdecimal():
            raise UserError(f"{name}={os.environ[name]}: no whole number\n  unset it, or set e.g. {name}={usual}")
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise explain_missing(error) from None

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # tracebacks of what is told in a line
    return mlflow


def check_server(uri: str, remedy: str = ELSEWHERE) -> None:
    """Checks within seconds that something answers at an address.

    Raises:
        UserError: nothing does, or what is no server of HTTP.
    """
    health = f"{without_password(uri).rstrip('/')}/health"
    try:
        within(SERVER_TIMEOUT_S, lambda: urllib.request.urlopen(health, timeout=SERVER_TIMEOUT_S).close())  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()  # something answers; a proxy may hide /health
    except (OSError, ValueError, HTTPException) as error:
        raise UserError(
            f"{show_address(uri)}: no answer of a server ({shorten(str(error))})\n  start that server, or {remedy}"
        ) from None


class NoAnswerError(UserError):
    """A server has fallen silent, so that nothing more is to be asked of it."""


class _TimedClient:
    """MLflow's client of a server, which answers within a time or not at all; what uploads files may take longer."""

    def __init__(self, client: Any, uri: str, remedy: str) -> None:
        self._client, self._uri, self._remedy = client, uri, remedy

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return call if name.startswith("log_artifact") else partial(self._ask, call)

    def _ask(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        seconds = int(os.environ[TIMEOUT_VARIABLE])
        try:
            return within(seconds, lambda: call(*args, **named))
        except TimeoutError:
            raise NoAnswerError(
                f"{show_address(self._uri)}: no whole answer within {seconds:g} s\n"
                f"  is it a server of MLflow? else {self._remedy}; {TIMEOUT_VARIABLE}=60 waits longer"
            ) from None


def open_client(mlflow: Any, uri: str, remedy: str = ELSEWHERE) -> Any:
    """Returns MLflow's client of a store; a server that has said to be there may still never get to the end.

    What is asked raises NoAnswerError where a server is not done in time.
    """
    client = mlflow.MlflowClient(tracking_uri=uri)
    return _TimedClient(client, uri, remedy) if is_server(uri) else client


def _moved(database: Path, location: str) -> UserError:
    advice = (
        f"name another file in {VARIABLE}, or unset it to log into mlflow.db in this project"
        if os.environ.get(VARIABLE)
        else "delete the file and make it again from DVC's results: repro publish"
    )
    return UserError(f"{database}: its artifacts lie in {location}, not beside it (was the project moved?)\n  {advice}")


def _artifacts(database: Path) -> str:
    return (database.parent / "mlruns").as_uri()


def _create_database(database: Path, experiment: str) -> None:
    """Makes the database under a lock, in a file moved into place: a half-migrated one could never be opened."""
    with lock("mlflow"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with written_file(database) as partial:
            store: Any = SqlAlchemyStore(database_address(partial), _artifacts(database))  # type: ignore[no-untyped-call]
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
