"""The training step on a GPU: bf16, channels last, compiled; against the literal formulation at batch 1 in float32.

`python -m benchmarks.gpu SIDE BATCH` measures one side in its own process. Operations are counted by torch on the plain
step, and so are the same for every batch; graph breaks are those that torch met while it compiled.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.literal import LiteralGenerator
from benchmarks.step import PLAIN, load_step_params, make_batch, with_runtime
from benchmarks.timing import Row, read_apart, time_call
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.execution import memory_format
from repro.cases.medfe.training.step import AdversarialTrainer

MODULE: Final = "benchmarks.gpu"
READING, SCALE = "release", "gpu"
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64)
WARM_UPS, STEPS = 3, 10
MATRIX_SIDE: Final = 8192


def rows() -> Iterator[Row]:
    """Yields one row for each batch; none, and a line that says so, where there is no GPU."""
    if not torch.cuda.is_available():
        print("no GPU here: the rows of `python -m benchmarks gpu` wait for one", file=sys.stderr)
        return
    literal, peak = read_apart(MODULE, "literal", "1"), read_apart(MODULE, "matrix", "1")
    for batch in BATCHES:
        yield _row(batch, read_apart(MODULE, "ours", str(batch)), literal, peak["flops"])


def _row(batch: int, ours: dict[str, float], literal: dict[str, float], peak_flops: float) -> Row:
    rate, reference = batch / ours["seconds"], 1 / literal["seconds"]
    share = ours["operations"] / ours["seconds"] / peak_flops
    return Row(
        f"training step on the GPU, {READING}, 256 px, bf16, batch {batch}",
        f"{rate:.1f} images/s, {share:.0%} of the peak, {ours['peak_mib']:.0f} MiB, {ours['breaks']:.0f} graph breaks",
        f"{reference:.2f} images/s, literal formulation, float32, batch 1",
        rate / reference,
        None,
        f"{peak_flops / 1e12:.0f} TFLOP/s in bf16 matrix products",
    )


def measure_step(params: Params, literal: bool, device: torch.device, steps: int) -> dict[str, float]:
    """Returns seconds and operations of one training step, peak memory of the device, and graph breaks.

    Args:
        params: how the step runs; `literal` ignores precision, layout and compilation.
        literal: take the generator by the letter of its formulas.
        device: where.
        steps: how many are timed.
    """
    plain = with_runtime(params, PLAIN)
    batch = _place(make_batch(params), device, torch.preserve_format if literal else memory_format(params.runtime))
    one = Batch(*(item[:1] for item in batch))
    operations = 0.0 if literal else len(batch.image) * count_operations(AdversarialTrainer(plain, device), one)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainer = AdversarialTrainer(plain if literal else params, device)
    if literal:
        _take_literally(trainer)
    for _ in range(WARM_UPS):
        trainer.step(batch, 0)
    return {
        "seconds": _seconds(lambda: trainer.step(batch, 0), device, steps),
        "operations": operations,
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else 0.0,
        "breaks": float(sum(torch._dynamo.utils.counters["graph_break"].values())),
    }


def count_operations(trainer: AdversarialTrainer, batch: Batch) -> float:
    """Returns the floating-point operations of a step's convolutions and matrix products, forward and backward."""
    counter = FlopCounterMode(display=False)
    with counter:
        trainer.step(batch, 0)
    return float(counter.get_total_flops())


def matrix_rate(device: torch.device, side: int) -> float:
    """Returns the operations per second of a bf16 product of two square matrices."""
    left, right = torch.randn(2, side, side, device=device, dtype=torch.bfloat16)
    return 2 * side**3 / _seconds(lambda: left @ right, device, STEPS)


def main(side: str, batch: str) -> None:
    """Measures one side in this process and prints it as JSON."""
    device = torch.device("cuda")
    if side == "matrix":
        print(json.dumps({"flops": matrix_rate(device, MATRIX_SIDE)}))
    else:
        params = load_step_params(READING, SCALE, int(batch))
        print(json.dumps(measure_step(params, side == "literal", device, STEPS)))


def _take_literally(trainer: AdversarialTrainer) -> None:
    """Puts the literal generator in the place of ours, and under its optimiser."""
    generator = LiteralGenerator(trainer.generator)
    trainer.networks = trainer.networks._replace(generator=generator)
    group = trainer.generator_optimiser.param_groups[0]
    group["params"] = [parameter for parameter in generator.parameters() if parameter.requires_grad]


def _place(batch: Batch, device: torch.device, layout: torch.memory_format) -> Batch:
    images = (item.to(device, memory_format=layout) for item in (batch.image, batch.structure, batch.hole))
    return Batch(*images, *(item.to(device) for item in batch[3:]))


def _seconds(call: Callable[[], object], device: torch.device, calls: int) -> float:
    """Returns the median of the calls, each waited for."""

    def waited() -> None:
        call()
        _wait(device)

    return time_call(waited, calls)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main(*sys.argv[1:])
