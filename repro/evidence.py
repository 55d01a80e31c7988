"""The results of one variant as files, and what they are keyed by.

The key of a piece of evidence is the same wherever and whenever the same numbers were made.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from repro import paths
from repro.audit.ledger.choice import show_value
from repro.audit.ledger.identity import SEED, leave_out_before, variant_id
from repro.audit.ledger.values import flatten, plain, shorten
from repro.case import Case
from repro.errors import UserError
from repro.recorded import LOCK, check_recorded
from repro.storage import hash_json, hash_tree

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_FIELDS = ("variant", "seed", "params")
Series = tuple[tuple[str, float, int], ...]
"""Names with values by step."""


class Evidence(NamedTuple):
    """One trained and evaluated variant.

    Attributes:
        results: the folder that holds it.
        key: SHA-256 of variant, seed, parameters, and the files of numbers; no time and no path enters it.
        variant: the variant's id.
        seed: the training seed.
        params: the whole parameter tree, nested.
        record: what the run wrote down about itself.
        figures: every number by its name and step: the history, then the headline figures.
        rows: the table of its units, relative to the folder.
        artefacts: files and folders that belong to it, relative to the folder.
    """

    results: Path
    key: str
    variant: str
    seed: int
    params: Mapping[str, Any]
    record: Mapping[str, Any]
    figures: Series
    rows: str
    artefacts: tuple[str, ...]


def read_evidence(case: Case, results: Path, params: Any = None) -> Evidence:
    """Reads the evidence of the active variant, or of another one that its pipeline made.

    Args:
        case: under audit.
        results: the folder of results.
        params: what the results were made with, checked; None: as `published.json` holds it.

    Raises:
        UserError: a file is missing, damaged, or not what DVC has recorded.
    """
    files = case.results
    needed = files.needed if params is not None else (*files.needed, paths.PUBLISHED.name)
    missing = [name for name in needed if not (results / name).is_file()]
    if missing:
        raise UserError(f"no results to read: {results / missing[0]} is missing\n  `dvc repro` makes them")
    if results == paths.RESULTS and LOCK.is_file():
        with explain_damage(LOCK):
            check_recorded(results, needed, LOCK.read_text(encoding="utf-8"))
    identity = _identify(case, params) if params is not None else _read_identity(results / paths.PUBLISHED.name)
    record = read_object(results / files.record)
    with explain_damage(results):
        numbers = {name: hash_tree(results / name) for name in files.numbers}
    figures = (*_read_history(results, files.history), *_read_figures(results, files.figures))
    key = hash_json({**identity, **numbers})
    return Evidence(results, key, **identity, record=record, figures=figures, rows=files.rows, artefacts=files.folders)


def read_run_evidence(case: Case, folder: Path, params: Any) -> Evidence:
    """Reads the evidence of a run of a study: its rows, and their means as figures.

    Raises:
        UserError: a file is missing or damaged.
    """
    for name in (paths.RUN, paths.ROWS):
        if not (folder / name).is_file():
            raise UserError(f"no results to read: {folder / name} is missing\n  `repro sweep STUDY` makes them")
    identity = _identify(case, params)
    record = read_object(folder / paths.RUN)
    with explain_damage(folder / paths.ROWS):
        key = hash_json({**identity, paths.ROWS: hash_tree(folder / paths.ROWS)})
    kept = tuple(name for name in (paths.RUN, paths.ROWS, paths.PROTOCOL_ROWS) if (folder / name).is_file())
    return Evidence(folder, key, **identity, record=record, figures=_mean_rows(folder), rows=paths.ROWS, artefacts=kept)


@contextmanager
def explain_damage(file: Path) -> Iterator[None]:
    """Turns what a file that is cut short, overwritten or edited raises into an error for the user.

    Raises:
        UserError: in one line, with the way to get the file back.
    """
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, csv.Error) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        why = f"no {error}" if isinstance(error, KeyError) else shorten(told) or type(error).__name__
        raise UserError(f"{file} cannot be read ({why})\n  `dvc checkout` brings back what DVC holds of it") from None


def read_object(file: Path) -> dict[str, Any]:
    """Returns the object that a JSON file holds.

    Raises:
        UserError: it holds none.
    """
    with explain_damage(file):
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__} where an object is expected")
        return content


def read_unit_rows(file: Path, text: Iterable[str] = ()) -> "pd.DataFrame":
    """Reads a table of units; what is named NA stays a name, an empty number is missing.

    Args:
        file: CSV.
        text: columns that are text, whatever they look like.
    """
    import pandas as pd

    names = [str(name) for name in pd.read_csv(file, nrows=0)]
    missing = {name: [""] for name in names if name not in text}
    kinds = dict.fromkeys(set(names) & set(text), str)
    return pd.read_csv(file, dtype=kinds, na_values=missing, keep_default_na=False)


def describe_published(evidence: Evidence) -> dict[str, Any]:
    """Returns what `published.json` holds: nothing that a second run on another machine would write differently."""
    return {"key": evidence.key, "variant": evidence.variant, "seed": evidence.seed, "params": evidence.params}


def changes(params: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    """Returns the dotted keys whose values differ from the baseline's, as one would type them after `-S`."""
    before = flatten(baseline)
    now = flatten(params)
    return {key: show_value(now[key]) for key in now if key in before and plain(now[key]) != plain(before[key])}


def _identify(case: Case, params: Any) -> dict[str, Any]:
    values = params.model_dump(mode="json")
    told = leave_out_before(case.params, values)
    return {"variant": variant_id(case.params, values), "seed": values[SEED], "params": told}


def _read_identity(published: Path) -> dict[str, Any]:
    kept = read_object(published)
    with explain_damage(published):
        identity = {name: kept[name] for name in PUBLISHED_FIELDS}
        if not isinstance(identity["params"], dict) or not isinstance(identity["seed"], int):
            raise ValueError("its params or its seed are none")
        return identity


def _read_history(results: Path, history: str) -> Series:
    """Returns every term of the history under the name of its folder."""
    if not history:
        return ()
    prefix = Path(history).parent.name
    with explain_damage(results / history), (results / history).open(newline="", encoding="utf-8") as stream:
        return tuple(
            (f"{prefix}/{name}", float(value), int(float(row["step"])))
            for row in csv.DictReader(stream)
            for name, value in row.items()
            if value and name != "step"
        )


def _read_figures(results: Path, figures: str) -> Series:
    prefix = Path(figures).parent.name
    values = flatten(read_object(results / figures), separator="/")
    return tuple(
        (f"{prefix}/{name}" if prefix else name, float(value), 0)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )


def _mean_rows(folder: Path) -> Series:
    with explain_damage(folder / paths.ROWS):
        rows = read_unit_rows(folder / paths.ROWS, text=("unit", "metric"))
        means = rows.groupby(["metric", "train_fraction"], sort=False)["value"].mean().dropna().reset_index()
    return tuple(
        (metric if fraction == 1 else f"{metric}/after {fraction:g} of the training", float(value), 0)
        for metric, fraction, value in means.itertuples(index=False)
    )
