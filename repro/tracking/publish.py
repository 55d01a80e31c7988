"""Publishing: each piece of evidence becomes one finished run, however often it is published.

It comes from the working tree or from what DVC keeps of other variants, and counts once for each content key.
"""

import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from repro import paths, revisions
from repro.audit.ledger.choice import show_value, walk_details
from repro.audit.ledger.values import flatten
from repro.case import Case
from repro.errors import UserError
from repro.evidence import Evidence, changes, read_evidence
from repro.tracking.address import is_server
from repro.tracking.refusals import explain_refusals
from repro.tracking.store import NoAnswerError, Store, import_mlflow, lock, open_store

KEY, VARIANT, SEED, CHANGES = "repro.key", "repro.variant", "repro.seed", "repro.changes"
"""Tags of a run: content key, variant id, training seed, differences from the params it was started beside."""
BATCH = 100
"""MLflow takes at most 100 parameters or tags in one request."""
METRICS_BATCH = 1000
ABANDONED_AFTER_S = 600
"""A run on a server that has been unfinished for longer is no longer being written."""

Item = TypeVar("Item")


class Rebuilt(NamedTuple):
    """What became of one piece of evidence: the run that holds it, or why there is none."""

    label: str
    run: str | None
    reason: str


def publish_variant(
    case: Case, results: Path, params: Any = None, commit: str | None = None, baseline: str | None = None
) -> str:
    """Logs the results of one variant, unless they have been logged; returns the run id.

    Args:
        case: under audit.
        results: the folder of results.
        params: what the results were made with; None: as `published.json` beside them holds it.
        commit: the git commit that the results belong to.
        baseline: the commit whose params the run's name shows the differences from.

    Raises:
        UserError: results are missing, or the tracking store cannot be opened.
    """
    evidence = read_evidence(case, results, params)
    return publish_evidence(case, open_store(case.name), evidence, commit, _params_beside(baseline))


def publish_workspace(case: Case, params: Any) -> Evidence:
    """Logs the results of the working tree, which these parameters made; see `publish_variant`."""
    evidence = read_evidence(case, paths.RESULTS, params)
    commit = revisions.head()
    publish_evidence(case, open_store(case.name), evidence, commit, _params_beside(commit))
    return evidence


def rebuild(case: Case, commits: Iterable[str] = ()) -> list[Rebuilt]:
    """Logs the results of every DVC experiment, the named commits and the working tree; skips what is logged.

    The oldest commit goes first and the working tree last: of several runs of one variant and seed, the newest counts.

    Raises:
        UserError: the tracking store cannot be opened or falls silent, or git does not know a commit.
    """
    found = [*revisions.experiments(), *map(revisions.commit_revision, commits)]
    store, head = open_store(case.name), revisions.head()
    rebuilt = []
    for revision in sorted(found, key=lambda revision: revisions.committed_at(revision.commit)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                results = revisions.fetch_results(case, revision, Path(folder))
            except UserError as error:
                rebuilt.append(Rebuilt(revision.label, None, str(error)))
                continue
            rebuilt.append(_attempt(case, store, revision.label, results, revision.commit, revision.baseline))
    return [*rebuilt, _attempt(case, store, "working tree", paths.RESULTS, head, head)]


def _params_beside(commit: str | None) -> Mapping[str, Any]:
    """Returns the params of a commit, which a run's name shows the differences from; empty: there are none to read."""
    try:
        return revisions.committed_params(commit)
    except UserError:
        return {}


def _attempt(case: Case, store: Store, label: str, results: Path, commit: str | None, baseline: str | None) -> Rebuilt:
    try:
        evidence = read_evidence(case, results)
        return Rebuilt(label, publish_evidence(case, store, evidence, commit, _params_beside(baseline)), "")
    except NoAnswerError:
        raise
    except UserError as error:
        return Rebuilt(label, None, str(error))


def publish_evidence(
    case: Case, store: Store, evidence: Evidence, commit: str | None, beside: Mapping[str, Any]
) -> str:
    """Logs a piece of evidence into an open store, unless it has been logged; returns the run id.

    Args:
        case: under audit.
        store: open.
        evidence: as read from its folder.
        commit: the git commit that it belongs to.
        beside: nested params that the run's name shows the differences from; empty: none are shown.

    Raises:
        UserError: the server refuses.
    """
    with explain_refusals(store.uri), lock(f"publish-{evidence.key[:16]}"):
        broken = []
        for run in find_runs(store, f"tags.`{KEY}` = '{evidence.key}'"):
            if run.info.status == "FINISHED" and (is_server(store.uri) or _has_files(store, evidence, run)):
                return str(run.info.run_id)
            broken.append(run)
        for run in broken:
            if _is_abandoned(store, run):
                store.client.delete_run(run.info.run_id)
        return _log(case, store, evidence, commit, beside)


def _has_files(store: Store, evidence: Evidence, run: Any) -> bool:
    """Tells whether the files of a run are where they were logged; somebody may have deleted mlruns."""
    folder = Path(evidence.rows).parent
    listed = store.client.list_artifacts(run.info.run_id, None if folder == Path() else str(folder))
    return any(item.path == evidence.rows for item in listed)


def _is_abandoned(store: Store, run: Any) -> bool:
    """Tells whether a run was left unfinished by a publisher that was killed, or has lost its files.

    The lock keeps other processes of this project out, but not other machines that write to the same server.
    """
    if not is_server(store.uri):
        return True
    age_ms = time.time() * 1000 - run.info.start_time
    return bool(run.info.status == "RUNNING" and age_ms > ABANDONED_AFTER_S * 1000)


def find_runs(store: Store, query: str) -> list[Any]:
    """Returns our runs that a query finds, newest first."""
    runs: list[Any] = []
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment], query, order_by=["attributes.start_time DESC"], page_token=token
        )
        runs += [run for run in page if KEY in run.data.tags]
        token = page.token
        if not token:
            return runs


def is_labelled(run: Any) -> bool:
    """Tells whether a run says its variant and seed as ours do; on a server others can write whatever they like."""
    return VARIANT in run.data.tags and bool(re.fullmatch(r"-?\d{1,18}", run.data.tags.get(SEED, ""), re.ASCII))


def _log(case: Case, store: Store, evidence: Evidence, commit: str | None, baseline: Mapping[str, Any]) -> str:
    entities = import_mlflow().entities
    changed = " ".join(f"{key}={value}" for key, value in changes(evidence.params, baseline).items())
    tags = _tags(case, evidence, commit, changed)
    name = f"{evidence.variant} seed {evidence.seed}{' ' + changed if changed else ''}"
    run_id = str(store.client.create_run(store.experiment, tags={KEY: evidence.key}, run_name=name[:200]).info.run_id)
    shown = {key: show_value(value) for key, value in flatten(evidence.params).items()}
    for part in _batches([entities.Param(*item) for item in shown.items()], BATCH):
        store.client.log_batch(run_id, params=part)
    for part in _batches([entities.RunTag(*item) for item in tags.items()], BATCH):
        store.client.log_batch(run_id, tags=part)
    now_ms = int(time.time() * 1000)
    metrics = [entities.Metric(name, value, now_ms, step) for name, value, step in evidence.figures]
    for part in _batches(metrics, METRICS_BATCH):
        store.client.log_batch(run_id, metrics=part)
    for name in evidence.artefacts:
        if (evidence.results / name).is_dir():
            store.client.log_artifacts(run_id, str(evidence.results / name), name)
        elif (evidence.results / name).is_file():
            store.client.log_artifact(run_id, str(evidence.results / name))
    store.client.set_terminated(run_id)
    return run_id


def _tags(case: Case, evidence: Evidence, commit: str | None, changed: str) -> dict[str, str]:
    values = flatten(evidence.params)
    details = {detail.key: values[detail.key] for detail in walk_details(case.params) if detail.key in values}
    tags = {VARIANT: evidence.variant, SEED: str(evidence.seed), CHANGES: changed}
    tags |= {f"detail.{key}": show_value(value) for key, value in details.items()}
    tags |= {f"environment.{key}": str(value) for key, value in flatten(evidence.record.get("environment", {})).items()}
    tags |= {name: value for name, value in evidence.record.items() if isinstance(value, str) and value}
    return tags | ({"mlflow.source.git.commit": commit} if commit is not None else {})


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
