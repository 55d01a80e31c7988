"""What the report is about: the active variant's results, the inputs they were made from, and the logged runs.

All sections read one `Contents`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from repro import paths
from repro.audit.ledger.values import flatten
from repro.cases.medfe.case import CASE
from repro.errors import UserError
from repro.evidence import Evidence, explain_damage, read_evidence, read_object, read_unit_rows
from repro.tracking import Logged, logged_variants

MODEL = "model"
TITLES = {
    "model": "MEDFE",
    "constant": "constant fill",
    "known_mean": "known-pixel mean",
    "telea": "Telea",
    "navier_stokes": "Navier-Stokes",
    "biharmonic": "biharmonic",
}
"""How a method is called in the report, in the order of the tables."""

PREPARED_ACCOUNT = "report.json"


class Contents(NamedTuple):
    """All that the sections read.

    Attributes:
        evidence: the active variant.
        settings: its parameters by dotted key.
        rows: per-image rows of its headline output, and those of the baselines, with `title` for the method.
        figures: the headline figures, by name of the metric.
        not_computed: the metrics that there are no figures of, each with the reason.
        history: loss terms by step.
        prepared: the account of the photographs.
        logged: the runs in the tracking store, one for each variant and seed.
        left_out: how many more runs of the same variants and seeds there are, made by other code or data.
    """

    evidence: Evidence
    settings: dict[str, Any]
    rows: pd.DataFrame
    figures: dict[str, float]
    not_computed: dict[str, str]
    history: pd.DataFrame
    prepared: dict[str, Any]
    logged: Logged
    left_out: int


def load_contents() -> Contents:
    """Reads the working tree's results and the tracking store.

    Raises:
        UserError: results are missing, or the tracking store cannot be opened.
    """
    evidence = read_evidence(CASE, paths.RESULTS)
    settings = flatten(evidence.params)
    figures = read_object(paths.EVALUATE / paths.METRICS)
    not_computed = read_object(paths.EVALUATE / paths.NOT_COMPUTED)
    with explain_damage(paths.TRAIN / paths.HISTORY):
        history = pd.read_csv(paths.TRAIN / paths.HISTORY)
    with explain_damage(paths.EVALUATE / paths.IMAGES):
        rows = _method_rows(settings["evaluation.output"])
    return Contents(
        evidence,
        settings,
        rows,
        figures,
        not_computed,
        history,
        _read_account(paths.PREPARED / PREPARED_ACCOUNT),
        *_keep_current(logged_variants(CASE), evidence),
    )


def method_means(contents: Contents, value: str) -> "pd.Series[float]":
    """Returns the mean of a value over all rows of each method, by its title, the model first."""
    return contents.rows.groupby("title", sort=False)[value].mean()


def _keep_current(logged: Logged, evidence: Evidence) -> tuple[Logged, int]:
    """Returns the newest run of each variant and seed, and how many others there are.

    Of the active variant and seed, the run that holds the active evidence is kept, whichever is the newest.
    """
    runs = logged.runs
    if runs.empty:
        return logged, 0
    is_active = (runs["variant"] == evidence.variant) & (runs["seed"] == evidence.seed)
    is_stale = runs.duplicated(["variant", "seed"]).mask(is_active, runs["key"] != evidence.key).astype(bool)
    kept = runs.index[~is_stale]
    units = logged.units[logged.units["run_id"].isin(kept)]
    current = Logged(runs.loc[kept], logged.params.loc[kept], logged.metrics.loc[kept], units, logged.left_out)
    return current, int(is_stale.sum())


def _method_rows(output: str) -> pd.DataFrame:
    """Returns the model's rows of one output above those of the baselines, whose known pixels are never touched."""
    model = read_unit_rows(paths.EVALUATE / paths.IMAGES, CASE.results.text)
    tables = [model[(model["method"] == MODEL) & (model["output"] == output)]]
    if (paths.BASELINES / paths.IMAGES).is_file():
        tables.append(
            read_unit_rows(paths.BASELINES / paths.IMAGES, CASE.results.text).drop_duplicates(
                ["method", "image", "bucket"]
            )
        )
    rows = pd.concat([table.dropna(axis="columns", how="all") for table in tables])
    rows["title"] = rows["method"].map(lambda method: TITLES.get(method, method))
    order = {method: place for place, method in enumerate(TITLES)}
    return rows.sort_values(
        ["method", "bucket"], key=lambda column: column.map(order) if column.name == "method" else column, kind="stable"
    ).reset_index(drop=True)


def _read_account(file: Path) -> dict[str, Any]:
    try:
        return read_object(file) if file.is_file() else {}
    except UserError:
        return {}  # the section says that there is none
