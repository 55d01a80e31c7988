"""A second paper under audit: by which average is a number told from noisy ones? Numpy alone; a run takes milliseconds.

Tests use it as it is, or copy it into a project of its own; see `case_project`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from repro import Choice, Input, Job, Measurements, Metric, PaperCase, Row
from repro.audit.ledger.source import inference, paper

UNITS = 20


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Average(Group):
    kind: Annotated[
        Literal["mean", "median"],
        Choice("Which average?", "method", "silent", {"mean": (paper("p. 1"),), "median": (inference("robust"),)}),
    ]
    squared: Annotated[
        bool,
        Choice("Is it squared?", "method", "ambiguous", {False: (paper("p. 2"),), True: (inference("perhaps"),)}),
    ]


class Noise(Group):
    spread: float
    outliers: int


class Numbers(Group):
    count: int
    noise: Noise


class Params(Group):
    average: Average
    numbers: Numbers
    seed: int


def make_numbers(values: Mapping[str, Any], _: Mapping[str, Path], folder: Path) -> None:
    """Writes what all runs average: (UNITS, count) numbers around 1."""
    numbers = values["numbers"]
    drawn = np.random.default_rng(0).normal(1, numbers["noise"]["spread"], (UNITS, numbers["count"]))
    drawn[:, : numbers["noise"]["outliers"]] += 100
    folder.mkdir(parents=True)
    np.save(folder / "numbers.npy", drawn)


def make_run(job: Job) -> Measurements:
    """Averages a random half of the numbers of each unit; the error is that against 1."""
    average = job.params.average
    numbers = np.load(job.inputs["numbers"] / "numbers.npy")
    half = np.random.default_rng(job.params.seed).permutation(numbers.shape[1])[::2]
    means = getattr(np, average.kind)(numbers[:, half], axis=1)
    errors = np.abs((means**2 if average.squared else means) - 1)
    (job.folder / "kept.txt").write_text(f"{errors.mean()}\n")
    return Measurements([Row(unit, "error", float(error)) for unit, error in enumerate(errors)])


CASE = PaperCase(
    name="means",
    title="What the paper on means leaves open",
    params=Params,
    metrics=(Metric("error", "error", "lower", 3, "distance from 1", margin=0.1, why="a tenth of the number"),),
    folder=Path("ablations"),
    make_run="mean_case:make_run",
    inputs=(Input("numbers", "mean_case:make_numbers", params=("numbers",)),),
)
