"""Rules for loops of changes, side by side at equal runs: `python -m benchmarks.loops --loops 4000`.

A loop tries 200 ideas, one after another, on the best state so far. Most do nothing; in some loops ten of them, at
places drawn at random, gain 1, 2 or 4 standard deviations of a run over what is the champion then. Printed for each
rule: the share of whole loops with a false keep (and the false keeps a loop), each with its Monte Carlo error, the
share of planted gains kept, and the runs per idea, with those of the champion.

- ours: `repro.judge.loop_rule` as it stands; the standard deviation is estimated.
- keep if better: the mean of n runs of an idea against the mean of the n that the champion was kept by; as it is, and
  with the least gain that leaves .05 of loops where nothing is with a false keep.
- ratio to a noise floor: the rule of `autojudge` 1.0.1 as facts (auto_judge.py, read 2026-11): an idea is kept where it
  gains 1.5 noise floors over the best kept so far, with the standard deviation of the differences between successive of
  the last five kept, the idea itself not among them, for a noise floor; with less than three kept, where it gains .3 %
  of a metric near 1 with a standard deviation of .002, that is 1.5 of them. Calibrated: both bounds times one factor.
- n runs, Bonferroni: n runs of each idea and 3 n fresh ones of each champion, a t test with the pooled standard
  deviation of all runs at .05 / 200; with the level, too, that leaves .05 of loops with a false keep.

A peer has the number of runs an idea that ours used in the same kind of loops, rounded up: it has more runs in all.
Calibration is by simulation in loops where nothing is, of seeds that the table does not use.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repro.judge.loop_rule import MOST_RUNS, champion_runs_for, gain_p, is_hopeless, level_of_idea, levels_of_looks

Floats = NDArray[np.float64]

IDEAS: Final = 200
PLANTED: Final = 10
GAINS: Final = (0.0, 1.0, 2.0, 4.0)
ALPHA: Final = 0.05
CALIBRATION_LOOPS: Final = 10_000
_MET = 2.0  # t below which no level is met, so that its p need not be found


class Loops(NamedTuple):
    """What a rule did in many loops, each array (loops,)."""

    runs: Floats
    """In all, with those of champions."""
    false: Floats
    """Keeps of ideas that do nothing."""
    found: Floats
    """Planted gains that were kept."""
    ideas: int


def draw_gains(generator: np.random.Generator, loops: int, ideas: int, planted: int, gain: float) -> Floats:
    """Returns the true gain of each idea over the champion of its time: (loops, ideas)."""
    ranks = generator.random((loops, ideas)).argsort(axis=1)
    return np.where(ranks < planted, gain, 0.0)


class Champions:
    """The champions of many loops, with the sums of their fresh runs, each of true mean 0; arrays are (loops,)."""

    def __init__(self, loops: int, generator: np.random.Generator) -> None:
        self.generator = generator
        self.count, self.mean, self.squares, self.df, self.runs = np.zeros((5, loops))

    def grow(self, wanted: Floats) -> None:
        """Runs them until each has as many fresh runs as wanted."""
        while (more := self.count < wanted).any():
            value = self.generator.standard_normal(int(more.sum()))
            count, off = self.count[more], value - self.mean[more]
            self.squares[more] += off**2 * count / (count + 1)
            self.df[more] += count > 0
            self.mean[more] += off / (count + 1)
            self.count[more] += 1
            self.runs[more] += 1

    def replace(self, kept: NDArray[np.bool_]) -> None:
        """Puts others in their places, of which there is no fresh run yet."""
        self.count[kept] = 0
        self.mean[kept] = 0


def run_ours(gains: Floats, generator: np.random.Generator, ratio: float = 1.0, horizon: int = IDEAS) -> Loops:
    """Runs loops by the rule of `repro.judge`.

    Args:
        gains: (loops, ideas), in standard deviations.
        generator: of the runs.
        ratio: of the standard deviation of an idea's runs to that of the champion's, which the rule takes to be 1.
        horizon: of the rule.
    """
    loops, ideas = gains.shape
    champions, spent = Champions(loops, generator), np.zeros(loops)
    keeps = np.zeros((loops, ideas), dtype=bool)
    for idea in range(ideas):
        levels = levels_of_looks(level_of_idea(idea + 1, ALPHA, horizon))
        total, squares, live = np.zeros(loops), np.zeros(loops), np.ones(loops, dtype=bool)
        for runs in range(1, MOST_RUNS + 1):
            champions.grow(np.where(live, champion_runs_for(runs), 0))
            value = generator.standard_normal(int(live.sum())) * ratio + gains[live, idea]
            total[live] += value
            squares[live] += value**2
            spent += live
            gain, fresh = total / runs - champions.mean, np.maximum(champions.count, 1)
            sd = np.sqrt(champions.squares / champions.df)
            near = np.flatnonzero(live & (gain > _MET * sd * np.sqrt(1 / runs + 1 / fresh)))
            own = np.sqrt(np.maximum(squares[near] - total[near] ** 2 / runs, 0) / max(runs - 1, 1))
            p = gain_p(gain[near], runs, fresh[near], sd[near], champions.df[near], own)
            kept = near[p <= levels[runs]]
            keeps[kept, idea] = True
            live[kept] = False
            live &= ~is_hopeless(gain, runs, fresh, sd)
            if not live.any():
                break
        champions.replace(keeps[:, idea])
    return _sum_up(keeps, gains, spent + champions.runs)


def run_keep_if_better(gains: Floats, generator: np.random.Generator, runs: int, least: float) -> Loops:
    """Runs loops that keep an idea whose mean of `runs` runs gains more than `least` over that of the champion."""
    loops, ideas = gains.shape
    noise = generator.standard_normal((loops, ideas + 1)) / np.sqrt(runs)
    best, keeps = noise[:, 0], np.zeros((loops, ideas), dtype=bool)
    for idea in range(ideas):
        keeps[:, idea] = noise[:, idea + 1] + gains[:, idea] - best > least
        best = np.where(keeps[:, idea], noise[:, idea + 1], best)
    return _sum_up(keeps, gains, np.full(loops, runs * (ideas + 1.0)))


def run_noise_floor(gains: Floats, generator: np.random.Generator, runs: int, factor: float) -> Loops:
    """Runs loops by the ratio to a noise floor, its bounds times `factor`; each idea's value is a mean of `runs`."""
    loops, ideas = gains.shape
    noise = generator.standard_normal((loops, ideas + 1)) / np.sqrt(runs)
    truth, keeps = np.zeros(loops), np.zeros((loops, ideas), dtype=bool)
    last = np.full((loops, 5), np.nan)  # values of the last five kept, the newest at the end
    last[:, -1], best = noise[:, 0], noise[:, 0]
    for idea in range(ideas):
        value = truth + gains[:, idea] + noise[:, idea + 1]
        steps = np.diff(last, axis=1)
        count = np.isfinite(steps).sum(axis=1)
        mean = np.nansum(steps, axis=1) / np.maximum(count, 1)
        spread = np.sqrt(np.nansum((steps - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))
        kept = value - best > factor * 1.5 * np.where(count >= 2, spread, 1.0)
        keeps[:, idea] = kept
        truth = truth + np.where(kept, gains[:, idea], 0)
        best = np.where(kept, value, best)
        last[kept] = np.column_stack([last[kept, 1:], value[kept]])
    return _sum_up(keeps, gains, np.full(loops, runs * (ideas + 1.0)))


def run_fixed(gains: Floats, generator: np.random.Generator, runs: int, strictness: float) -> Loops:
    """Runs loops with a t test at exp(-strictness) on `runs` runs of an idea and three times as many of a champion."""
    loops, ideas = gains.shape
    champions, keeps = Champions(loops, generator), np.zeros((loops, ideas), dtype=bool)
    for idea in range(ideas):
        champions.grow(np.full(loops, max(3.0 * runs, 10.0)))
        mean = generator.standard_normal(loops) / np.sqrt(runs) + gains[:, idea]
        sd = np.sqrt(champions.squares / champions.df)
        kept = gain_p(mean - champions.mean, runs, champions.count, sd, champions.df) <= np.exp(-strictness)
        # within an idea n runs are fixed, so that their spread is as good as the champion's
        champions.squares += generator.chisquare(runs - 1, loops) if runs > 1 else 0.0
        champions.df += runs - 1
        keeps[:, idea] = kept
        champions.replace(kept)
    return _sum_up(keeps, gains, runs * ideas + champions.runs)


def _sum_up(keeps: NDArray[np.bool_], gains: Floats, runs: Floats) -> Loops:
    true = gains > 0
    return Loops(
        runs, (keeps & ~true).sum(axis=1).astype(float), (keeps & true).sum(axis=1).astype(float), keeps.shape[1]
    )


Rule = Callable[[Floats, np.random.Generator, int, float], Loops]


def calibrate(rule: Rule, runs: int, low: float, high: float, loops: int = CALIBRATION_LOOPS) -> float:
    """Returns the bound between `low` and `high`, by halving, at which .05 of loops without a gain have a false keep.

    Args:
        rule: whose false keeps are the rarer the nearer its last argument is to `high`.
        runs: per idea.
        low: too lax.
        high: strict enough.
        loops: simulated at each trial, always the same.
    """
    nothing = np.zeros((loops, IDEAS))
    for _ in range(12):
        middle = (low + high) / 2
        wrong = (rule(nothing, np.random.default_rng([7, runs]), runs, middle).false > 0).mean()
        low, high = (middle, high) if wrong > ALPHA else (low, middle)
    return high


AS_THEY_ARE: Final[dict[str, Callable[[Floats, np.random.Generator], Loops]]] = {
    "keep if better, 1 run": lambda gains, generator: run_keep_if_better(gains, generator, 1, 0.0),
    "noise floor, 1 run": lambda gains, generator: run_noise_floor(gains, generator, 1, 1.0),
    "ours": run_ours,
}
PEERS: Final[dict[str, tuple[Rule, float, float]]] = {
    "keep if better": (run_keep_if_better, 0.0, 8.0),
    "noise floor": (run_noise_floor, 0.0, 8.0),
    "n runs, Bonferroni": (run_fixed, 3.0, 12.0),
}
"""Rules to calibrate, each with a bound that is too lax and one that is strict."""
HEAD: Final = (
    "| rule | loops with a false keep | false keeps a loop | gains kept | runs an idea |\n|---|---|---|---|---|"
)


def describe(name: str, done: Loops, planted: int) -> str:
    """Returns a line of the table."""
    wrong = done.false > 0
    loops = len(wrong)
    error = max(float(wrong.std()), 1 / np.sqrt(loops)) / np.sqrt(loops)
    cells = [f"{wrong.mean():.4f} ({error:.4f})", f"{done.false.mean():.3f} ({done.false.std() / np.sqrt(loops):.3f})"]
    if planted:
        power = done.found / planted
        cells.append(f"{power.mean():.3f} ({power.std() / np.sqrt(loops):.3f})")
    else:
        cells.append("")
    return f"| {name} | " + " | ".join([*cells, f"{done.runs.mean() / done.ideas:.2f}"]) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Compare rules that keep and discard changes.")
    parser.add_argument("--loops", type=int, default=4000)
    loops = parser.parse_args(arguments).loops
    print(f"loops of 14 ideas that do nothing, {loops} loops\n\n{HEAD}")
    nothing = np.zeros((loops, 14))
    for name, rule in AS_THEY_ARE.items():
        print(describe(name, rule(nothing, np.random.default_rng(1)), 0), flush=True)
    bounds: dict[tuple[str, int], float] = {}
    for gain in GAINS:
        planted = PLANTED if gain else 0
        gains = draw_gains(np.random.default_rng(4), loops, IDEAS, planted, gain)
        print(f"\nloops of {IDEAS} ideas, {planted} of which gain {gain:g} SD, {loops} loops\n\n{HEAD}")
        for name, rule in AS_THEY_ARE.items():
            done = rule(gains, np.random.default_rng(5))
            print(describe(name, done, planted), flush=True)
        runs = int(np.ceil(done.runs.mean() / IDEAS))  # of ours, the last
        for name, (peer, low, high) in PEERS.items():
            bound = bounds.setdefault((name, runs), 0.0) or calibrate(peer, runs, low, high)
            bounds[name, runs] = bound
            done = peer(gains, np.random.default_rng(6), runs, bound)
            print(describe(f"{name}, calibrated, {runs} runs, bound {bound:.2f}", done, planted), flush=True)
        done = run_fixed(gains, np.random.default_rng(6), runs, np.log(IDEAS / ALPHA))
        print(describe(f"n runs, Bonferroni, {runs} runs", done, planted), flush=True)
    print(f"\nnothing gains, and ideas scatter more than the champion, {loops} loops\n\n{HEAD}")
    for ratio in (1.25, 1.5):
        done = run_ours(np.zeros((loops, IDEAS)), np.random.default_rng(8), ratio)
        print(describe(f"ours, {ratio} times the SD", done, 0), flush=True)


if __name__ == "__main__":
    main()
