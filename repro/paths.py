"""Every artefact path, once.

Paths are relative to the working tree, which in `dvc exp run --temp` and `--queue` is a copy of the project. What
must outlive such a copy (tracking, resume states, locks) lies under `home()`, the project that the user works in.
"""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
SCHEMA = Path("params.schema.json")

PROJECT = Path(__file__).resolve().parent.parent
"""The project that this code belongs to."""
READINGS = PROJECT / "ablations" / "readings"
SCALES = PROJECT / "ablations" / "scales"
COMMON = PROJECT / "ablations" / "common.yaml"
"""What every study shares and neither a reading nor a scale says."""
PLANS = Path("ablations/plans")
"""One file per study: its plan, as frozen."""

RUN_PARAMS = Path("ablations/runs")
"""One file per run of a study: its complete params; and one for each set of prepared photographs and of holes."""
RUN_LIST = Path("ablations/runs.yaml")
"""What ablations/dvc.yaml repeats its stages over."""
RUN_PIPELINE = Path("ablations/dvc.yaml")

PREPARED = Path("data/prepared")
MASKS = Path("data/masks")

RESULTS = Path("results")
BASELINES = RESULTS / "baselines"
TRAIN = RESULTS / "train"
EVALUATE = RESULTS / "evaluate"
PUBLISHED = RESULTS / "published.json"

CHECKPOINT = "checkpoint.pt"
"""In `TRAIN`: generator, its parameters and where it comes from."""
HALF = "half.pt"
"""In `TRAIN`, where a study asks for it: the checkpoint after half the steps."""
HISTORY = "history.csv"
"""In `TRAIN`: one row per logged step, one column per loss term."""
RECORD = "record.json"
"""In `TRAIN`: parameters, variant id, seed, environment, what ran."""
SAMPLES = "samples"
"""In `TRAIN`: sample images by step."""
IMAGES = "images.csv"
"""In `EVALUATE` and `BASELINES`: one row per method, image, bucket and output."""
PROTOCOLS = "protocols.csv"
"""In `EVALUATE`: the model's rows under every evaluation protocol."""
METRICS = "metrics.json"
"""In `EVALUATE`: the headline figures, for `dvc metrics`; git holds them. In `TRAIN`: those of the validation."""
NOT_COMPUTED = "not_computed.json"
"""In `EVALUATE`: the metrics that `METRICS` lacks, each with the reason."""
BUCKET_MEANS = "buckets.csv"
"""In `EVALUATE`: means of every method by bucket."""
GRID = "grid.png"
"""In `EVALUATE`: pictures by bucket, the median and the worst case."""

RUN_DATA = Path("data/runs")
"""What the runs of all studies share: photographs and holes, by what they are made from, and the hash of the code."""
RUN_CODE = RUN_DATA / "code.json"
RUNS = RESULTS / "runs"
"""One folder per run: `RUN`, `train`, `evaluate`, `half`."""
RUN = "run.json"
"""In a run: status, reason, seconds, joules, and the key of all that it depends on."""
FILLS = "fills.npz"
"""In `evaluate` of a run: `fills` (N, 3, S, S) uint8 composites, `image` (N,), `bucket` (N,)."""
LOG = "log.txt"
"""In a run that diverged: what it has said."""

NOTEBOOK = Path("reports/replication_report.ipynb")
REPORT = Path("reports/build")
NOTEBOOK_OF_STUDIES = Path("reports/study_report.ipynb")
STUDY_REPORTS = Path("reports/studies")
"""One folder per study: its run notebook and its page."""


def home() -> Path:
    """Returns the project that the user works in, also from a temporary copy that DVC made of it."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def locate(root: str) -> Path:
    """Returns a folder that the user named: in the working tree, else in the project that the user works in.

    A temporary copy that DVC made of the project holds tracked files only.
    """
    here = Path(root)
    return here if here.exists() else home() / root


def state() -> Path:
    """Returns the folder of locks and resume states, which git and DVC ignore."""
    return home() / ".repro"
