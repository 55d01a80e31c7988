"""Forward, and forward with backward, of the release reading at 256 px and full widths, against the literal form."""

import sys
from typing import Literal

import torch

from benchmarks.literal import LiteralGenerator
from benchmarks.timing import Comparison, compare, measure_here, run_apart
from repro.medfe.initialisation import initialise
from repro.medfe.model import Generator
from repro.medfe.params.reading import parse_model
from repro.medfe.readings.merging import load_reading

THREADS = 2
REPEATS = 3
SIZE_PX = 256

Work = Literal["forward", "forward_backward"]


def compare_generator(work: Work, pairs: int = 3) -> Comparison:
    """Compares ours with the literal form, float32, batch 1, two threads."""
    return compare(
        lambda: run_apart("benchmarks.generator", "ours", work),
        lambda: run_apart("benchmarks.generator", "literal", work),
        pairs,
    )


def make_generator() -> Generator:
    """Returns the generator of the release reading, whose counting kernels are ones."""
    values = load_reading("release")["model"] | {"base_width": 64, "partial_scaling": "one_over_sum"}
    generator = Generator(parse_model(values, "release"))
    initialise(generator, "normal", 0, "generator")
    return generator


def main(who: str, work: Work) -> None:
    """Measures one side in this process."""
    torch.set_num_threads(THREADS)
    ours = make_generator()
    generator = ours if who == "ours" else LiteralGenerator(ours)
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

    measure_here(call, REPEATS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])  # type: ignore[arg-type]
