"""What randomised columns and signs are worth, by simulation: `python -m benchmarks.randomised_columns --draws 400`.

One surface, with the same interactions in every study: of two, three and four details, all of one sign, as where
details help each other; of all details or of the first four alone. Details have the columns of the design in their
order, or columns and signs at random, anew in each study, as `repro.audit.study.randomisation` draws them. Printed per
design: the share of 95 % intervals that cover the effect averaged over all combinations, the same of the detail that is
covered least, the share of studies in which one of the details without an effect is said to matter (Benjamini-Hochberg
over all), each with its Monte Carlo error, the largest bias of an effect over the studies, and the mean width.
"""

import argparse
from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats

from repro.audit.statistics.linear_model import Coding, Floats
from repro.audit.statistics.permuted_labels import describe_design, hold_contrasts
from repro.audit.study.randomisation import assign_columns


class Surface(NamedTuple):
    """Coefficients of every interaction of two, three and four details, columns coded -1 and 1, in SDs of a run.

    Attributes:
        sizes: of the three orders.
        among: how many details interact, the first of them; None: all.
    """

    sizes: tuple[float, float, float]
    among: int | None = None


SURFACES: Mapping[str, Surface] = {
    "none": Surface((0.0, 0.0, 0.0)),
    "all, weak": Surface((0.1, 0.03, 0.01)),
    "all, strong": Surface((0.3, 0.1, 0.03)),
    "four": Surface((1.0, 1.0, 1.0), among=4),
}


class Rates(NamedTuple):
    """Shares over studies; biases and widths in standard deviations of a run."""

    coverage: float
    coverage_error: float
    least: float
    alarms: float
    alarms_error: float
    bias: float
    width: float


def simulate_studies(
    table: Floats,
    details: int,
    surface: Surface,
    studies: int,
    *,
    randomised: bool,
    seeds: int = 2,
    effects: int = 2,
) -> Rates:
    """Simulates studies of one surface in a two-level design.

    Args:
        table: (V, C) columns of -1 and 1 of the design, those that no detail needs among them.
        details: how many have a column.
        surface: the interactions.
        studies: each with noise of its own, and with columns and signs of its own where they are randomised.
        randomised: whether they are.
        seeds: per variant.
        effects: how many details have an effect of 2.
    """
    generator, names = np.random.default_rng(0), [f"{place:02d}" for place in range(details)]
    true = np.where(np.arange(details) < effects, 2.0, 0.0)
    missed, alarms, off, widths = [], [], [], []
    for study in range(studies):
        given = assign_columns(names, table.shape[1], study if randomised else None)
        signs = table[:, given.columns] * given.signs[:details]
        means = signs @ (true / 2) + add_interactions(signs[:, : surface.among], surface.sizes)
        values = means[:, None] + generator.standard_normal((len(signs), seeds)) + generator.standard_normal(seeds)
        estimates, se, df = (each[0] for each in hold_contrasts(describe_design(_code(signs)), values[None]))
        reach = stats.t.ppf(0.975, df) * se
        p = 2 * stats.t.sf(np.abs(estimates) / se, df)
        passing = np.flatnonzero(np.sort(p) <= 0.05 * np.arange(1, details + 1) / details)
        found = np.argsort(p)[: passing.max() + 1] if passing.size else np.empty(0)
        missed.append(np.abs(estimates - true) > reach)
        alarms.append(bool((found >= effects).any()))
        off.append(estimates - true)
        widths.append(2 * reach.mean())
    covered, share = 1 - np.array(missed), float(np.mean(alarms))
    return Rates(
        coverage=float(covered.mean()),
        coverage_error=float(covered.mean(axis=1).std() / np.sqrt(studies)),
        least=float(covered.mean(axis=0).min()),
        alarms=share,
        alarms_error=float(np.sqrt(share * (1 - share) / studies)),
        bias=float(np.abs(np.mean(off, axis=0)).max()),
        width=float(np.mean(widths)),
    )


def add_interactions(signs: Floats, sizes: tuple[float, float, float]) -> Floats:
    """Returns (V,) the sum of all products of two, three and four columns (V, K), each order times its size.

    These are elementary symmetric polynomials of a row, which its number of high options decides.
    """
    details = signs.shape[1]
    high = (signs > 0).sum(axis=1)
    row = np.where(np.arange(details) < np.arange(details + 1)[:, None], 1.0, -1.0)
    total = np.zeros(details + 1)
    for order, size in zip((2, 3, 4), sizes, strict=True):
        for chosen in combinations(range(details), order) if size else ():
            total += size * row[:, list(chosen)].prod(axis=1)
    found: Floats = total[high]
    return found


def designs() -> dict[str, tuple[Floats, int]]:
    """Returns tables of columns and how many of them details take."""
    from repro.audit.study.designs import fractional_factorial, plackett_burman

    regular = fractional_factorial("a b c d abc abd acd bcd")
    return {
        "Plackett-Burman 15 of 15, folded": (plackett_burman(15, spare=True), 15),
        "Plackett-Burman 12 of 15, folded": (plackett_burman(12, spare=True), 12),
        "Plackett-Burman 9 of 11, folded": (plackett_burman(9, spare=True), 9),
        "fraction 2^(8-4), resolution IV": (regular, 8),
        "fraction 2^(7-3), resolution III": (fractional_factorial("a b c d ab ac bcd"), 7),
    }


def _code(signs: Floats) -> Coding:
    every = np.ones(len(signs), dtype=bool)
    return Coding([(str(place), "high") for place in range(signs.shape[1])], (signs + 1) / 2, every, every)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Simulate randomised columns and signs.")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    head = ("design", "surface", "columns", "coverage", "least", "false matters", "bias", "width")
    print("{:36}{:13}{:12}{:>18}{:>8}{:>18}{:>8}{:>8}".format(*head))
    for name, (table, details) in designs().items():
        for said, surface in SURFACES.items():
            for randomised in (False, True):
                rates = simulate_studies(table, details, surface, given.draws, randomised=randomised, seeds=given.seeds)
                print(
                    f"{name:36}{said:13}{'randomised' if randomised else 'in order':12}"
                    f"{f'{rates.coverage:.3f} +- {rates.coverage_error:.3f}':>18}{rates.least:8.3f}"
                    f"{f'{rates.alarms:.3f} +- {rates.alarms_error:.3f}':>18}{rates.bias:8.2f}{rates.width:8.2f}"
                )


if __name__ == "__main__":
    main()
