"""A whole audit of another case, a linear classifier of digits: the audit knows nothing of inpainting."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from repro.audit.ledger.choice import Choice, show_value, walk_details
from repro.audit.ledger.source import inference, paper
from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.results import OK, Results
from repro.audit.study.declaration import NamedStudy, Study
from repro.audit.study.plan import Plan
from repro.audit.study.planning import make_plan
from repro.storage import hash_json

LOSSES = {"hinge": (paper("figure 1"),), "log_loss": (inference("as usual"),)}
SWITCH = {True: (paper("section 2"),), False: (inference("as well"),)}


class Params(BaseModel):
    loss: Annotated[Literal["hinge", "log_loss"], Choice("Which loss?", "training", "silent", LOSSES)]
    average: Annotated[bool, Choice("Are weights averaged?", "training", "silent", SWITCH)]
    centred: Annotated[bool, Choice("Is the mean taken off?", "data", "ambiguous", SWITCH)]
    rate: float
    stream: int


BASELINE = {"loss": "hinge", "average": False, "centred": True, "rate": 0.01, "stream": 0}
CLAIM = {"metric": "accuracy", "detail": "average", "better": True, "than": False, "text": "it helps", "source": "-"}
STUDY = Study(
    title="Which details of the classifier matter?",
    reading="paper",
    scale="tiny",
    details=dict.fromkeys(["loss", "average", "centred"]),
    design="one_at_a_time",
    seeds=10,
    metrics={"accuracy": {"direction": "higher", "margin": 0.02, "why": "one image in fifty"}},
    claims=[CLAIM],
    controls={"negative": {"stream": 1}, "positive": {"settings": {"rate": 1e-7}, "expected": "worse"}},
)


def classify(values: Mapping[str, Any], seed: int) -> np.ndarray:
    """Returns for every test image whether the trained classifier is right."""
    images, digits = load_digits(return_X_y=True)
    images = images / 16 - (images[:600].mean(axis=0) / 16 if values["centred"] else 0)
    order = np.random.default_rng([seed, values["stream"]]).permutation(600)
    model = SGDClassifier(loss=values["loss"], average=values["average"], learning_rate="constant", eta0=values["rate"])
    model.set_params(random_state=seed).partial_fit(images[order], digits[order], classes=range(10))
    return model.predict(images[1000:1300]) == digits[1000:1300]


def run(plan: Plan) -> Results:
    values = {variant.id: BASELINE | variant.settings for variant in plan.variants}
    right = {run.id: classify(values[run.variant], run.seed) for run in plan.runs}
    rows = pd.DataFrame(right).melt(var_name="run", ignore_index=False).rename_axis("unit").reset_index()
    runs = pd.DataFrame([run.model_dump() for run in plan.runs]).set_index("id").rename_axis("run")
    runs = runs.assign(status=OK, reason="", link="", path="", seconds=np.nan, joules=np.nan)
    variants = pd.DataFrame(values[v.id] | {"variant": v.id, "role": v.role} for v in plan.variants)
    variants = variants.set_index("variant")[["role", *plan.levels]].map(show_value)
    protocols = pd.DataFrame(columns=["run", "metric", "value"])
    return Results(variants, runs, rows.assign(train_fraction=1.0, metric="accuracy"), protocols)


def test_an_audit_of_a_classifier() -> None:
    plan = make_plan(NamedStudy("digits", STUDY), Params, BASELINE, lambda v: hash_json(v)[:8], datetime.now(UTC))
    analysis = analyse(plan, run(plan), {detail.key: detail.choice for detail in walk_details(Params)})
    assert analysis.verdicts["verdict"].tolist() == ["matters", "equivalent", "matters"]
    assert analysis.claims["verdict"].tolist() == ["fails"]  # averaging changes less than the margin
    found = analysis.controls.set_index("control")["found"]
    assert found["negative control"] in ("equivalent", "undecided")
    assert found["positive control"] == "matters, worse"
    assert set(analysis.questions["question"]) == {detail.choice.question for detail in walk_details(Params)}
