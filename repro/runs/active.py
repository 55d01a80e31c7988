"""Stage: the active variant of a project whose pipeline makes one run.

`python -m repro.runs.active` has the case make the run of params.yaml; `results/active` holds its evidence, and
`results/metrics.json` the means of its metrics, for git and `dvc metrics`.
"""

import os
import time
from pathlib import Path
from typing import Any

from repro import paths
from repro.audit.ledger.identity import leave_out_before
from repro.audit.ledger.parsing import parse_tree, read_values
from repro.case import Case, Job, Row, load_case
from repro.processes import alone
from repro.refusals import check_folder, one_message
from repro.runs.inputs import make_inputs
from repro.runs.tables import write_protocol_rows, write_rows
from repro.storage import hash_json, write_json, written_folder

HEADLINES = 8
"""So many metrics at most stand in `dvc exp show`."""


def main() -> None:
    """Makes the run of params.yaml; a `UserError` ends the process with exit status 2."""
    with one_message("run"):
        case = load_case()
        params = parse_tree(case.params, read_values(paths.PARAMS), str(paths.PARAMS))
        check_folder(paths.ACTIVE)
        os.environ["OMP_NUM_THREADS"] = str(case.threads(params))
        tree = hash_json(str(Path.cwd().resolve()))[:12]
        with alone(paths.state() / "locks" / f"active-{tree}.lock", "run: another process makes it here; waiting"):
            make_active(case, params)


def make_active(case: Case, params: Any) -> None:
    """Writes `paths.ACTIVE` and the headline figures."""
    started = time.monotonic()
    values = leave_out_before(case.params, params.model_dump(mode="json"))
    work = paths.state() / "active" / hash_json(values)[:16]
    with written_folder(paths.ACTIVE) as partial:
        measured = case.run(Job(params, make_inputs(case, params), partial, work))
        rows = list(measured.rows)
        write_rows(rows, [metric.name for metric in case.metrics], partial / paths.ROWS)
        write_protocol_rows(measured.protocols, partial / paths.PROTOCOL_ROWS)
        seconds = round(measured.earlier_s + time.monotonic() - started, 3)
        write_json(partial / paths.RUN, {"seconds": seconds, "environment": dict(measured.environment)})
    write_json(paths.ACTIVE_FIGURES, _headlines(case, rows))


def _headlines(case: Case, rows: list[Row]) -> dict[str, float]:
    figures = {}
    for metric in case.metrics[:HEADLINES]:
        found = [row.value for row in rows if row.metric == metric.name and row.train_fraction == 1]
        if found:
            mean = sum(found) / len(found)
            if mean == mean:  # a metric that could not be computed is absent
                figures[metric.name] = round(mean, 6)
    return figures


if __name__ == "__main__":
    main()
