"""One whole training step: images per second over batches, and the share outside matrix work.

`python -m benchmarks.step profile READING SCALE BATCH` prints where the time goes. VGG has random weights: the speed of
a step does not depend on what they hold.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import torch

from benchmarks.profiling import KINDS, share_by_kind
from benchmarks.timing import Row, measure_here, read_apart, run_apart
from repro import paths
from repro.audit.ledger.readings import Values, load_common, merge_reading
from repro.audit.ledger.values import flatten, override_values
from repro.cases.medfe.params import Params, parse_params
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.step import AdversarialTrainer
from repro.pipeline.memory import keep_freed_memory

MODULE: Final = "benchmarks.step"
ROUNDS: Final = 3
"""In each, every batch has its turn in a process of its own, so that all batches meet the same noise."""

STEPS: Final = {"screening": 20, "laptop": 10, "gpu": 1}
"""That are timed in a turn, after one that warms up; by scale."""

CASES: Final[dict[tuple[str, str], tuple[int, ...]]] = {
    ("paper", "screening"): (1, 2, 4, 8, 16),
    ("paper", "laptop"): (1, 2, 4, 8, 16),
    ("release", "laptop"): (1, 8, 16),
    ("release", "gpu"): (1, 2, 4, 8, 16),
}
"""Batches by reading and scale."""

THREADS: Final = {"screening": 1, "laptop": 1, "gpu": 2}
"""As the scales are used: small ones several processes side by side, one core each."""

PLAIN: Final[dict[str, Any]] = {"precision": "float32", "channels_last": False, "compile": False}
"""The runtime of a CPU. What `gpu` takes instead would leave out what makes the generator fast there."""


def rows() -> Iterator[Row]:
    """Yields one row for each reading, scale and batch; ratios are medians of the rounds' ratios to batch 1."""
    for (reading, scale), batches in CASES.items():
        rounds = [
            {batch: run_apart(MODULE, "time", reading, scale, str(batch)) for batch in batches} for _ in range(ROUNDS)
        ]
        for batch in batches:
            outside = read_apart(MODULE, "share", reading, scale, str(batch))["outside"]
            rates, alone = ([count / turn[count].seconds for turn in rounds] for count in (batch, 1))
            rate, peak_mib = statistics.median(rates), max(turn[batch].peak_mib for turn in rounds)
            threads = THREADS[scale]
            yield Row(
                f"training step, {reading} at {scale}, batch {batch}, {threads} thread{'s' if threads > 1 else ''}",
                f"{rate:.2f} images/s, {1e3 / rate:.0f} ms an image, {peak_mib:.0f} MiB",
                f"{statistics.median(alone):.2f} images/s, batch 1",
                statistics.median(ours / reference for ours, reference in zip(rates, alone, strict=True)),
                None,
                f"{outside:.0%} outside matrix work",
            )


def load_step_params(reading: str, scale: str, batch: int) -> Params:
    """Returns the params of a reading at a scale, with its runtime, for a batch size."""
    values: Values = load_common(paths.ABLATIONS)
    sized = {"training.batch_size": batch, "loss.vgg_weights": "random", "runtime.threads": THREADS[scale], "seed": 0}
    override_values(values, flatten(values) | merge_reading(paths.ABLATIONS, reading, scale) | sized)
    return parse_params(values, "the benchmark of a step")


def with_runtime(params: Params, runtime: Mapping[str, Any]) -> Params:
    """Returns the params with another runtime."""
    return params.model_copy(update={"runtime": params.runtime.model_copy(update=dict(runtime))})


def make_batch(params: Params) -> Batch:
    """Returns a batch of noise, with a hole in the middle of each image."""
    generator = torch.Generator().manual_seed(0)
    size, count = params.data.image_px, params.training.batch_size
    image, structure = torch.rand(2, count, 3, size, size, generator=generator) * 2 - 1
    hole = torch.zeros(count, 1, size, size, dtype=torch.bool)
    hole[..., size // 4 : size * 3 // 4, size // 4 : size * 3 // 4] = True
    corners = torch.full((count, 2), size // 4)
    return Batch(image, structure, hole, corners, torch.rand(count, 1, 1, 1, generator=generator))


def make_step(reading: str, scale: str, batch: int) -> Callable[[], object]:
    """Returns one training step on the same batch."""
    params = with_runtime(load_step_params(reading, scale, batch), PLAIN)
    torch.set_num_threads(params.runtime.threads)
    trainer, sample = AdversarialTrainer(params, torch.device("cpu")), make_batch(params)
    return lambda: trainer.step(sample, 0)


def main(what: str, reading: str, scale: str, batch: str) -> None:
    """Times steps of one size in this process, which keeps its memory as the stage `train` does, or profiles one."""
    keep_freed_memory()
    step = make_step(reading, scale, int(batch))
    match what:
        case "time":
            measure_here(step, STEPS[scale])
        case "share":
            print(json.dumps({"outside": 1 - share_by_kind(step)[next(iter(KINDS))]}))
        case "profile":
            for kind, share in share_by_kind(step).items():
                print(f"{share:6.1%}  {kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
