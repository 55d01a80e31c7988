"""Rules for looks at a study that grows, side by side: `python -m benchmarks.sequential_looks --studies 20000`.

A t test of the first n paired differences, looked at with each of 2 to 20 seeds. Printed for each rule: how often
something is found by the last look, and after how many seeds on average (20 where nothing is), for true differences of
0 to 2 standard deviations. Below it, the rule of `repro.audit.statistics.sequential` on statistics that it was not
derived for: contrasts of a Plackett-Burman design, with their pooled error term, and sign flips.
"""

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from benchmarks.factorial_error import choose_errors, designs, draw_studies, find_squares
from repro.audit.statistics.paired import sign_flip_p
from repro.audit.statistics.sequential import anytime_p, level_at_look

Floats = NDArray[np.float64]

MOST = 20
SHIFTS = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0)
SINGLE_LOOKS = (8, 14, 20)


def find_t(values: Floats) -> Floats:
    """Returns t of the first 2, 3, ... of (studies, N) values."""
    count = np.arange(1, values.shape[1] + 1)
    mean = values.cumsum(axis=1) / count
    squares = (values**2).cumsum(axis=1) - count * mean**2
    return np.asarray(mean[:, 1:] / np.sqrt(squares[:, 1:] / (count[1:] - 1) / count[1:]))


def draw_rules(alpha: float, null: Floats) -> Mapping[str, Floats]:
    """Returns the t from which each rule finds something, by look, one-sided at `alpha`.

    Args:
        alpha: over all looks.
        null: t of studies in which nothing is, by which levels in other proportions are found.
    """
    seeds = np.arange(2, MOST + 1)
    rules = {"levels as n (ours)": stats.t.isf([level_at_look(alpha, n, MOST) for n in seeds], seeds - 1)}
    tails = stats.t.sf(null, seeds - 1)
    for name, power in (("equal levels (Pocock)", 0), ("levels as n^3 (late)", 3)):
        # the level of the last look that leaves `alpha` of the studies where nothing is
        share = (seeds / MOST) ** power
        rules[name] = stats.t.isf(np.quantile((tails / share).min(axis=1), alpha) * share, seeds - 1)
    rules["Bonferroni over looks"] = stats.t.isf(alpha / len(seeds), seeds - 1)
    rules["e-value, normal mixture"] = np.array([_bound_of_mixture(int(n), alpha) for n in seeds])
    for look in SINGLE_LOOKS:
        rules[f"one look at {look}"] = np.where(seeds == look, stats.t.isf(alpha, seeds - 1), np.inf)
    return rules


def _bound_of_mixture(seeds: int, alpha: float) -> float:
    """Returns the t at which the Bayes factor of a standard normal effect size reaches 1 / (2 alpha) (Lai 1976)."""

    def excess(t: float) -> float:
        wide = np.log1p(t * t / (seeds - 1)) - np.log1p(t * t / ((seeds - 1) * (1 + seeds)))
        return float(-0.5 * np.log1p(seeds) + seeds / 2 * wide + np.log(2 * alpha))

    return float(optimize.brentq(excess, 0.0, 1e6)) if excess(1e6) > 0 else np.inf


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Compare rules for looks at a study that grows.")
    parser.add_argument("--studies", type=int, default=20_000)
    studies = parser.parse_args().studies
    noise = np.random.default_rng(1).standard_normal((studies, MOST))
    for alpha in (0.025, 0.025 / 15):
        print(f"\none-sided level {alpha:.4f}: found / seeds, for true differences of {SHIFTS} SD")
        found = {shift: find_t(noise + shift) for shift in SHIFTS}
        for name, bounds in draw_rules(alpha, found[0.0]).items():
            cells = []
            for shift in SHIFTS:
                passed = found[shift] > bounds
                used = np.where(passed.any(axis=1), passed.argmax(axis=1) + 2, MOST)
                cells.append(f"{passed.any(axis=1).mean():.3f} /{used.mean():5.1f}")
            print(f"{name:26}" + "  ".join(cells))
    _print_others(min(studies, 1500))


def _print_others(studies: int) -> None:
    most = 12
    print(f"\nanytime p < .05 at any of the looks at 2 to {most} seeds, for a statistic with nothing behind it")
    signs = designs()["Plackett-Burman 15, folded"]
    for spread in (0.0, 1.0):
        values = draw_studies(signs, most, spread, studies, seed=3)
        smallest = np.ones((studies, signs.shape[1]))
        for seeds in range(2, most + 1):
            squares = find_squares(signs, values[:, :, :seeds])
            variance, df = choose_errors(squares, "own or pooled")
            p = 2 * stats.t.sf(np.abs(squares.estimates) / np.sqrt(variance * squares.unit), df)
            smallest = np.fmin(smallest, anytime_p(p, np.full(p.shape, seeds), most, sides=2))
        print(f"contrasts of 15 details, detail x seed {spread}: {(smallest < 0.05).mean():.4f}")
    generator = np.random.default_rng(5)
    for name, values in (
        ("normal", generator.standard_normal((studies, most))),
        ("t3", generator.standard_t(3, (studies, most))),
    ):
        looks = [anytime_p(sign_flip_p(values[:, :n]), np.full(studies, n), most, sides=2) for n in range(2, most + 1)]
        print(f"sign flips, {name}: {(np.min(looks, axis=0) < 0.05).mean():.4f}")


if __name__ == "__main__":
    main()
