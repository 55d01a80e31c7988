"""The results of one variant as files: what they are keyed by, and where DVC keeps those of other variants.

A results folder flows in (the working tree's, or one fetched from a DVC experiment) and comes out as an `Evidence`,
whose key is the same wherever and whenever the same numbers were made. Knows nothing of how evidence is shown.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from repro import paths
from repro.audit.ledger.choice import show_value
from repro.audit.ledger.values import flatten, plain
from repro.errors import UserError
from repro.storage import hash_json, hash_tree

if TYPE_CHECKING:
    import pandas as pd

    from repro.cases.medfe.params import Params

NUMBERS = (f"{paths.TRAIN.name}/{paths.HISTORY}", f"{paths.EVALUATE.name}/{paths.IMAGES}")
"""What a key is made of beside the parameters: loss terms by step, and one row per image."""
NEEDED = (*NUMBERS, f"{paths.TRAIN.name}/{paths.RECORD}", f"{paths.EVALUATE.name}/{paths.METRICS}")
"""Without these files, relative to the results folder, there is nothing to publish."""

TEXT_COLUMNS = ("method", "photograph", "bucket", "output")


class Evidence(NamedTuple):
    """One trained and evaluated variant.

    Attributes:
        results: folder that holds `train/`, `evaluate/` and, if they were computed, `baselines/`.
        key: SHA-256 of variant, seed, parameters, history and per-image rows; no time and no path enters it.
        variant: the variant's id.
        seed: the training seed.
        params: the whole parameter tree, nested.
        record: what training wrote down about itself.
    """

    results: Path
    key: str
    variant: str
    seed: int
    params: Mapping[str, Any]
    record: Mapping[str, Any]


class Revision(NamedTuple):
    """A commit that holds evidence, and the commit whose params it departs from (None: its own)."""

    label: str
    commit: str
    baseline: str | None


def read_evidence(results: Path, params: "Params | None" = None) -> Evidence:
    """Reads the evidence of one variant.

    Args:
        results: folder that holds `train/`, `evaluate/` and, if they were computed, `baselines/`.
        params: what the results were made with; None: as `published.json` holds it.

    Raises:
        UserError: a file is missing.
    """
    needed = NEEDED if params is not None else (*NEEDED, paths.PUBLISHED.name)
    missing = [name for name in needed if not (results / name).is_file()]
    if missing:
        raise UserError(f"no results to read: {results / missing[0]} is missing\n  `dvc repro` makes them")
    record = json.loads((results / paths.TRAIN.name / paths.RECORD).read_text())
    identity = _identity(results / paths.PUBLISHED.name, params)
    numbers = {name: hash_tree(results / name) for name in NUMBERS}
    return Evidence(results, key=hash_json({**identity, **numbers}), **identity, record=record)


def read_image_rows(file: Path) -> "pd.DataFrame":
    """Reads a table of per-image rows; a photograph named NA stays one, an empty number is missing."""
    import pandas as pd

    names = [str(name) for name in pd.read_csv(file, nrows=0)]
    missing = {name: [""] for name in names if name not in TEXT_COLUMNS}
    text = dict.fromkeys(set(names) & set(TEXT_COLUMNS), str)
    return pd.read_csv(file, dtype=text, na_values=missing, keep_default_na=False)


def describe_published(evidence: Evidence) -> dict[str, Any]:
    """Returns what `published.json` holds: nothing that a second run on another machine would write differently."""
    return {"key": evidence.key, "variant": evidence.variant, "seed": evidence.seed, "params": evidence.params}


def changes(params: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    """Returns the dotted keys whose values differ from the baseline's, as one would type them after `-S`."""
    before = flatten(baseline)
    now = flatten(params)
    return {key: show_value(now[key]) for key in now if key in before and plain(now[key]) != plain(before[key])}


def experiments() -> Iterator[Revision]:
    """Yields every experiment that DVC keeps in this git repository, named `baseline/name`."""
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
        UserError: git does not know it.
    """
    commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        raise UserError(f"git knows no commit {name!r}\n  `git log --oneline` lists them")
    return Revision(name, commit, None)


def head() -> str | None:
    """Returns the current commit, if the working tree is under git."""
    return _git("rev-parse", "--verify", "--quiet", "HEAD")


def committed_at(commit: str) -> int:
    """Returns when a commit was made, in seconds since 1970; 0 if git does not know it."""
    return int(_git("log", "-1", "--format=%ct", commit) or 0)


def committed_params(commit: str | None) -> Mapping[str, Any]:
    """Returns the params file of a commit, nested; empty where there is none."""
    from ruamel.yaml import YAML

    text = _git("show", f"{commit}:./{paths.PARAMS}") if commit else None
    return YAML(typ="safe").load(text) or {} if text else {}


def fetch_results(revision: Revision, destination: Path) -> Path:
    """Fetches the results of a revision's variant from git and DVC's cache, without a checkout.

    Raises:
        UserError: the cache does not hold them.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    target = destination / revision.commit
    try:
        kept = DVCFileSystem(".", rev=revision.commit)
        for part in (paths.BASELINES, paths.TRAIN, paths.EVALUATE, paths.PUBLISHED):  # and no run of a study
            if kept.exists(str(part)):
                kept.get(str(part), str(target / part.name), recursive=True)
    except (DvcException, DataIndexError, OSError) as error:
        raise UserError(f"{revision.label}: {error}\n  its results are not in DVC's cache; run it again") from error
    return target


def _identity(published: Path, params: "Params | None") -> dict[str, Any]:
    if params is not None:
        return {"variant": params.variant(), "seed": params.seed, "params": params.resolved()}
    kept = json.loads(published.read_text())
    return {name: kept[name] for name in ("variant", "seed", "params")}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
