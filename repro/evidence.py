"""The results of one variant as files: what they are keyed by, and where DVC keeps those of other variants.

The key of a piece of evidence is the same wherever and whenever the same numbers were made.
"""

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from repro import paths
from repro.audit.ledger.choice import show_value
from repro.audit.ledger.identity import SEED, leave_out_before, variant_id
from repro.audit.ledger.values import flatten, plain, shorten
from repro.audit.ledger.yaml_text import parse_yaml
from repro.case import Case
from repro.errors import UserError
from repro.own_folder import keep_dvc_apart
from repro.recorded import LOCK, check_recorded
from repro.storage import hash_json, hash_tree

if TYPE_CHECKING:
    import pandas as pd

_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
"""Variables by which git speaks of another repository than that of the folder, as it sets them for its hooks."""
_REFUSES = ("dubious ownership", "safe.directory", "bad config", "unknown repository", "Permission denied")
"""In what git says when it will not read a repository that is there."""
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


class Revision(NamedTuple):
    """A commit that holds evidence, and the commit whose params it departs from (None: its own)."""

    label: str
    commit: str
    baseline: str | None


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


def experiments() -> Iterator[Revision]:
    """Yields every experiment that DVC keeps in this git repository, named `baseline/name`.

    Raises:
        UserError: git refuses the repository.
    """
    listed = _git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps") or ""
    for line in listed.splitlines():
        commit, reference = line.split()
        parts = reference.split("/")  # refs/exps/ab/cdef.../name; exec, stash and celery are DVC's own
        if len(parts) == 5 and len(parts[2]) == 2:
            baseline = parts[2] + parts[3]
            yield Revision(f"{baseline[:7]}/{parts[4]}", commit, baseline)


def commit_revision(name: str) -> Revision:
    """Returns the revision of a commit, tag or branch.

    Raises:
        UserError: git does not know it, or refuses the repository.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        raise UserError(f"git knows no commit {shorten(name)!r}\n  `git log --oneline` lists them")
    return Revision(name, commit, None)


def find_head() -> str | None:
    """Returns the current commit, None where there is none or no git.

    Raises:
        UserError: git refuses the repository.
    """
    return _git("rev-parse", "--verify", "--quiet", "HEAD")


def head() -> str | None:
    """Returns the current commit, if the working tree is under git; where git refuses, what it says is passed on."""
    try:
        return find_head()
    except UserError as error:
        print(f"{error}\n  without it, results do not say which commit they belong to", file=sys.stderr, flush=True)
        return None


def committed_at(commit: str) -> int:
    """Returns when a commit was made, in seconds since 1970; 0 if git does not know it."""
    told = (_git("log", "-1", "--no-show-signature", "--no-color", "--format=%ct", commit) or "").split()
    return int(told[-1]) if told and told[-1].isdecimal() else 0


def committed_params(commit: str | None) -> Mapping[str, Any]:
    """Returns the params file of a commit, nested; empty where there is none.

    Raises:
        UserError: it is broken.
    """
    text = _git("cat-file", "blob", f"{commit}:./{paths.PARAMS}") if commit else None
    values = parse_yaml(text, f"{paths.PARAMS} of {str(commit)[:10]}") if text else None
    if not isinstance(values, Mapping | None):
        raise UserError(f"{paths.PARAMS} of {str(commit)[:10]} holds no parameters")
    return values or {}


def fetch_results(case: Case, revision: Revision, destination: Path) -> Path:
    """Fetches the results of a revision's variant from git and DVC's cache, without a checkout.

    Raises:
        UserError: the cache does not hold them, or holds others.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    keep_dvc_apart()
    target = destination / revision.commit
    try:
        kept = DVCFileSystem(".", rev=revision.commit)
        for name in (*case.results.folders, *case.results.loose, paths.PUBLISHED.name):  # and no run of a study
            part = paths.RESULTS / name
            if kept.exists(str(part)):
                kept.get(str(part), str(target / name), recursive=True)
    except (DvcException, DataIndexError, OSError) as error:
        raise UserError(f"{revision.label}: {error}\n  its results are not in DVC's cache; run it again") from error
    wanted = [name for name in (*case.results.needed, paths.PUBLISHED.name) if (target / name).is_file()]
    check_recorded(target, wanted, _git("cat-file", "blob", f"{revision.commit}:./{LOCK}") or "")
    return target


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


def _git(*arguments: str) -> str | None:
    """Returns what git prints about the repository of this folder; None where it knows nothing, or is not there.

    Raises:
        UserError: git refuses the repository, e.g. because it belongs to another user.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | {"LC_ALL": "C"}
    command = ["git", "--no-pager", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", env=environment, check=False
        )
    except FileNotFoundError:
        return None
    if done.returncode == 0:
        return done.stdout.strip()
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if any(sign in done.stderr for sign in _REFUSES):
        raise UserError("git refuses this repository: " + "\n  ".join(said[:6]))
    return None
