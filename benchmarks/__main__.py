"""`python -m benchmarks [ROW ...]`: the table of the README beside this file, measured now.

A row module is any module of this package that has `rows`; without names, all of them are measured. `calibration`,
`stacks` and `adaptive` are tables of their own, of what verdicts are worth, or cost in runs, rather than of time;
`step against COMMIT` sets a training step beside that of an earlier commit.
"""

import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final

import torch

from benchmarks.timing import Row, read_clock, stolen_share

ROWS: Final = (
    "matrix",
    "generator",
    "step",
    "structure",
    "prepare",
    "pipeline",
    "fixed_cost",
    "sweep",
    "evaluation",
    "analysis",
    "gpu",
)
"""Row modules in the order of the table."""

HEAD: Final = "| work | ours | reference | times faster | memory ratio | bound |\n|---|---|---|---|---|---|"


def main(names: Sequence[str]) -> int:
    """Prints the rows of the modules named, or of all; returns the exit status."""
    if names and names[0] == "loops":
        from benchmarks.loops import main as loops

        return loops(names[1:])
    if names and names[0] == "calibration":
        from benchmarks.calibration import main as calibrate  # its data is for development only

        return calibrate(names[1:])
    if list(names[:2]) == ["step", "against"]:
        from benchmarks.against import main as compare_steps

        return compare_steps(names[2:])
    if names and names[0] == "adaptive":
        from benchmarks.adaptive import main as compare  # likewise

        return compare(names[1:])
    if names and names[0] == "stacks":
        from benchmarks.stacks import main as judge_stacks

        return judge_stacks(names[1:])
    here = Path(__file__).parent
    known = [name for name in ROWS if (here / f"{name}.py").is_file()]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"there is no row {unknown[0]}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"{datetime.now(UTC):%Y-%m-%d}, torch {torch.__version__}, {platform.machine()}\n\n{HEAD}", flush=True)
    for name in names or known:
        before = read_clock()
        for row in import_module(f"benchmarks.{name}").rows():
            print(show(row), flush=True)
        share = stolen_share(before, read_clock())
        print(f"{name}: other guests of the host took {share:.0%} of the time wanted here", file=sys.stderr, flush=True)
    return 0


def show(row: Row) -> str:
    """Returns a row as a line of the table."""
    ratios = ["" if ratio is None else f"{ratio:.2f}" for ratio in (row.ratio, row.memory)]
    return "| " + " | ".join([row.work, row.ours, row.reference, *ratios, row.bound]) + " |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
