"""The figures of the default run by processor: what `dvc repro` gave where, and how far another one may lie.

The same versions give other figures on a processor with other instructions: sums are taken in another order, and a
training amplifies the last bits. `python -m benchmarks.default_run` keeps the figures of the run in `results/` and
prints what the README says of all that are kept. A processor can be asked to do without its wide instructions:

    export ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2    # or =default and =SSE41
    dvc repro -f -s train && dvc repro publish && python -m benchmarks.default_run
"""

import json
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

from repro import paths

KEPT: Final = Path("reports/default_run.json")
FIGURE: Final = "psnr_hole_db"
METHODS: Final = {
    "constant": "constant fill (123, 104, 117)",
    "known_mean": "each image's known-pixel mean",
    "telea": "Telea",
    "navier_stokes": "Navier-Stokes",
    "biharmonic": "biharmonic",
}
"""As the README calls the baselines, in its order."""


def read_run(results: Path) -> dict[str, Any]:
    """Returns what is kept of the run in a folder of results."""
    record = json.loads((results / paths.TRAIN.name / paths.RECORD).read_text(encoding="utf-8"))
    published = json.loads((results / paths.PUBLISHED.name).read_text(encoding="utf-8"))
    environment = record["environment"]
    return {
        "variant": published["variant"],
        "seed": published["seed"],
        "instruction_set": environment["cpu"],
        "threads": environment["threads"],
        "versions": environment["packages"],
        "figures": json.loads((results / paths.EVALUATE.name / paths.METRICS).read_text(encoding="utf-8")),
        "baselines_db": read_baselines(results / paths.EVALUATE.name / paths.BUCKET_MEANS),
    }


def read_baselines(buckets: Path) -> dict[str, float]:
    """Returns the hole PSNR of each baseline over all pairs; every bucket has as many."""
    import pandas as pd

    means = pd.read_csv(buckets).groupby("method")[FIGURE].mean().round(6)
    return {str(method): float(value) for method, value in means.items() if method != "model"}


def keep(runs: list[dict[str, Any]], run: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the runs with another one, which takes the place of that with the same instructions and threads.

    Raises:
        SystemExit: it is another variant or seed, or was made with other versions, so that its figures differ anyway.
    """
    others = [kept for kept in runs if any(kept[name] != run[name] for name in ("instruction_set", "threads"))]
    for name in ("variant", "seed", "versions"):
        if any(kept[name] != run[name] for kept in others):
            raise SystemExit(f"{KEPT} holds runs of another {name}; remove them first")
    return sorted([*others, run], key=lambda kept: (str(kept["instruction_set"]), int(kept["threads"])))


def tolerance_db(figures: list[float]) -> float:
    """Returns how far from the mean of n figures that of one more processor lies in 95 % of cases.

    The prediction interval of a normal variable, t(n - 1, 0.975) s sqrt(1 + 1 / n), with s the standard deviation.
    """
    from scipy.stats import t

    count = len(figures)
    return float(t.ppf(0.975, count - 1) * stdev(figures) * sqrt(1 + 1 / count))


def describe(runs: list[dict[str, Any]]) -> list[str]:
    """Returns the lines of the README on the kept runs: the rows of its table, and how far another run may lie."""
    figures = [float(run["figures"][FIGURE]) for run in runs]
    rows = [f"| **MEDFE, default** | **{_show_range(figures)}** | |"]
    for method, title in METHODS.items():
        baseline = [float(run["baselines_db"][method]) for run in runs]
        margins = [ours - theirs for ours, theirs in zip(figures, baseline, strict=True)]
        rows.append(f"| {title} | {_show_range(baseline)} | {_show_range(margins)} |")
    sets = ", ".join(f"{run['figures'][FIGURE]:.2f} with {run['instruction_set']}" for run in runs)
    sentence = f"By instruction set: {sets}."
    if len(runs) > 2:
        sentence += f" Another processor may give {fmean(figures):.2f} dB, give or take {tolerance_db(figures):.2f}."
    return [*rows, sentence]


def readme_lines() -> list[str]:
    """Returns the lines of the README on the runs that are kept; `repro verify` holds it against them."""
    return describe(json.loads(KEPT.read_text(encoding="utf-8")))


def _show_range(values: list[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def main() -> None:
    """Keeps the run of the working tree, and prints the README's lines."""
    runs = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else []
    runs = keep(runs, read_run(paths.RESULTS))
    KEPT.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    print("\n".join(describe(runs)))


if __name__ == "__main__":
    main()
