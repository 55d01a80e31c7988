"""The tables of a run as files: one row per unit, metric and train fraction, and one per evaluation protocol."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

from repro.case import ProtocolRow, Row
from repro.errors import UserError
from repro.kept.values import show
from repro.storage import written_file


def write_rows(rows: Iterable[Row], metrics: Collection[str], file: Path) -> None:
    """Writes the rows of a run, sorted by train fraction (the whole training first) and metric.

    Raises:
        UserError: there is none at the end of the training, one names no metric of the case, or one stands twice.
    """
    listed = sorted(
        rows, key=lambda row: (-row.train_fraction, list(metrics).index(row.metric) if row.metric in metrics else -1)
    )
    if not any(row.train_fraction == 1 for row in listed):
        raise UserError("the run has measured nothing at the end of its training")
    if stranger := next((row.metric for row in listed if row.metric not in metrics), None):
        raise UserError(f"the run has measured {stranger}, which is no metric of the case: {', '.join(metrics)}")
    if len({(row.unit, row.metric, row.train_fraction) for row in listed}) < len(listed):
        raise UserError("the run has measured the same unit, metric and train fraction twice")
    _write(file, Row._fields, ((row.unit, row.metric, show(row.value), f"{row.train_fraction:g}") for row in listed))


def write_protocol_rows(rows: Iterable[ProtocolRow], file: Path) -> None:
    """Writes what other evaluation protocols make of the run; nothing where there is none."""
    listed = list(rows)
    if listed:
        choices = list(listed[0].protocol)
        table = ((*(row.protocol[name] for name in choices), row.metric, show(row.value)) for row in listed)
        _write(file, (*choices, "metric", "value"), table)


def _write(file: Path, names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with written_file(file) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
