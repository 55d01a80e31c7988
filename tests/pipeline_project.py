"""The pipeline of the active variant in a repository of its own, with params that take seconds."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from git_project import commit_all
from prepared_on_disk import on_disk_params, write_photographs

ROOT = Path(__file__).parent.parent
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
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\n")):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    overrides = LENGTH | {f"training.{key}": value for key, value in length.items()}
    params = on_disk_params(write_photographs(root.parent / "photographs"), overrides)
    YAML().dump(params.resolved(), root / "params.yaml")
    commit_all(root)
    return root


def fresh_shell() -> dict[str, str]:
    """Returns the environment of a fresh shell, byte code written and one thread."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "PYTEST_"))}
    kept |= {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "OMP_NUM_THREADS": "1"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


def finished_runs(project: Path) -> int:
    """Returns how many runs the tracking store of a project holds."""
    with sqlite3.connect(project / "mlflow.db") as database:
        (count,) = database.execute("select count(*) from runs where status = 'FINISHED'").fetchone()
    database.close()
    return int(count)
