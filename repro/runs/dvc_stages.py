"""What DVC knows of the runs: which are out of date, which it can bring back, and the recording of new ones.

Through DVC's own objects and not its command line, which takes up to two seconds for each run. Run as a module, it
records or makes the stages that are named, as a process that ends with the one that has started it.
"""

import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from repro import paths
from repro.errors import UserError
from repro.own_folder import keep_dvc_apart
from repro.runs.attached import Attached, stay_attached
from repro.runs.dvc_locks import Holder, release_dead, set_aside_broken
from repro.runs.layout import RUN_STAGE
from repro.runs.outputs import find_foreign, remove
from repro.runs.trouble import ERRNOS

LOCK_FILE = paths.RUN_PIPELINE.with_suffix(".lock")
PIPELINES = (paths.RUN_PIPELINE, Path("dvc.yaml"))
LOOK_EVERY_S = 0.5
RECORD, MAKE = "record", "make"
"""What this module does as a process, before the names of stages."""
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
Stages = Mapping[str, Any]


def run_stage(run: str) -> str:
    """Returns the name of a run's stage."""
    return f"{RUN_STAGE}@{run}"


def find_changed(names: Iterable[str]) -> list[str]:
    """Returns the stages whose inputs or outputs are not as DVC has recorded them.

    Raises:
        UserError: DVC cannot work here.
    """
    with _open_stages() as stages:
        return [name for name in names if _has_foreign(stages[name]) or stages[name].changed()]


def bring_back(names: Iterable[str]) -> list[str]:
    """Restores the outputs of stages whose inputs DVC's cache has seen before; returns those it could restore.

    Raises:
        UserError: DVC cannot work here.
    """
    with _open_stages() as stages:
        restored = [name for name in names if _restore(stages[name])]
        _write_lock_file([stages[name] for name in restored], stages)
    return restored


def record(names: Iterable[str]) -> None:
    """Records stages as they are in the working tree: outputs into DVC's cache, hashes into its lock file.

    Raises:
        UserError: DVC cannot work here.
    """
    with _open_stages() as stages:
        recorded = [stages[name] for name in names]
        for stage in recorded:
            stage.save()
            stage.commit()
        _write_lock_file(recorded, stages)


def make(names: Sequence[str]) -> None:
    """Makes stages, and what they need; waits where another process of DVC works on what runs share.

    Raises:
        UserError: they cannot be made; DVC has said why.
    """
    with _open_stages() as stages:
        for output in (output for name in names for output in stages[name].outs):
            if find_foreign(Path(output.fs_path)) is not None:
                remove(Path(output.fs_path))
    while True:
        _wait_for_others()
        if start(MAKE, names).wait() == 0:
            return
        if not _others():  # which have come between
            raise UserError("what the runs share cannot be made; DVC has said why")


def start(what: str, names: Iterable[str], **options: Any) -> Attached:
    """Starts `RECORD` or `MAKE` as a process that ends with this one."""
    return Attached([sys.executable, "-m", "repro.runs.dvc_stages", what, *names], **options)


def _wait_for_others() -> None:
    told: Holder | None = None
    while others := _others():
        if told is None:
            told = others[0]
            print(f"DVC works on {told.path} ({told.command}, process {told.pid}); waiting", file=sys.stderr)
        time.sleep(LOOK_EVERY_S)


def _others() -> list[Holder]:
    """Returns who works on what runs share."""
    shared = paths.INPUTS.resolve()
    with _open_repo() as repo:
        set_aside_broken(repo, PIPELINES)
        return [each for each in release_dead(repo) if Path(each.path).is_relative_to(shared)]


def _has_foreign(stage: Any) -> bool:
    return any(find_foreign(Path(output.fs_path)) is not None for output in stage.outs)


def _restore(stage: Any) -> bool:
    from dvc.dependency.base import DependencyDoesNotExistError
    from dvc.stage.cache import RunCacheNotFoundError
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        if stage.changed_stage() or not stage.deps_cached():
            stage.save_deps()
            for output in stage.outs:
                output.hash_info = HashInfo()  # that of other inputs: DVC would take it for what these make
        stage.repo.stage_cache.restore(stage, dry=True)
        for output in stage.outs:
            remove(Path(output.fs_path))  # DVC would ask before it replaces what it does not know
        stage.repo.stage_cache.restore(stage)
        stage.save()
    except (RunCacheNotFoundError, DependencyDoesNotExistError):
        return False
    return True


def _write_lock_file(written: list[Any], stages: Stages) -> None:
    """Writes stages into the lock file; those that no plan has any more leave it: every command of DVC reads them."""
    from dvc.utils.serialize import modify_yaml

    if not written:
        return
    pipeline = written[0].dvcfile
    pipeline.dump_stages(written, update_pipeline=False)
    gone = pipeline.lockfile_contents.get("stages", {}).keys() - stages.keys()
    if gone:
        with modify_yaml(str(LOCK_FILE)) as lock:
            for name in gone:
                del lock["stages"][name]


@contextmanager
def _open_stages() -> Iterator[Stages]:
    """Yields the stages of ablations/dvc.yaml by name, while no other process of DVC works here."""
    with _open_repo() as repo:
        release_dead(repo)
        set_aside_broken(repo, [paths.RUN_PIPELINE])
        yield {stage.name: stage for stage in repo.stage.load_all(str(paths.RUN_PIPELINE))}


@contextmanager
def _open_repo() -> Iterator[Any]:
    """Yields DVC's repository, locked."""
    logging.getLogger("dvc").setLevel(logging.ERROR)
    keep_dvc_apart()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    try:
        with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
            yield repo
    except DvcException as error:
        if (trouble := _find_trouble(error)) is not None:
            raise trouble from None
        raise UserError(f"DVC: {' '.join(_COLOUR.sub('', str(error)).split())}") from error


def _find_trouble(error: BaseException) -> OSError | None:
    """Returns what the system has refused before DVC spoke of something else; None: nothing."""
    while (before := error.__cause__ or error.__context__) is not None:
        if isinstance(before, OSError) and before.errno in ERRNOS:
            return before
        error = before
    return None


def main() -> None:
    """Records or makes the stages that the command line names."""
    stay_attached()
    what, *names = sys.argv[1:]
    if what == RECORD:
        record(names)
        return
    keep_dvc_apart()
    from dvc.cli import main as dvc

    raise SystemExit(dvc(["--wait-for-lock", "repro", *(f"{paths.RUN_PIPELINE}:{name}" for name in names)]))


if __name__ == "__main__":
    main()
