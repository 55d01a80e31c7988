"""Reading back: every finished run as tables, for the report and for whoever analyses them."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from repro.audit.ledger.values import shorten
from repro.case import Case
from repro.errors import UserError
from repro.evidence import read_unit_rows
from repro.tracking.address import is_server, without_password
from repro.tracking.publish import CHANGES, KEY, SEED, VARIANT, find_runs, is_labelled
from repro.tracking.refusals import explain_refusals
from repro.tracking.store import NoAnswerError, Store, open_store

if TYPE_CHECKING:
    import pandas as pd


DESCRIBED = ["name", "variant", "seed", "key", "changes", "started", "link"]


class Logged(NamedTuple):
    """Every finished run, newest first, once for each content key; the first three are indexed by run id.

    Attributes:
        runs: name, variant, seed, key, changes, started (UTC), link.
        params: one text column for each parameter, by its dotted key.
        metrics: one column for each metric, the last value logged.
        units: the rows of the units of all runs, with the column run_id.
        left_out: why a run, or its rows, cannot be read, by its name; the others are there.
    """

    runs: "pd.DataFrame"
    params: "pd.DataFrame"
    metrics: "pd.DataFrame"
    units: "pd.DataFrame"
    left_out: Mapping[str, str] = {}


def logged_variants(case: Case) -> Logged:
    """Reads every finished run back; one whose tags or table are damaged is left out with its reason.

    Raises:
        UserError: the tracking store cannot be opened, or falls silent.
    """
    import pandas as pd

    store = open_store(case.name, writes=False)
    with explain_refusals(store.uri):
        finished = find_runs(store, "attributes.status = 'FINISHED'")
    left_out = {str(run.info.run_name): "its tags name no seed" for run in finished if not is_labelled(run)}
    found = {run.data.tags[KEY]: run for run in reversed(finished) if is_labelled(run)}
    runs = sorted(found.values(), key=lambda run: -run.info.start_time)
    index = pd.Index([run.info.run_id for run in runs], name="run_id", dtype=object)
    described = pd.DataFrame([_describe(store, run) for run in runs], index=index, columns=DESCRIBED)
    params, metrics = (
        pd.DataFrame([getattr(run.data, name) for run in runs], index=index) for name in ("params", "metrics")
    )
    tables = []
    for run in runs:
        try:
            tables.append(_unit_rows(case, store, run).assign(run_id=run.info.run_id))
        except NoAnswerError:
            raise
        except UserError as error:
            left_out[str(run.info.run_name)] = str(error)
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"run_id": []})
    return Logged(described, params, metrics, rows, left_out)


def _describe(store: Store, run: Any) -> dict[str, Any]:
    import pandas as pd

    tags = run.data.tags
    return {
        "name": run.info.run_name,
        "variant": tags[VARIANT],
        "seed": int(tags[SEED]),
        "key": tags[KEY],
        "changes": tags.get(CHANGES, ""),
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        "link": link_of(store, run.info.run_id),
    }


def link_of(store: Store, run_id: str) -> str:
    """Returns where a run is seen: on the server, or in an `mlflow ui` of this machine."""
    server = without_password(store.uri).rstrip("/") if is_server(store.uri) else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{store.experiment}/runs/{run_id}"


def _unit_rows(case: Case, store: Store, run: Any) -> "pd.DataFrame":
    """Returns the rows of a run.

    Raises:
        UserError: they cannot be had, or are no numbers by unit.
    """
    from mlflow.exceptions import MlflowException

    name = case.results.rows
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = store.client.download_artifacts(run.info.run_id, name, folder)
            table = read_unit_rows(Path(file), case.results.text)
        except (MlflowException, OSError, ValueError) as error:
            raise UserError(f"its {name} cannot be read ({shorten(str(error))})") from None
    text = set(case.results.text)
    numbers = [str(column) for column in table if column not in text]
    odd = [f"no column {column}" for column in text if column not in table]
    odd += [f"{column} holds no numbers" for column in numbers if table[column].dtype.kind not in "biuf"]
    if odd:
        raise UserError(f"its {name} is damaged ({shorten(odd[0])})")
    return table
