"""How one run is made: a linear classifier of the digits that come with scikit-learn. Put your training here."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from repro import Job, Measurements, Row

TESTED = range(1000, 1500)


def make_run(job: Job) -> Measurements:
    """Trains one variant with one seed, and returns for every test image whether it was right.

    `job.folder` takes whatever you want to keep of a run, `job.work` what a killed run should go on from.
    """
    params = job.params
    images, digits = load_digits(return_X_y=True)
    images = images / 16
    if params.model.centred:
        images = images - images[: params.training.images].mean(axis=0)
    # one generator for each purpose, from the seed: a changed detail must not shift the others' random numbers
    order = np.random.default_rng([params.seed, params.training.stream]).permutation(params.training.images)
    model = SGDClassifier(
        loss=params.model.loss,
        average=params.model.average,
        learning_rate="constant",
        eta0=params.training.rate,
        random_state=params.seed,
    )
    model.partial_fit(images[order], digits[order], classes=range(10))
    right = model.predict(images[TESTED]) == digits[TESTED]
    return Measurements([Row(unit, "accuracy", float(value)) for unit, value in zip(TESTED, right, strict=True)])
