"""The rates of this machine, by which the bounds of the other rows are computed: matrix products and memory."""

import json
import sys
from collections.abc import Iterator
from typing import Final

import torch

from benchmarks.timing import Row, read_apart, time_call

SIDE: Final = 2048
COPIED_MIB: Final = 256
REPEATS: Final = 9
MODULE: Final = "benchmarks.matrix"


def rows() -> Iterator[Row]:
    """Yields the rates of one and of two threads; they are references themselves."""
    yield _row(1)
    yield _row(2)


def matrix_rate(threads: int) -> float:
    """Returns the operations per second of a float32 product of two 2048x2048 matrices, in a process of its own."""
    return read_apart(MODULE, str(threads))["flops"]


def main(threads: int) -> None:
    """Prints both rates of this process as JSON."""
    torch.set_num_threads(threads)
    left, right = torch.randn(2, SIDE, SIDE)
    product = torch.empty(SIDE, SIDE)
    source = torch.zeros(COPIED_MIB * 2**18)
    target = torch.zeros_like(source)
    flops = 2 * SIDE**3 / time_call(lambda: torch.mm(left, right, out=product), REPEATS)
    # each number is read once and written once
    copied = 2 * COPIED_MIB * 2**20 / time_call(lambda: target.copy_(source), REPEATS)
    print(json.dumps({"flops": flops, "bytes": copied}))


def _row(threads: int) -> Row:
    rates = read_apart(MODULE, str(threads))
    work = f"this machine, float32, {threads} thread{'s' if threads > 1 else ''}"
    ours = f"{rates['flops'] / 1e9:.0f} GFLOP/s in matrix products, {rates['bytes'] / 1e9:.1f} GB/s in copies"
    return Row(work, ours, "", None, None, "")


if __name__ == "__main__":
    main(int(sys.argv[1]))
