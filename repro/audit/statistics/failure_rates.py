"""Whether an option changes how often runs fail: an outcome of its own, with exact tests and a verdict.

A run has failed if it failed, diverged, or gave no finite value of one of the study's metrics at the full training. A
run that is missing has not failed: it is no trial at all. What counts as a trial follows the design.

**One at a time**: runs, the option's against all of the baseline's, by Boschloo's exact test (`compare_arms`). Both
numbers of runs are fixed by the plan, and for this case it is exact and never less powerful than Fisher's, which takes
the number of failures as fixed too. That arms share seeds is not used: where a seed makes both fail, this errs on the
safe side.

**A design that varies many details at once**: variants, not runs, as a combination that always fails is one event and
not as many as it has seeds. With c_v failures of variant v, and the option in a set of n1 of N variants,

    T = sum of c_v over the variants with the option,   p = P(|T* - E T*| >= |T - E T*|),

where T* takes the same sum over a random set of n1 of the N: the permutation distribution of the variants over option
and baseline's option, all C(N, n1) sets, by dynamic programming over how many variants with failures are in the set
and how many failures they have (`permute_variants`). Variants with other numbers of runs are exchanged among
themselves only, which keeps it exact where runs are missing.

Discrete tests cannot reach every p: each row says the smallest one that as many failures could have given, however
they they had fallen (`smallest_p`, before the correction). All options of a study are one family, adjusted as the study
adjusts its effects. In a study that grows seed by seed both are turned into p-values that hold at any look
(`sequential`), at the number of seeds that the option has.

Source: Fisher, The Design of Experiments (1935), sections 11 and 21, for the exact test and the permutation of units;
Boschloo, Raised conditional level of significance for the 2 x 2-table (1970); Pagano & Tritchler, On obtaining
permutation distributions in polynomial time (1983).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.effects import single_arms
from repro.audit.statistics.linear_model import Flags, Floats, code_details
from repro.audit.statistics.looks import most_seeds
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import FULL, Outcomes, baseline_option
from repro.audit.statistics.sequential import anytime_p
from repro.audit.study.plan import Plan

Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

CHANGES, UNDECIDED, NONE_FAILED = "changes the failure rate", "undecided", "no run failed"
"""The three verdicts. That rates are alike would take a margin, which no study declares."""
RATE_COLUMNS = (
    *("detail", "option", "baseline", "failed", "run", "planned", "baseline_failed", "baseline_run"),
    *("baseline_planned", "trials", "p", "p_adjusted", "smallest_p", "family", "verdict", "reason", "runs"),
)
_BOSCHLOO_UP_TO = 200
"""Runs on either side up to which Boschloo's test is made: beyond, Fisher's, at a fraction of the time."""


class Side(NamedTuple):
    """Runs with an option, or with the baseline's.

    Attributes:
        failed: how many failed.
        run: how many were run.
        planned: how many were planned.
    """

    failed: int
    run: int
    planned: int


class Fates(NamedTuple):
    """What became of the runs of a plan, counted by variant.

    Attributes:
        variants: (V,) ids.
        failed: (V,) how many runs failed.
        run: (V,) how many were run.
        planned: (V,) how many were planned.
        runs: of each variant, those that failed.
    """

    variants: list[str]
    failed: Counts
    run: Counts
    planned: Counts
    runs: list[list[str]]

    def tally(self, rows: Counts) -> Side:
        """Counts the runs of some variants."""
        return Side(*(int(counts[rows].sum()) for counts in (self.failed, self.run, self.planned)))


class ExactTest(NamedTuple):
    """Two-sided p of an exact test, and the smallest p that so many failures could have given."""

    p: float
    smallest: float


class Comparison(NamedTuple):
    """An option against the baseline's: the variants (rows of the plan) of either side, and the test."""

    detail: str
    name: str
    option: Counts
    baseline: Counts
    trials: str
    test: ExactTest


def failure_rates(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Tests for every option whether it changes the rate of failure: `Analysis.failure_rates`."""
    alone = plan.declared.design == "one_at_a_time"
    # seeds that only the baseline has are no part of a design; one at a time they tell how often the baseline fails
    fates = count_fates(tables, None if alone else plan.declaration["seeds"])
    found = _compare_arms(plan, fates) if alone else _compare_groups(plan, fates)
    most, correction = most_seeds(plan, tables), correction_of(plan.declared)
    if most is not None:
        found = [row._replace(test=_hold(row.test, int(fates.run[row.option].max(initial=0)), most)) for row in found]
    adjusted = adjust_p(np.array([row.test.p for row in found], dtype=np.float64), correction)
    rows = []
    for row, p in zip(found, adjusted, strict=True):
        option, baseline = fates.tally(row.option), fates.tally(row.baseline)
        verdict, reason = _judge(row, option, baseline, float(p), f"{correction} over {len(found)}", len(found))
        numbers = (row.test.p, float(p), row.test.smallest, len(found))
        names = (row.detail, row.name, baseline_option(plan, row.detail))
        runs = tuple(run for side in (row.option, row.baseline) for variant in side for run in fates.runs[variant])
        rows.append((*names, *option, *baseline, row.trials, *numbers, verdict, reason, runs))
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS))


def count_fates(tables: Sequence[Outcomes], seeds: int | None = None) -> Fates:
    """Counts what became of the planned runs, by all metrics at the full training together.

    Args:
        tables: of outcomes.
        seeds: take those below this one; None: all.
    """
    full = [table for table in tables if table.train_fraction == FULL]
    use = full[0].seeds < (np.inf if seeds is None else seeds)
    failed = np.logical_or.reduce([table.failed for table in full])
    missing = np.logical_or.reduce([table.missing() for table in full]) & ~failed
    planned, names = full[0].runs != "", full[0].runs
    counts = [(flags & use).sum(axis=1) for flags in (failed, planned & ~missing, planned)]
    broken = [row[which].tolist() for row, which in zip(names, failed & use, strict=True)]
    return Fates(full[0].variants, counts[0], counts[1], counts[2], broken)


@lru_cache(maxsize=4096)
def compare_arms(failed: int, run: int, baseline_failed: int, baseline_run: int) -> ExactTest:
    """Tests whether two arms fail equally often, by Boschloo's test (Fisher's beyond 200 runs on a side).

    Example:
        >>> test = compare_arms(5, 8, 0, 8)
        >>> round(test.p, 3), round(test.smallest, 3)  # no five failures of eight can be more extreme
        (0.008, 0.008)
        >>> compare_arms(1, 8, 0, 8).smallest > 0.3
        True
    """
    total = failed + baseline_failed
    if not run or not baseline_run or not total:
        return ExactTest(1.0, 1.0)
    splits = range(max(0, total - baseline_run), min(total, run) + 1)
    extremes = {splits[0], splits[-1]}
    return ExactTest(
        _two_by_two(failed, run, baseline_failed, baseline_run),
        min(_two_by_two(split, run, total - split, baseline_run) for split in extremes),
    )


def permute_variants(failures: Counts, runs: Counts, taken: Flags) -> ExactTest:
    """Tests whether variants with an option have more or fewer failures than as many of all variants at random.

    Args:
        failures: (N,) how many runs of a variant failed.
        runs: (N,) how many were run; variants are exchanged only among those with as many.
        taken: (N,) which have the option.

    Returns:
        p, 1 where nothing failed.

    Example:
        >>> taken = np.array([True] * 4 + [False] * 4)
        >>> round(permute_variants(np.array([2, 2, 2, 2, 0, 0, 0, 0]), np.full(8, 2), taken).p * 70)  # of C(8, 4) sets
        2
    """
    total, expected, sums = 0, 0.0, np.ones(1)
    for number in np.unique(runs[runs > 0]):
        same = runs == number
        size, chosen = int(same.sum()), int((same & taken).sum())
        counts = np.bincount(failures[same])
        sums = np.convolve(sums, draw_sums(tuple(counts.tolist()), chosen))
        total += int(failures[same & taken].sum())
        expected += chosen * float(failures[same].sum()) / size
    distance = np.abs(np.arange(len(sums)) - expected)
    # distances that are equal but for rounding count as equal
    p = float(sums[distance > abs(total - expected) - 1e-9].sum())
    reach = distance[sums > 0].max()
    return ExactTest(min(1.0, p), min(1.0, float(sums[distance > reach - 1e-9].sum())))


@lru_cache(maxsize=1024)
def draw_sums(counts: tuple[int, ...], chosen: int) -> Floats:
    """Returns the distribution of the sum of failures over a random set of variants.

    Each variant is put in the set by a coin; given that `chosen` of them are in it, all sets are equally likely. So the
    joint distribution of how many are in it and of their sum is built up by binomials, group by group of variants with
    as many failures, and then taken at `chosen`. Whether the coin is fair makes no difference; one of chance chosen / N
    keeps the numbers in range.

    Args:
        counts: how many variants have 0, 1, 2, ... failures.
        chosen: size of the set.

    Returns:
        (T + 1,) probability of each sum from 0 to all T failures.

    Example:
        >>> draw_sums((2, 1, 1), 2).round(3).tolist()  # failures 0, 0, 1, 2: six sets of two
        [0.167, 0.333, 0.333, 0.167]
    """
    size, total = sum(counts), sum(failures * number for failures, number in enumerate(counts))
    if chosen in (0, size):
        return np.eye(total + 1)[total if chosen else 0]
    coin, hit = chosen / size, min(size - counts[0], chosen)
    joint = np.ones((1, 1))  # chance of so many variants in the set (rows) with so many failures (columns)
    for failures, number in enumerate(counts):
        if failures and number:
            rows, columns = joint.shape
            grown = np.zeros((rows + number, columns + number * failures))
            for inside, chance in enumerate(stats.binom.pmf(np.arange(number + 1), number, coin)):
                grown[inside : inside + rows, inside * failures : inside * failures + columns] += chance * joint
            joint = grown
    joint = joint[: hit + 1]
    rest = stats.binom.pmf(chosen - np.arange(hit + 1), counts[0], coin)
    return np.asarray(rest @ joint / stats.binom.pmf(chosen, size, coin))


def _compare_arms(plan: Plan, fates: Fates) -> list[Comparison]:
    row = {variant: place for place, variant in enumerate(fates.variants)}
    baseline, found = np.array([0]), []
    for arm in single_arms(plan):
        if arm.detail in plan.levels:
            option = np.array([row[arm.variant]])
            test = compare_arms(*fates.tally(option)[:2], *fates.tally(baseline)[:2])
            found.append(Comparison(arm.detail, arm.option, option, baseline, "runs", test))
    return found


def _compare_groups(plan: Plan, fates: Fates) -> list[Comparison]:
    coding, found = code_details(plan), []
    for column, (detail, option) in enumerate(coding.options):
        same = [place for place, (other, _) in enumerate(coding.options) if other == detail]
        taken = np.flatnonzero(coding.points & (coding.matrix[:, column] == 1))
        left = np.flatnonzero(coding.points & (coding.matrix[:, same].sum(axis=1) == 0))
        both = np.concatenate([taken, left])
        test = permute_variants(fates.failed[both], fates.run[both], np.arange(len(both)) < len(taken))
        found.append(Comparison(detail, option, taken, left, "variants", test))
    return found


def _hold(test: ExactTest, seeds: int, most: int) -> ExactTest:
    """Turns p-values into such as hold at any look; 1 at fewer seeds than a first look takes."""
    held = anytime_p(np.array(test), np.full(2, float(seeds)), most, sides=2)
    return ExactTest(*np.where(np.isnan(held), 1.0, held).tolist())


def _judge(row: Comparison, option: Side, baseline: Side, p: float, corrected: str, family: int) -> tuple[str, str]:
    """Returns the verdict and one sentence."""
    counts = f"{option.failed} of {option.run} runs failed, {baseline.failed} of {baseline.run} with the baseline's"
    if not option.failed + baseline.failed:
        return NONE_FAILED, f"none of {option.run + baseline.run} runs"
    if p < LEVEL:
        return CHANGES, f"{counts}: p = {p:.2g} after {corrected}, {row.trials} as the trials"
    least = min(1.0, row.test.smallest * family)
    reach = f"however they had fallen, so many failures could not have given less than {least:.2g}"
    return UNDECIDED, f"{counts}: p = {p:.2g} after {corrected}, {row.trials} as the trials; {reach}"


def _two_by_two(failed: int, run: int, baseline_failed: int, baseline_run: int) -> float:
    table = np.array([[failed, baseline_failed], [run - failed, baseline_run - baseline_failed]])
    if max(run, baseline_run) > _BOSCHLOO_UP_TO:
        return float(stats.fisher_exact(table).pvalue)
    return float(min(1.0, stats.boschloo_exact(table).pvalue))
