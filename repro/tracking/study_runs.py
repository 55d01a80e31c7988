"""The runs of studies in the index: published many at once, without their weights, and found again by their ids.

Folders of evidence flow in, runs of an experiment of their own come of them, and links to these flow out.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import evidence as files
from repro import paths
from repro.evidence import NEEDED, read_evidence
from repro.tracking.address import explain_refusals
from repro.tracking.logged import link_of
from repro.tracking.publish import KEY, SEED, VARIANT, find_runs, publish_evidence
from repro.tracking.store import RUNS, Store, has_store, open_store

if TYPE_CHECKING:
    from repro.cases.medfe.params import Params

Found = dict[tuple[str, int], Any]


def publish_runs(runs: Mapping[Path, "Params"], beside: Mapping[str, Any]) -> int:
    """Logs runs, unless they have been logged; returns how many have been logged now.

    Args:
        runs: folder of each run with the params that it was made with.
        beside: nested params of the study's baseline, which the runs' names show the differences from.

    Raises:
        UserError: the tracking store cannot be opened or refuses, or evidence is missing.
    """
    store = open_store(RUNS)
    known = {run.data.tags[KEY] for run in _finished(store)}
    commit, count = files.head(), 0
    for folder, params in runs.items():
        with _without_weights(folder) as results:
            evidence = read_evidence(results, params)
            if evidence.key not in known:
                publish_evidence(store, evidence, commit, beside)
                count += 1
    return count


def link_runs() -> dict[tuple[str, int], str]:
    """Returns where the run of each published run is seen, by variant and seed; the newest of several.

    Raises:
        UserError: the tracking store cannot be opened.
    """
    if not has_store():
        return {}
    store = open_store(RUNS)
    found = {(run.data.tags[VARIANT], int(run.data.tags[SEED])): run for run in reversed(list(_finished(store)))}
    return {run: link_of(store, run.info.run_id) for run, run in found.items()}


def _finished(store: Store) -> Iterable[Any]:
    with explain_refusals(store.uri):
        return find_runs(store, "attributes.status = 'FINISHED'")


@contextmanager
def _without_weights(folder: Path) -> Iterator[Path]:
    """Yields a folder with links to what is published of a run: tables and records, by which it is identified."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in (*NEEDED, f"{paths.EVALUATE.name}/{paths.PROTOCOLS}"):
            link, target = Path(temporary) / name, folder / name
            if target.is_file():
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(target.resolve())
        yield Path(temporary)
