"""Few runs against many, by simulation: `python -m benchmarks.few_runs --draws 100000`.

Two arms of equal means whose runs have seeds of their own, normal noise; the smaller arm has a multiple of the spread
of the other. Printed per setting: how often Welch's test, and the one with capped degrees of freedom
(`statistics.unpaired`), find a difference at .05 and at .0012. Monte Carlo error of a rate r: sqrt(r (1 - r) / draws).
"""

import argparse

import numpy as np
from scipy import stats

from repro.audit.statistics.unpaired import compare_groups

SIZES, RATIOS, LEVELS = ((2, 30), (3, 30), (5, 30), (10, 30)), (1.0, 2.0, 4.0), (0.05, 0.0012)


def rate_alarms(n: int, m: int, ratio: float, draws: int, generator: np.random.Generator) -> list[float]:
    """Returns how often Welch's test, then the capped one, find a difference at each level."""
    option, baseline = ratio * generator.normal(size=(draws, n)), generator.normal(size=(draws, m))
    wide = np.full((draws, m), np.nan)
    wide[:, :n] = option
    welch = stats.ttest_ind(option, baseline, axis=1, equal_var=False).pvalue
    capped = np.array(
        [compare_groups(a[None], b[None], higher_is_better=True)["p"][0] for a, b in zip(wide, baseline, strict=True)]
    )
    return [float((p < level).mean()) for p in (welch, capped) for level in LEVELS]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=5_000)
    draws = parser.parse_args().draws
    print("| runs | ratio | " + " | ".join(f"{test} at {x:g}" for test in ("Welch", "capped") for x in LEVELS) + " |")
    print("|---|---|" + "---|" * 4)
    for n, m in SIZES:
        for ratio in RATIOS:
            found = rate_alarms(n, m, ratio, draws, np.random.default_rng([n, m, int(ratio)]))
            print(f"| {n} and {m} | {ratio:g} | " + " | ".join(f"{rate:.4f}" for rate in found) + " |")


if __name__ == "__main__":
    main()
