"""Every artefact path, once.

Paths are relative to the working tree, which in `dvc exp run --temp` and `--queue` is a copy of the project. What
must outlive such a copy (tracking, resume states, locks) lies under `home()`, the project that the user works in.
"""

import os
from pathlib import Path

from repro.errors import UserError

PARAMS = Path("params.yaml")
SCHEMA = Path("params.schema.json")

PROJECT = Path(__file__).resolve().parent.parent
"""The project that this code belongs to."""
ABLATIONS = PROJECT / "ablations"
"""Studies, readings and scales of the case that ships with this code."""

PLANS = Path("ablations/plans")
"""One file per study: its plan, as frozen."""
RUN_PARAMS = Path("ablations/runs")
"""One file per run of a study, with its complete params; and one for each input that runs share."""
RUN_PIPELINE = Path("ablations/dvc.yaml")
"""The stages of all runs of all frozen plans; generated."""
LEDGER = Path("ablations/DETAILS.md")
"""The ledger as a document; generated."""

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

INPUTS = Path("data/inputs")
"""What runs share, by the hash of the params that it is made from; and the hash of the code."""
RUN_CODE = INPUTS / "code.json"
RUNS = RESULTS / "runs"
"""One folder per run: `RUN`, `ROWS`, `PROTOCOL_ROWS` if there are any, and the case's artefacts."""
ACTIVE = RESULTS / "active"
"""The run of params.yaml, in a project whose pipeline makes one run; and its headline figures."""
ACTIVE_FIGURES = RESULTS / "metrics.json"
RUN = "run.json"
"""In a run: status, reason, seconds, joules, environment, and the key of all that it depends on."""
ROWS = "rows.csv"
"""In a run: one row per unit, metric and train fraction."""
PROTOCOL_ROWS = "protocols.csv"
"""In a run: one row per evaluation protocol and metric."""
FILLS = "fills.npz"
"""In `evaluate` of a run: `fills` (N, 3, S, S) uint8 composites, `image` (N,), `bucket` (N,)."""
LOG = "log.txt"
"""In a run that diverged: what it has said."""

NOTEBOOK = Path("reports/replication_report.ipynb")
REPORT = Path("reports/build")
STUDY_REPORTS = Path("reports/studies")
"""One folder per study: its run notebook and its page."""
STUDY_NOTEBOOK = "study_report.ipynb"
"""In the folder of a study; its page has the same name and ends in html."""


def home() -> Path:
    """Returns the project that the user works in, also from a temporary copy that DVC made of it.

    Raises:
        UserError: the environment names one that is not there.
    """
    root = os.environ.get("DVC_ROOT")
    if root and not Path(root).is_dir():
        raise UserError(f"DVC_ROOT={root!r}: there is no such folder\n  unset DVC_ROOT, which DVC sets for its stages")
    return Path(root or Path.cwd()).resolve()


def locate(root: str) -> Path:
    """Returns a folder that the user named: in the working tree, else in the project that the user works in.

    A temporary copy that DVC made of the project holds tracked files only.
    """
    here = Path(root)
    return here if here.exists() else home() / root


def state() -> Path:
    """Returns the folder of locks and resume states, which git and DVC ignore."""
    return home() / ".repro"
