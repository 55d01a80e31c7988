"""A third paper under audit: a number with six open details, of which two do something; a run takes no time at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from repro import Choice, Input, Job, Measurements, Metric, PaperCase, Row
from repro.audit.ledger.source import paper

EFFECTS = {"a": 1.0, "b": 0.6, "c": 0.0, "d": 0.0, "e": 0.05, "f": 0.0}
PAIR = 0.4
"""What a and c do together beyond what each does."""
NOISE = 0.2
Open = Annotated[bool, Choice("Is it on?", "method", "silent", {False: (paper("p. 1"),), True: (paper("p. 2"),)})]


class Details(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Open
    b: Open
    c: Open
    d: Open
    e: Open
    f: Open


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    details: Details
    size: int
    seed: int


def make_nothing(_: Mapping[str, Any], __: Mapping[str, Path], folder: Path) -> None:
    """Writes what runs share: nothing that they need."""
    folder.mkdir(parents=True)
    (folder / "size.txt").write_text("shared\n")


def make_run(job: Job) -> Measurements:
    """Draws the outcome of a run from its options and its seed."""
    chosen = job.params.details.model_dump()
    code = sum(on << place for place, on in enumerate(chosen.values()))
    value = sum(EFFECTS[name] for name, on in chosen.items() if on) + PAIR * (chosen["a"] and chosen["c"])
    value += NOISE * np.random.default_rng([job.params.seed, code]).standard_normal()
    return Measurements([Row("all", "score", float(value))])


CASE = PaperCase(
    name="noisy",
    title="What the paper on a number leaves open",
    params=Params,
    metrics=(Metric("score", "score", "higher", 3, "points", margin=0.3, why="less is not seen"),),
    folder=Path("ablations"),
    make_run="noisy_case:make_run",
    inputs=(Input("nothing", "noisy_case:make_nothing", params=("size",)),),
)
