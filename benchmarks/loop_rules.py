"""Loops of changes by simulation: many at once, under ours and under other rules; see `loops` for what each is.

A run is the true value of what was run plus noise of mean 0. The champion's noise has standard deviation 1, the ideas'
that of their world; an idea that is kept scatters as the champion did, so that the next is held against the same.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from repro.judge import loop_rule as rule

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]
_MET = 2.5  # t below which no stake is met, so that its p need not be found


class World(NamedTuple):
    """What noise is like."""

    draw: Draw = lambda generator, shape: generator.standard_normal(shape)
    """Of mean 0 and standard deviation 1, positive where a run is better."""
    ratio: float = 1.0
    """Of the standard deviation of an idea's runs to that of the champion's."""


NORMAL = World()


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
    """The champions of many loops, with what is known of their fresh runs, each of true mean 0; arrays are (loops,)."""

    def __init__(self, loops: int, generator: np.random.Generator, world: World) -> None:
        self.generator, self.world = generator, world
        self.count, self.mean, self.squares, self.df, self.runs = np.zeros((5, loops))
        self.own, self.cubes, self.seen = np.zeros((3, loops))  # squares in this reign, cubes and runs of all

    def run(self, which: NDArray[np.intp]) -> Floats:
        """Runs some of them once more, and returns the values."""
        value = self.world.draw(self.generator, (len(which),))
        count, off = self.count[which], value - self.mean[which]
        step, term = off / (count + 1), off**2 * count / (count + 1)
        # Terriberry's update of the third central moment
        self.cubes[which] += term * step * (count - 1) - 3 * step * self.own[which]
        self.own[which] += term
        self.squares[which] += term
        self.seen[which] += 1
        self.df[which] += count > 0
        self.mean[which] += step
        self.count[which] += 1
        self.runs[which] += 1
        return value

    def grow(self, wanted: float) -> None:
        """Runs them until each has as many fresh runs as wanted."""
        while len(short := np.flatnonzero(self.count < wanted)):
            self.run(short)

    def replace(self, kept: NDArray[np.intp] | NDArray[np.bool_]) -> None:
        """Puts others in their places, of which there is no fresh run yet."""
        self.count[kept] = 0
        self.mean[kept] = 0
        self.own[kept] = 0


def run_ours(gains: Floats, generator: np.random.Generator, world: World = NORMAL) -> Loops:
    """Runs loops by the rule of `repro.judge`; gains: (loops, ideas), in standard deviations."""
    loops, ideas = gains.shape
    champions, spent, left = Champions(loops, generator, world), np.zeros(loops), np.full(loops, rule.ALPHA)
    keeps = np.zeros((loops, ideas), dtype=bool)

    def run(which: NDArray[np.intp], idea: int) -> Floats:
        spent[which] += 1
        return world.draw(generator, (len(which),)) * world.ratio + gains[which, idea]

    for idea in range(ideas):
        champions.grow(rule.CHAMPION_RUNS)
        passed = _screen(champions, lambda which, idea=idea: run(which, idea))
        stake = rule.STAKE_SHARE * left
        left[passed] -= stake[passed]
        kept = _confirm(champions, passed, stake, lambda which, idea=idea: run(which, idea))
        left[kept] += stake[kept]
        keeps[kept, idea] = True
        champions.replace(kept)
    return _sum_up(keeps, gains, spent + champions.runs)


def _screen(champions: Champions, run: Callable[[NDArray[np.intp]], Floats]) -> NDArray[np.intp]:
    live, total, passed = np.arange(len(champions.count)), np.zeros(len(champions.count)), []
    for runs in range(1, rule.MOST_SCREENED + 1):
        total[live] += run(live)
        sd = np.sqrt(champions.squares[live] / champions.df[live])
        gain = total[live] / runs - champions.mean[live]
        ratio = rule.evidence_ratio(gain, runs, champions.count[live], sd)
        passes = ratio > 0 if runs == rule.MOST_SCREENED else ratio >= rule.PASSED
        passed.append(live[passes])
        live = live[~passes & (ratio > rule.DROPPED)]
        if not len(live):
            break
    return np.concatenate(passed)


def _confirm(
    champions: Champions, live: NDArray[np.intp], stake: Floats, run: Callable[[NDArray[np.intp]], Floats]
) -> NDArray[np.intp]:
    sums, squares = np.zeros((2, len(stake)))
    kept = []
    for pairs in range(1, rule.MOST_PAIRS + 1):
        if not len(live):
            break
        difference = run(live) - champions.run(live)
        sums[live] += difference
        squares[live] += difference**2
        mean, sd = sums[live] / pairs, np.sqrt(champions.squares[live] / champions.df[live])
        own = np.sqrt(np.maximum(squares[live] - pairs * mean**2, 0) / max(pairs - 1, 1))
        moments = champions.cubes[live] / champions.seen[live], champions.squares[live] / champions.seen[live]
        least = rule.least_spread(sd, moments[0] / moments[1] ** 1.5, champions.seen[live])
        meets = np.sqrt(pairs) * mean > _MET * np.maximum(own, least)
        p = rule.confirmed_p(mean[meets], own[meets], pairs, least[meets])
        meets[meets] = p <= stake[live[meets]]
        kept.append(live[meets])
        live = live[~meets & (rule.evidence_ratio(mean, pairs, pairs, sd) > rule.HOPELESS)]
    return np.concatenate([np.zeros(0, dtype=np.intp), *kept])


def run_keep_if_better(
    gains: Floats, generator: np.random.Generator, runs: int, least: float, world: World = NORMAL
) -> Loops:
    """Runs loops that keep an idea whose mean of `runs` runs gains more than `least` over that of the champion."""
    loops, ideas = gains.shape
    best, keeps = world.draw(generator, (loops, runs)).mean(axis=1), np.zeros((loops, ideas), dtype=bool)
    for idea in range(ideas):
        noise = world.draw(generator, (loops, runs)).mean(axis=1) * world.ratio
        keeps[:, idea] = noise + gains[:, idea] - best > least
        best = np.where(keeps[:, idea], noise, best)  # less the true value, of which it is the new champion's
    return _sum_up(keeps, gains, np.full(loops, runs * (ideas + 1.0)))


def run_noise_floor(
    gains: Floats, generator: np.random.Generator, runs: int, factor: float, world: World = NORMAL
) -> Loops:
    """Runs loops by the ratio to a noise floor, its bounds times `factor`; each idea's value is a mean of `runs`."""
    loops, ideas = gains.shape
    truth, keeps = np.zeros(loops), np.zeros((loops, ideas), dtype=bool)
    last = np.full((loops, 5), np.nan)  # values of the last five kept, the newest at the end
    last[:, -1] = world.draw(generator, (loops, runs)).mean(axis=1)
    best = last[:, -1].copy()
    for idea in range(ideas):
        value = truth + gains[:, idea] + world.draw(generator, (loops, runs)).mean(axis=1) * world.ratio
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


def run_fixed(
    gains: Floats, generator: np.random.Generator, runs: int, strictness: float, world: World = NORMAL
) -> Loops:
    """Runs loops with a t test at exp(-strictness) on `runs` runs of an idea and three times as many of a champion."""
    loops, ideas = gains.shape
    champions, keeps = Champions(loops, generator, world), np.zeros((loops, ideas), dtype=bool)
    for idea in range(ideas):
        champions.grow(max(3.0 * runs, 10.0))
        values = world.draw(generator, (loops, runs)) * world.ratio
        mean = values.mean(axis=1) + gains[:, idea]
        error = np.sqrt(champions.squares / champions.df * (1 / runs + 1 / champions.count))
        kept = stats.t.sf((mean - champions.mean) / error, champions.df) <= np.exp(-strictness)
        # within an idea n runs are fixed, so that their spread is as good as the champion's
        champions.squares += values.var(axis=1) * runs
        champions.df += runs - 1
        keeps[:, idea] = kept
        champions.replace(kept)
    return _sum_up(keeps, gains, runs * ideas + champions.runs)


def _sum_up(keeps: NDArray[np.bool_], gains: Floats, runs: Floats) -> Loops:
    true = gains > 0
    return Loops(
        runs, (keeps & ~true).sum(axis=1).astype(float), (keeps & true).sum(axis=1).astype(float), keeps.shape[1]
    )
