"""A tiny run of a sweep in a tree of its own: written, and its functions timed in a process that has loaded them.

`python -m benchmarks.run write SIZE` and `python -m benchmarks.run time` run in that tree.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from repro import paths
from repro.audit.ledger.values import flatten, override_values
from repro.case import PROJECT_FILE, Job
from repro.cases.medfe.case import CASE
from repro.cases.medfe.params import load_params, parse_params
from repro.runs.inputs import find_keys, folders_of, params_file

RUN: Final = "benchmark"
SIZE: Final[dict[str, Any]] = {
    "data.source": "photos",
    "data.image_px": 64,
    "data.crops_per_photo": 4,
    "data.evaluation_crops_per_photo": 1,
    "data.structure.method": "canny",
    "masks.pool_size": 12,
    "model.base_width": 4,
    "loss.vgg_weights": "random",
    "loss.vgg_width": 0.0625,
    "training.steps": 4,
    "training.batch_size": 2,
    "runtime.threads": 1,
}
"""As little work as a run can have."""
FEW_STEPS: Final = 8
TWICE: Final = tuple(f"training.{what}_every_steps" for what in ("log", "validate", "checkpoint"))
"""What it does after half of them and at the end; at `screening` there are more lines of the log."""


def write_tree(tree: Path, size: str = "least") -> None:
    """Copies the project's code into a folder, with the params, the photographs and the holes of one run.

    Args:
        tree: existing.
        size: "least", or "screening": that scale with few steps.
    """
    for name in ("repro", "ablations", "benchmarks"):
        shutil.copytree(paths.PROJECT / name, tree / name)
    for file in (paths.PARAMS, PROJECT_FILE):
        shutil.copy(paths.PROJECT / file, tree)
    for command in (("benchmarks.run", "write", size), ("repro.runs.code",)):
        subprocess.run([sys.executable, "-m", *command], cwd=tree, capture_output=True, check=True)


def write(size: str) -> None:
    """Writes what the run needs into the working tree."""
    from repro.cases.medfe.data.arrays import count_images
    from repro.cases.medfe.data.prepare import prepare_photographs
    from repro.cases.medfe.masks import make_masks

    values = load_params(paths.PARAMS).resolved()
    override_values(values, SIZE if size == "least" else _screening())
    params = parse_params(values, "the benchmark's run")
    params_file(RUN).parent.mkdir(parents=True, exist_ok=True)
    YAML(typ="safe", pure=True).dump(params.model_dump(mode="json"), params_file(RUN))
    folders = folders_of(find_keys(CASE, params))
    prepare_photographs(params.data, folders["photographs"])
    make_masks(params.masks, params.data.image_px, count_images(folders["photographs"]), folders["holes"])


def _screening() -> dict[str, Any]:
    scale = flatten(YAML(typ="safe").load(Path("ablations/scales/screening.yaml")))
    chosen = {key: value for key, value in scale.items() if not key.startswith("instead_of.")}
    return chosen | {"training.steps": FEW_STEPS} | dict.fromkeys(TWICE, FEW_STEPS // 2)


def time_functions() -> float:
    """Returns the seconds that the case takes for the run: its training and its evaluation."""
    import repro.cases.medfe.study  # noqa: F401  # so that loading it is not in the time

    params = load_params(params_file(RUN))
    with tempfile.TemporaryDirectory() as name:
        job = Job(params, folders_of(find_keys(CASE, params)), Path(name, "run"), Path(name, "work"))
        job.folder.mkdir()
        started = time.perf_counter()
        CASE.run(job)
        return time.perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        print(time_functions())
