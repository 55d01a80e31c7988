"""Runs of a W&B project as a table with a row a run, where the package wandb is installed."""

import json
from importlib import import_module
from itertools import islice
from typing import Any

import pandas as pd

from repro.errors import UserError

MOST_RUNS = 100_000
"""Rows that are asked for at most."""
PAGE_RUNS = 200
"""Runs in one answer of the server."""


def search_wandb(project: str) -> pd.DataFrame:
    """Reads the runs of a project, the oldest first.

    Args:
        project: "ENTITY/PROJECT"; W&B's own settings say where the server is and who asks.

    Returns:
        A row a run: config (nested names joined by a point) and last values of metrics under their own names (with
        the prefix `summary.` where a config has the same), `run_name` and `status`.

    Raises:
        UserError: no such project, no runs in it, or nobody is logged in.
    """
    wandb = import_module("wandb")
    try:
        found = wandb.Api().runs(project, order="+created_at", per_page=PAGE_RUNS, lazy=False)  # else: a request a run
        rows = [_read_run(run) for run in islice(found, MOST_RUNS)]
    except Exception as error:  # of many kinds: no key, no network, no project
        raise UserError(f"wandb:{project}: {' '.join(str(error).split())[:200]}") from None
    if not rows:
        raise UserError(f"wandb:{project} has no runs")
    return pd.DataFrame(rows)


def _read_run(run: Any) -> dict[str, Any]:
    config = {name: value for name, value in _flatten(dict(run.config)) if not name.startswith("_")}
    summary = [
        (name, value)
        for name, value in _flatten(dict(run.summary_metrics))
        if not name.startswith("_") and isinstance(value, int | float)
    ]
    return {
        "run_name": run.name,
        "status": run.state,
        **config,
        **{f"summary.{name}" if name in config else name: value for name, value in summary},
    }


def _flatten(values: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flatten(value, f"{before}{name}.")
        else:
            found.append((f"{before}{name}", json.dumps(value) if isinstance(value, list | tuple) else value))
    return found
