"""Tests under unequal spread, by simulation: `python -m benchmarks.unequal_spread --studies 20000`.

An option and a baseline of equal means are compared over paired seeds; the option has a multiple of the baseline's
spread, and the noise has one of five shapes, scaled to a standard deviation of one. Printed per setting: the share of
studies in which each test finds an effect at .05 (the sign flip alone, what `compare_pairs` makes of it, the t test,
and the rule that corrects only where Pitman's and Morgan's test finds unequal spread), in which the spreads are said
to differ, and in which their ratio lies in its interval. Monte Carlo error of a rate r: sqrt(r (1 - r) / studies).
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from repro.audit.statistics.paired import sign_flip_p, skew_corrected_p
from repro.audit.statistics.spread import compare_deviations

Floats = NDArray[np.float64]

SHAPES = ("normal", "exponential", "lognormal", "t3", "contaminated")
RATIOS, SEEDS, CORRELATIONS = (1.0, 2.0, 4.0), (6, 8, 12, 20), (0.0, 0.5)
AT_ONCE = 2_000
"""Studies in memory together."""


def draw_noise(shape: str, size: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """Draws noise of mean 0 and variance 1; contaminated: one value in ten has five times the spread."""
    match shape:
        case "exponential":
            return generator.exponential(size=size) - 1
        case "lognormal":
            return (generator.lognormal(size=size) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
        case "t3":
            return generator.standard_t(3, size) / np.sqrt(3)
        case "contaminated":
            wide = np.where(generator.random(size) < 0.1, 5.0, 1.0)
            return wide * generator.normal(size=size) / np.sqrt(0.9 + 2.5)
        case _:
            return generator.normal(size=size)


def draw_pair(
    shape: str, size: tuple[int, int], ratio: float, correlation: float, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draws an option and a baseline (studies, seeds) that share a part of their noise."""
    own, shared = draw_noise(shape, (2, *size), generator), draw_noise(shape, size, generator)
    option, baseline = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared
    return ratio * option, baseline


def pitman_morgan_p(option: Floats, baseline: Floats) -> Floats:
    """Computes the p of equal variances of pairs: that of the correlation of their sums and differences."""
    return np.asarray(stats.pearsonr(option - baseline, option + baseline, axis=1).pvalue)


def rate_setting(shape: str, ratio: float, correlation: float, seeds: int, studies: int, shift: float = 0.0) -> Floats:
    """Returns rates of: sign flip, both, t, with a pretest; spread said to differ, ratio covered.

    Args:
        shape: of the noise.
        ratio: of the spreads.
        correlation: of the arms.
        seeds: pairs.
        studies: how many.
        shift: of the means, in standard deviations of a difference.
    """
    generator = np.random.default_rng([seeds, int(10 * ratio), int(10 * correlation), len(shape)])
    shift *= np.sqrt(1 + ratio**2 - 2 * correlation * ratio)
    counts, left = np.zeros(6), studies
    while left:
        some = min(AT_ONCE, left)
        option, baseline = draw_pair(shape, (some, seeds), ratio, correlation, generator)
        flip, corrected = sign_flip_p(option + shift - baseline), skew_corrected_p(option + shift, baseline)
        t = stats.ttest_rel(option + shift, baseline, axis=1).pvalue
        pretest = np.where(pitman_morgan_p(option, baseline) <= 0.05, np.maximum(flip, corrected), flip)
        counts[:4] += [(p <= 0.05).sum() for p in (flip, np.maximum(flip, corrected), t, pretest)]
        spreads = compare_deviations(option, baseline)
        counts[4] += sum(found.p <= 0.05 for found in spreads)
        counts[5] += sum(found.low <= ratio <= found.high for found in spreads)
        left -= some
    return counts / studies


def main() -> None:
    """Prints a table: level by setting, and power under normal noise (shift 1)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=20_000)
    studies = parser.parse_args().studies
    print("| noise | ratio | correlation | shift | seeds | sign flip | both | t | pretest | spread | covered |")
    print("|---" * 11 + "|")
    for shape in SHAPES:
        for shift in (0.0, 1.0) if shape == "normal" else (0.0,):
            for correlation in CORRELATIONS:
                for ratio in RATIOS:
                    for seeds in SEEDS:
                        rates = rate_setting(shape, ratio, correlation, seeds, studies, shift)
                        shown = " | ".join(f"{rate:.3f}" for rate in rates)
                        print(f"| {shape} | {ratio:g} | {correlation:g} | {shift:g} | {seeds} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
