"""What DVC knows of the runs: which are out of date, which it can bring back, and the recording of new ones.

Through DVC's own objects and not its command line, which takes up to two seconds for each run. Run as a module, it
records the stages that are named, so that a sweep need not wait for it.
"""

import logging
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from repro import paths
from repro.errors import UserError
from repro.runs.layout import RUN_STAGE

LOCK_FILE = paths.RUN_PIPELINE.with_suffix(".lock")
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
        return [name for name in names if stages[name].changed()]


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
            shutil.rmtree(output.fs_path, ignore_errors=True)  # DVC would ask before it replaces what it does not know
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
    logging.getLogger("dvc").setLevel(logging.ERROR)
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    try:
        with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
            yield _load(repo)
    except DvcException as error:
        raise UserError(f"DVC: {' '.join(str(error).split())}") from error


def _load(repo: Any) -> Stages:
    """Loads the stages; a lock file that DVC was killed over is set aside, and made again from its cache."""
    from dvc.utils.serialize import YAMLFileCorruptedError
    from dvc.utils.strictyaml import YAMLValidationError

    try:
        stages = repo.stage.load_all(str(paths.RUN_PIPELINE))
    except (YAMLValidationError, YAMLFileCorruptedError):
        if not LOCK_FILE.is_file():
            raise
        LOCK_FILE.replace(LOCK_FILE.with_name(f"{LOCK_FILE.name}.broken"))
        print(f"{LOCK_FILE} was half-written; it is made again from DVC's cache", file=sys.stderr)
        stages = repo.stage.load_all(str(paths.RUN_PIPELINE))
    return {stage.name: stage for stage in stages}


if __name__ == "__main__":
    record(sys.argv[1:])
