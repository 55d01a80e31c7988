"""Rates of false verdicts before and after, by simulation: `python -m benchmarks.verdict_rates --studies 20000`.

Before: each test by itself, at each look as if it were the only one, `equivalent` by 90 % intervals without a
correction, `only in interaction` by a main effect whose p is above .05. After: as the audit judges now. A study is a
table of t statistics here, with independent details; the whole way from a plan is gone in the tests of the audit and in
`benchmarks.calibration`.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.sequential_looks import find_t
from repro.audit.statistics.equivalence import equivalence_p
from repro.audit.statistics.multiplicity import LEVEL, adjust_p
from repro.audit.statistics.sequential import anytime_p

Floats = NDArray[np.float64]


def looks(studies: int, most: int = 12) -> list[tuple[str, float, float]]:
    """Returns any false `matters`, and any false `equivalent` at the margin, with a look at each of 2 to 12 seeds."""
    noise = np.random.default_rng(0).standard_normal((studies, most))
    seeds = np.broadcast_to(np.arange(2, most + 1), (studies, most - 1))
    t = find_t(noise)
    two_sided = 2 * stats.t.sf(np.abs(t), seeds - 1)
    rows = [("any look finds a difference of nil", *_rates(two_sided, anytime_p(two_sided, seeds, most, sides=2)))]
    # on the margin, of 2 SD, the nearer one-sided test is that of nil, the other one all but certain
    count = np.arange(1, most + 1)
    mean = noise.cumsum(axis=1) / count
    sd = np.sqrt(((noise**2).cumsum(axis=1) - count * mean**2)[:, 1:] / (count[1:] - 1))
    inside = equivalence_p(2.0 + mean[:, 1:], sd / np.sqrt(count[1:]), count[1:] - 1.0, np.array(2.0))
    rows.append(
        ("any look calls an effect on the margin equivalent", *_rates(inside, anytime_p(inside, seeds, most, 1)))
    )
    return rows


def many_details(studies: int, details: int = 12, seeds: int = 10) -> list[tuple[str, float, float]]:
    """Returns any false `equivalent` among details that all lie on the margin, of 2.5 SD."""
    noise = np.random.default_rng(1).standard_normal((studies, details, seeds))
    se = noise.std(axis=2, ddof=1) / np.sqrt(seeds)
    p = equivalence_p(2.5 + noise.mean(axis=2), se, np.array(seeds - 1.0), np.array(2.5))
    rows = []
    for correction in ("Holm", "Benjamini-Hochberg"):
        adjusted = np.array([adjust_p(row, correction) for row in p])
        rows.append((f"any of {details} on the margin called equivalent, {correction}", *_rates(p, adjusted)))
    return rows


def only_in_interaction(studies: int, df: int = 15) -> list[tuple[str, float, float]]:
    """Returns how often `only` is said of a main effect of 1 to 3 margins, beside a pair that is at work.

    The margin is .6 standard errors, as in the shipped screening.
    """
    generator, margin = np.random.default_rng(2), 0.6
    rows = []
    for size in (1, 2, 3):
        estimate = size * margin + generator.standard_normal(studies)
        error = np.sqrt(generator.chisquare(df, studies) / df)
        before = 2 * stats.t.sf(np.abs(estimate) / error, df) > LEVEL
        after = equivalence_p(estimate, error, np.array(float(df)), np.array(margin)) < LEVEL
        rows.append((f"`only` said of a main effect of {size} margins", float(before.mean()), float(after.mean())))
    return rows


def _rates(before: Floats, after: Floats) -> tuple[float, float]:
    return tuple(float((p < LEVEL).any(axis=1).mean()) for p in (before, after))  # type: ignore[return-value]


def main() -> None:
    """Prints the table, with the largest Monte Carlo error."""
    parser = argparse.ArgumentParser(description="Simulate rates of false verdicts, before and after.")
    parser.add_argument("--studies", type=int, default=20_000)
    studies = parser.parse_args().studies
    print(f"{'setting':66}{'before':>8}{'after':>8}   (Monte Carlo error at most {0.5 / studies**0.5:.4f})")
    for setting, before, after in (*looks(studies), *many_details(studies), *only_in_interaction(studies)):
        print(f"{setting:66}{before:8.3f}{after:8.3f}")


if __name__ == "__main__":
    main()
