"""Runs that somebody has logged in MLflow, whatever made them, as a table with a row a run."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from repro.errors import UserError
from repro.tracking.address import VARIABLE, check_address, is_server, without_password
from repro.tracking.database import check_database, database_address, database_file
from repro.tracking.refusals import explain_refusals
from repro.tracking.store import check_server, find_experiment, import_mlflow, open_client

MOST_RUNS = 100_000
"""Rows that are asked for at most."""
PAGE = 200
"""Rows that are asked for at once: a server has a time for each answer."""
OTHER = f"name another store: --tracking-uri, or {VARIABLE}"


def search_runs(experiment: str, uri: str | None = None) -> pd.DataFrame:
    """Reads the finished and failed runs of an experiment.

    Args:
        experiment: its name or id.
        uri: of the store; None: `MLFLOW_TRACKING_URI`, or MLflow's own default.

    Returns:
        A row a run: params and metrics under their own names (with the prefix `metrics.` where a param has the same),
        `status`, and of the tags the name of the run.

    Raises:
        UserError: there is no such store or experiment, or no runs in it.
    """
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it is only read
    mlflow = import_mlflow()
    store = _check_store(uri or os.environ.get(VARIABLE) or mlflow.get_tracking_uri())
    with explain_refusals(store):
        try:
            client = open_client(mlflow, store, OTHER)
        except ImportError as error:  # SQLAlchemy's driver of another database
            raise UserError(f"{without_password(store)}: {error}\n  install that package, and judge again") from None
        runs = _list_runs(client, store, experiment)
    if not runs:
        raise UserError(f"{without_password(store)}: the experiment {experiment!r} has no runs")
    params = {name for run in runs for name in run.data.params}
    rows = [
        {
            "run_name": run.info.run_name,
            "status": run.info.status,
            **run.data.params,
            **{f"metrics.{name}" if name in params else name: value for name, value in run.data.metrics.items()},
        }
        for run in reversed(runs)  # the oldest first
    ]
    table = pd.DataFrame(rows)
    for name in params:
        texts = table[name].dropna()
        if texts.map(lambda text: bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", str(text)))).all():
            table[name] = pd.to_numeric(table[name])
    return table


def _check_store(uri: str) -> str:
    """Returns the address of a store that is there, as MLflow opens it; one that is not would be made.

    Raises:
        UserError: there is none.
    """
    if is_server(uri):
        check_address(uri)
        check_server(uri, OTHER)
        return uri
    if (file := database_file(uri)) is not None:
        check_address(uri)
        if not file.is_file():
            raise UserError(f"{file}: no such database of MLflow\n  {OTHER}")
        check_database(file, writes=False)
        return database_address(file, uri.partition("?")[2])
    kind, colon, _ = uri.partition(":")
    if uri == "databricks" or (colon and kind != "file"):  # such as postgresql+psycopg2, which MLflow or a plugin knows
        return uri
    if not Path(unquote(urlsplit(uri).path) if colon else uri).is_dir():
        raise UserError(f"{without_password(uri)}: no such folder of MLflow\n  {OTHER}")
    return uri


def _list_runs(client: Any, store: str, experiment: str) -> list[Any]:
    """Returns the runs of an experiment, the newest first.

    Raises:
        UserError: there is no such experiment, or a server is not done within its time.
    """
    found = find_experiment(client, store, experiment, OTHER)
    if found is None and experiment.isdigit():
        found = client.get_experiment(experiment)
    if found is None:
        names = ", ".join(item.name for item in client.search_experiments()[:5])
        raise UserError(f"{without_password(store)} has no experiment {experiment!r}\n  it has: {names}")
    runs: list[Any] = []
    token = None
    while len(runs) < MOST_RUNS:
        page = client.search_runs([found.experiment_id], max_results=PAGE, page_token=token)
        runs += list(page)
        token = page.token
        if not token:
            break
    return runs
