"""What git and DVC know of other variants: commits, their params, and the results that DVC keeps of them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from repro import paths
from repro.audit.ledger.values import shorten
from repro.audit.ledger.yaml_text import parse_yaml
from repro.case import Case
from repro.errors import UserError
from repro.own_folder import keep_dvc_apart
from repro.recorded import LOCK, check_recorded

_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
"""Variables by which git speaks of another repository than that of the folder, as it sets them for its hooks."""
_REFUSES = ("dubious ownership", "safe.directory", "bad config", "unknown repository", "Permission denied")
"""In what git says when it will not read a repository that is there."""


class Revision(NamedTuple):
    """A commit that holds evidence, and the commit whose params it departs from (None: its own)."""

    label: str
    commit: str
    baseline: str | None


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
