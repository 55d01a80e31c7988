"""Which runs an adaptive study makes next, and when it stops: a function of its results and its budget in runs.

A detail is open until one of its options is found to matter or all are found equivalent. What further seeds promise an
open one is the chance that it is settled with n' of them, given what n have shown (predictive power): with the estimate
b, the SD s of one difference, and nothing known beforehand, the estimate at n' is distributed as

    N(b, s^2 (1 / n - 1 / n')),

and the chance is that of its lying beyond what the test of a difference needs then, or inside what that of equivalence
does, each at the level that the correction leaves to the next verdict and the looks leave to n' of N seeds. It says
how far it pays to go on; no verdict hangs on it, so that its assumptions cost runs at worst, and never error control.

Details that are settled get no run of their own any more, nor do those whose chance is below `HOPE` with all seeds that
bound and budget leave (they are asked again after each look). Of the others each is put down for the seeds at which its
chance for a run is greatest; where the budget cannot pay them all, those go on that promise most verdicts a run. One
batch is a step on this way: an eighth of the seeds that there are, at least one, so that little is run in vain.

Nothing here reads a clock: a sweep that was killed, or that another machine goes on with, decides the same.

Source: Spiegelhalter, Freedman & Blackburn, Monitoring clinical trials: conditional or predictive power? (1986); the
greedy order is that of `repro judge --budget`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from repro.audit.counted import count_of
from repro.audit.statistics.effects import Effect
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.paired import Floats, smallest_p
from repro.audit.statistics.sequential import FIRST, level_at_look
from repro.audit.study.declaration import Correction

HOPE = 0.05
"""Chance below which nothing more is spent on a question."""
STEP = 8
"""A batch adds an eighth of the seeds that there are."""


class Question(NamedTuple):
    """An open detail: what is known of its options, and what a further replicate costs.

    Attributes:
        detail: dotted key.
        estimates: (K,) of its options.
        sds: (K,) of one replicate: a difference at a seed, or an estimate of a fraction.
        seeds: that it rests on.
        cost: runs of one further step of `each` seeds, the baseline's not counted.
        flips: whether `matters` asks for a sign flip as well, which few seeds cannot carry.
        steady: share of the variance that further seeds leave as it is.
    """

    detail: str
    estimates: Floats
    sds: Floats
    seeds: int
    cost: int
    flips: bool = False
    steady: float = 0.0


class Rules(NamedTuple):
    """How verdicts are reached.

    Attributes:
        margin: of the main metric.
        most: seeds up to which verdicts hold.
        each: seeds of one step: those of a fraction, or 1.
        matters: one-sided level of a difference that the correction leaves to the next verdict.
        equivalent: of each of the two tests of equivalence, likewise.
    """

    margin: float
    most: int
    each: int
    matters: float
    equivalent: float


class Promise(NamedTuple):
    """What a question promises.

    Attributes:
        question: that is asked.
        steps: further ones at which its chance for a run is greatest.
        chance: of its verdict then.
        best: its chance with all that bound and budget leave.
    """

    question: Question
    steps: int
    chance: float
    best: float


class Decision(NamedTuple):
    """What comes next.

    Attributes:
        details: that get further seeds; empty: the study stops.
        steps: how many.
        why: one sentence, on going on or on stopping.
        promises: of every open detail.
    """

    details: tuple[str, ...]
    steps: int
    why: str
    promises: tuple[Promise, ...]


def is_open(rows: Sequence[Effect]) -> bool:
    """Says whether neither verdict has been reached on a detail, given the effects of its options."""
    return not rows or (np.isnan(rows[0].equivalent_at) and all(np.isnan(row.matters_at) for row in rows))


def leave_levels(
    rows: Mapping[str, Sequence[Effect]], correction: Correction, margin: float, most: int, each: int
) -> Rules:
    """Returns the levels that a next verdict will be held against, given those that there are.

    With m contrasts found of K, Holm leaves .05 / (K - m) to the next, Benjamini-Hochberg .05 (m + 1) / K.

    Example:
        >>> leave_levels({}, "Holm", 0.3, 20, 1).equivalent
        0.05
    """
    contrasts, found = (
        sum(map(len, rows.values())),
        sum(not np.isnan(row.matters_at) for options in rows.values() for row in options),
    )
    inside = sum(not np.isnan(options[0].equivalent_at) for options in rows.values() if options)

    def left(family: int, passed: int) -> float:
        family = max(family, 1)
        passed = min(passed, family - 1)
        return LEVEL / (family - passed) if correction == "Holm" else LEVEL * (passed + 1) / family

    return Rules(margin, most, each, left(contrasts, found) / 2, left(len(rows), inside))


def forecast(question: Question, rules: Rules, steps: int) -> Floats:
    """Returns the chance that a question is settled with 1, 2, ... so many further steps.

    Args:
        question: with at least `FIRST` replicates.
        rules: levels and margin.
        steps: at least 1.

    Example:
        >>> zero = Question("a", np.array([0.0]), np.array([1.0]), seeds=10, cost=1)
        >>> forecast(zero, Rules(1.0, 20, 1, 0.025, 0.05), steps=10)[[0, 9]].round(2).tolist()
        [0.89, 0.98]
    """
    n, then = question.seeds / rules.each, question.seeds / rules.each + np.arange(1.0, steps + 1)
    reach_out, reach_in, carries = _find_reach(rules, question.seeds, steps)
    shrunk = question.steady / n + (1 - question.steady) / then  # variance then, in that of one replicate
    se = question.sds[:, None] * np.sqrt(shrunk)
    spread = question.sds[:, None] * np.sqrt(np.maximum((1 - question.steady) * (1 / n - 1 / then), 1e-300))
    centre = np.abs(question.estimates)[:, None]

    def within(half: Floats) -> Floats:
        held = np.maximum(half, 0.0)
        return np.asarray(special.ndtr((held - centre) / spread) - special.ndtr((-held - centre) / spread))

    with np.errstate(invalid="ignore", divide="ignore"):
        inside = np.where(rules.margin > reach_in * se, within(rules.margin - reach_in * se), 0.0)
        outside = 1 - within(reach_out * se)
    if question.flips:
        outside = np.where(carries, outside, 0.0)
    chance = np.nan_to_num(outside).max(axis=0) + np.nan_to_num(inside).min(axis=0)
    return np.asarray(np.minimum(chance, 1.0))


@lru_cache(maxsize=256)
def _find_reach(rules: Rules, seeds: int, steps: int) -> tuple[Floats, Floats, Floats]:
    """Returns by step the t that a difference and equivalence need then, and whether a sign flip carries the first."""
    totals = [seeds + rules.each * step for step in range(1, steps + 1)]
    levels = [
        [level_at_look(level, total, rules.most) for total in totals] for level in (rules.matters, rules.equivalent)
    ]
    df = np.array(totals) / rules.each - 1
    out, inside = (stats.t.isf(np.where(np.array(level) > 0, level, np.nan), df) for level in levels)
    carries = [smallest_p(int(total / rules.each)) <= 2 * level for total, level in zip(totals, levels[0], strict=True)]
    return np.asarray(out), np.asarray(inside), np.array(carries, dtype=np.float64)


def decide(questions: Sequence[Question], rules: Rules, left: int, shared: int) -> Decision:
    """Says which details go on and by how many steps, or why none does.

    Args:
        questions: that are open.
        rules: levels and margin.
        left: runs that the budget still pays.
        shared: runs of a step that serve all questions together: the baseline's, or all of a fraction.
    """
    if not questions:
        return Decision((), 0, "all details are settled", ())
    if left < shared + min(question.cost for question in questions):
        return Decision((), 0, f"the budget is spent: {count_of(left, 'run')} left", ())
    if all(question.seeds + rules.each > rules.most for question in questions):
        return Decision((), 0, f"verdicts hold up to {rules.most} seeds, and all have been run", ())
    few = tuple(question for question in questions if question.seeds < FIRST * rules.each)
    if few:
        need = min(FIRST - question.seeds // rules.each for question in few)
        steps = max(1, min(need, left // (shared + sum(question.cost for question in few))))
        return Decision(tuple(question.detail for question in few), steps, "without two there is no spread", ())
    promises = tuple(_promise(question, rules, left, shared) for question in questions)
    hopeful = [promise for promise in promises if promise.best >= HOPE]
    if not hopeful:
        best = max(promise.best for promise in promises)
        why = f"no open detail can be settled within the budget: the best chance is {best:.0%}"
        return Decision((), 0, why, promises)
    hopeful.sort(key=lambda promise: -promise.chance / (shared + promise.steps * promise.question.cost))
    chosen, reserved, horizon = list[Promise](), 0, 0
    for promise in hopeful:
        cost = max(promise.steps - horizon, 0) * shared + promise.steps * promise.question.cost
        if not chosen or reserved + cost <= left:
            chosen.append(promise)
            reserved, horizon = reserved + cost, max(horizon, promise.steps)
    fewest = min(promise.question.seeds for promise in chosen)
    steps = max(1, min(fewest // rules.each // STEP, min(promise.steps for promise in chosen)))
    room = left // (shared + sum(promise.question.cost for promise in chosen))
    while not room:  # the last ones do not fit even once
        chosen.pop()
        room = left // (shared + sum(promise.question.cost for promise in chosen))
    expected = sum(promise.chance for promise in chosen)
    why = (
        f"{count_of(len(questions), 'detail')} open, {len(chosen)} of them worth further runs: {expected:.1f} further "
        f"verdicts expected of them"
    )
    return Decision(tuple(promise.question.detail for promise in chosen), min(steps, room), why, promises)


def _promise(question: Question, rules: Rules, left: int, shared: int) -> Promise:
    most = min((rules.most - question.seeds) // rules.each, left // (shared + question.cost))
    if most < 1:
        return Promise(question, 0, 0.0, 0.0)
    steps = np.arange(1, most + 1)
    chances = forecast(question, rules, most)
    best = int(np.argmax(chances / (steps * (shared + question.cost))))
    # a chance for a run that is greatest at once may be tiny: then the way is longer than that
    if chances[best] < HOPE:
        best = int(np.argmax(chances))
    return Promise(question, int(steps[best]), float(chances[best]), float(chances.max()))
