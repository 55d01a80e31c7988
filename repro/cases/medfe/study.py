"""How one run of a study is made: the variant trained, then measured after all and after half of its steps."""

import json
import shutil
import time

from repro import paths
from repro.case import Job, Measurements
from repro.cases.medfe.evaluation.study_run import evaluate_run
from repro.cases.medfe.training.loop import train


def make_run(job: Job) -> Measurements:
    """Trains, unless an earlier attempt has, and evaluates; keeps checkpoint, history and samples as `train/`.

    Raises:
        DivergedError: the numbers of the training are no longer finite.
    """
    params, trained = job.params, job.work / "train"
    photographs, holes = job.inputs["photographs"], job.inputs["holes"]
    started = time.monotonic()
    if not (trained / paths.RECORD).is_file():  # else a finished training waits for its evaluation
        train(params, photographs, holes, trained, job.work / "states", half=True)
    record = json.loads((trained / paths.RECORD).read_text(encoding="utf-8"))
    earlier_s = max(0.0, record["seconds"] - (time.monotonic() - started))
    rows, protocols = evaluate_run(trained, photographs, holes, params.evaluation, params.runtime, job.folder)
    # the weights of half the steps have been measured, and would double what hundreds of runs take
    shutil.copytree(trained, job.folder / paths.TRAIN.name, ignore=shutil.ignore_patterns(paths.HALF))
    return Measurements(rows, protocols, earlier_s, record["environment"])
