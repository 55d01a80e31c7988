"""Forward, and forward with backward, of the release reading at 256 px and full widths, against the literal form.

`python -m benchmarks.generator profile` prints where the time goes.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Final, Literal
from unittest.mock import patch

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.literal import LiteralGenerator
from benchmarks.matrix import matrix_rate
from benchmarks.profiling import share_by_kind
from benchmarks.timing import Comparison, Row, compare, measure_here, run_apart
from repro import paths
from repro.audit.ledger.readings import load_reading
from repro.cases.medfe.initialisation import initialise
from repro.cases.medfe.model import Generator
from repro.cases.medfe.params.reading import parse_model

THREADS: Final = 2
REPEATS: Final = 3
PAIRS: Final = 3
SIZE_PX: Final = 256
MODULE: Final = "benchmarks.generator"

Work = Literal["forward", "forward_backward"]


def rows() -> Iterator[Row]:
    """Yields one row for each piece of work."""
    rate = matrix_rate(THREADS)
    yield _row("forward", rate)
    yield _row("forward_backward", rate)


def compare_generator(work: Work, pairs: int = PAIRS) -> Comparison:
    """Compares ours with the literal form, float32, batch 1, two threads."""
    return compare(
        lambda: run_apart(MODULE, "ours", work),
        lambda: run_apart(MODULE, "literal", work),
        pairs,
    )


def make_generator() -> Generator:
    """Returns the generator of the release reading, whose counting kernels are ones."""
    values = load_reading(paths.ABLATIONS, "release")["model"] | {"base_width": 64, "partial_scaling": "one_over_sum"}
    generator = Generator(parse_model(values, "release"))
    initialise(generator, "normal", 0, "generator")
    return generator


def make_call(generator: nn.Module, work: Work) -> Callable[[], None]:
    """Returns one pass over one image with a hole in its middle."""
    image = torch.rand(1, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hole = torch.zeros(1, 1, SIZE_PX, SIZE_PX, dtype=torch.bool)
    hole[..., 64:192, 64:192] = True

    def call() -> None:
        if work == "forward":
            with torch.inference_mode():
                generator(image, hole)
            return
        generator.zero_grad(set_to_none=True)
        output = generator(image, hole)
        sum(item.square().mean() for item in output).backward()

    return call


def count_direct(work: Work) -> int:
    """Returns the operations of ours with every convolution direct: two for each product of weight and feature."""
    call = make_call(make_generator(), work)
    with (
        patch("repro.cases.medfe.model.convolution.choose_way", lambda *_, **__: "direct"),
        FlopCounterMode(display=False) as counter,
    ):
        call()
    return counter.get_total_flops()


def _row(work: Work, rate: float) -> Row:
    measured = compare_generator(work)
    ours, reference = measured.ours, measured.reference
    operations = count_direct(work)
    least = operations / rate
    return Row(
        f"generator, {work.replace('_', ' and ')}, {SIZE_PX} px, batch 1",
        f"{ours.seconds:.2f} s, {ours.peak_mib:.0f} MiB",
        f"{reference.seconds:.2f} s, {reference.peak_mib:.0f} MiB, literal",
        measured.times_faster,
        measured.memory_ratio,
        f"direct convolutions: {operations / 1e9:.0f} GFLOP at {rate / 1e9:.0f} GFLOP/s take {least:.2f} s, "
        f"{reference.seconds / least:.2f} times faster",
    )


def main(who: str, work: Work) -> None:
    """Measures one side in this process, or prints our profile."""
    torch.set_num_threads(THREADS)
    ours = make_generator()
    if who == "profile":
        for kind, share in share_by_kind(make_call(ours, work)).items():
            print(f"{share:6.1%}  {kind}")
        return
    measure_here(make_call(ours if who == "ours" else LiteralGenerator(ours), work), REPEATS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "forward_backward")  # type: ignore[arg-type]
