"""The runs of studies in the index: published many at once, and found again by their ids."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from repro import revisions
from repro.case import Case
from repro.evidence import read_run_evidence
from repro.tracking.logged import link_of
from repro.tracking.publish import KEY, SEED, VARIANT, find_runs, is_labelled, publish_evidence
from repro.tracking.refusals import explain_refusals
from repro.tracking.store import Store, has_store, open_store, runs_experiment


def publish_runs(case: Case, runs: Mapping[Path, Any], beside: Mapping[str, Any]) -> int:
    """Logs runs, unless they have been logged; returns how many have been logged now.

    Args:
        case: under audit.
        runs: folder of each run with the params that it was made with.
        beside: nested params of the study's baseline, which the runs' names show the differences from.

    Raises:
        UserError: the tracking store cannot be opened or refuses, or evidence is missing.
    """
    store = open_store(runs_experiment(case.name))
    known = {run.data.tags[KEY] for run in _finished(store)}
    commit, count = revisions.head(), 0
    for folder, params in runs.items():
        evidence = read_run_evidence(case, folder, params)
        if evidence.key not in known:
            publish_evidence(case, store, evidence, commit, beside)
            count += 1
    return count


def link_runs(case: Case) -> dict[tuple[str, int], str]:
    """Returns where each published run of a study is seen, by variant and seed; the newest of several.

    Raises:
        UserError: the tracking store cannot be opened.
    """
    if not has_store():
        return {}
    store = open_store(runs_experiment(case.name), writes=False)
    published = [run for run in reversed(list(_finished(store))) if is_labelled(run)]
    found = {(run.data.tags[VARIANT], int(run.data.tags[SEED])): run for run in published}
    return {run: link_of(store, newest.info.run_id) for run, newest in found.items()}


def _finished(store: Store) -> Iterable[Any]:
    with explain_refusals(store.uri):
        return find_runs(store, "attributes.status = 'FINISHED'")
