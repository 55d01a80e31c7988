"""Runs that somebody has logged in MLflow, whatever made them, as a table with a row a run."""

import os
import re

import pandas as pd

from repro.errors import UserError
from repro.tracking.address import VARIABLE, without_password

MOST_RUNS = 100_000
"""Rows that are asked for at most."""


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
    import mlflow
    from mlflow.entities import Run
    from mlflow.exceptions import MlflowException

    store = uri or os.environ.get(VARIABLE) or mlflow.get_tracking_uri()
    client = mlflow.MlflowClient(tracking_uri=store)
    shown = without_password(store)
    try:
        found = client.get_experiment_by_name(experiment)
        if found is None and experiment.isdigit():
            found = client.get_experiment(experiment)
        if found is None:
            names = ", ".join(item.name for item in client.search_experiments()[:5])
            raise UserError(f"{shown} has no experiment {experiment!r}\n  it has: {names}")
        runs: list[Run] = []
        token: str | None = None
        while len(runs) < MOST_RUNS:
            page = client.search_runs([found.experiment_id], max_results=1000, page_token=token)
            runs += list(page)
            token = page.token
            if not token:
                break
    except MlflowException as error:
        raise UserError(f"{shown}: {' '.join(str(error).split())[:200]}") from None
    if not runs:
        raise UserError(f"{shown}: the experiment {experiment!r} has no runs")
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
