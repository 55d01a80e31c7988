"""`python -m benchmarks`: the table of the README beside this file, measured now."""

import platform
from datetime import UTC, datetime

import torch

from benchmarks.generator import THREADS, compare_generator
from benchmarks.timing import Comparison

HEAD = "| work | ours, s | reference, s | times faster | our peak, MiB | reference's, MiB | of its memory |"


def main() -> None:
    """Prints one row for each piece of work."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, torch {torch.__version__}, {platform.machine()}, {THREADS} threads\n")
    print(HEAD + "\n" + "|---" * HEAD.count(" | ") + "|---|")
    for work in ("forward", "forward_backward"):
        print(_row(f"generator, {work.replace('_', ' and ')}", compare_generator(work)), flush=True)


def _row(work: str, measured: Comparison) -> str:
    ours, reference = measured.ours, measured.reference
    figures = [
        f"{ours.seconds:.2f}",
        f"{reference.seconds:.2f}",
        f"{measured.times_faster:.2f}",
        f"{ours.peak_mib:.0f}",
        f"{reference.peak_mib:.0f}",
        f"{measured.memory_ratio:.2f}",
    ]
    return "| " + " | ".join([work, *figures]) + " |"


if __name__ == "__main__":
    main()
