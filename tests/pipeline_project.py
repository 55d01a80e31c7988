"""The pipeline of the active variant in a repository of its own, with params that take seconds."""

import sqlite3
from pathlib import Path

from ruamel.yaml import YAML

from git_project import copy_project, git
from prepared_on_disk import on_disk_params, write_photographs

STAGES = ("prepare", "masks", "baselines", "train", "evaluate", "publish", "report")
LENGTH = {
    "training.steps": 2,
    "training.log_every_steps": 1,
    "training.validate_every_steps": 1,
    "training.checkpoint_every_steps": 1,
}


def write_pipeline_project(root: Path, **length: int) -> Path:
    """Writes a git repository with the tracked files of this one, and params that read six photographs beside it.

    Args:
        root: the folder of the repository, which is made.
        length: keys of `training` that differ from those that take the least time.
    """
    overrides = LENGTH | {f"training.{key}": value for key, value in length.items()}
    params = on_disk_params(write_photographs(root.parent / "photographs"), overrides)
    copy_project(root, ("dvc.lock",))
    YAML().dump(params.resolved(), root / "params.yaml")
    git(root, "commit", "-qam", "params that take seconds")
    return root


def finished_runs(project: Path) -> int:
    """Returns how many runs the tracking store of a project holds."""
    with sqlite3.connect(project / "mlflow.db") as database:
        (count,) = database.execute("select count(*) from runs where status = 'FINISHED'").fetchone()
    database.close()
    return int(count)
