"""Decisions on the ideas of a loop, replayed from its log by the rule of `loop_rule`.

The log, a row a run in the order of running, is the whole state. Which runs are fresh follows from it: those of a
champion after it was kept, and those of a confirmation after it began.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from repro.errors import UserError
from repro.judge import loop_rule as rule
from repro.judge.loop_records import Decision, Run, Verdict


@dataclass
class _Idea:
    name: str
    champion: "_Idea | None"
    """With which it is compared; None: the baseline."""
    runs: list[float] = field(default_factory=list)
    said: str = ""
    reigns_from: int | None = None
    """How many runs it was kept by: those after them are fresh."""
    confirms_from: tuple[int, int] | None = None
    """How many runs of it and of its champion the confirmation must not look at."""
    stake: float = math.nan
    decision: Decision | None = None
    challengers: "list[_Idea]" = field(default_factory=list)
    """Ideas that are compared with it."""

    @property
    def is_open(self) -> bool:
        """Whether nothing final was decided on it."""
        return self.decision is None or self.decision.verdict == "repeat"

    @property
    def fresh(self) -> list[float]:
        """Its runs since it is the champion, without those that crashed."""
        return [] if self.reigns_from is None else [run for run in self.runs[self.reigns_from :] if math.isfinite(run)]


def judge_runs(runs: Sequence[Run], *, lower_is_better: bool, idea: str | None = None) -> Decision:
    """Decides on an idea by replaying a log.

    Args:
        runs: in the order of running; the first is of the baseline. A change that the log keeps is the champion of the
            ideas that begin after it, whatever the referee thought of it.
        lower_is_better: the direction of the metric.
        idea: None: the one that the last run concerns, by itself or as a run of its champion; where it concerns none,
            the last that is open, or the last of all.

    Returns:
        The decision.

    Raises:
        UserError: no idea after the baseline, none of this name, a champion whose runs are all
            alike, a baseline that crashed.

    Example:
        >>> rows = [Run("a", value) for value in (1.0, 1.2, 0.9, 1.1, 1.0, 0.8, 1.1, 0.9)] + [Run("b", 1.1)]
        >>> judge_runs(rows, lower_is_better=True).verdict
        'discard'
    """
    if runs and not math.isfinite(runs[0].value):
        raise UserError("the first run, of the baseline, is a crash\n  begin with a run of what changes start from")
    replay = _Replay(-1 if lower_is_better else 1)
    for run in runs:
        replay.take(run)
    ideas = list(replay.ideas.values())[1:]
    if not ideas:
        raise UserError("there is no idea after the baseline\n  expected a row of another commit")
    if idea is not None and idea not in replay.ideas:
        raise UserError(
            f"the log has no idea {idea}\n  expected one of its ideas, the last of which is {ideas[-1].name}"
        )
    undecided = [each for each in ideas if not each.said and each.is_open]
    asked = replay.ideas[idea] if idea is not None else [ideas[-1], *undecided, *replay.latest][-1]
    return asked.decision or replay.decide(asked)


class _Replay:
    """What the referee knows after the rows so far."""

    def __init__(self, sign: int) -> None:
        self.sign, self.left = sign, rule.ALPHA
        self.ideas: dict[str, _Idea] = {}
        self.latest: list[_Idea] = []
        """Ideas that the last row concerned."""

    def take(self, run: Run) -> None:
        """Adds a row, and decides on the ideas that it concerns."""
        if run.idea not in self.ideas:
            champion = next(self._kept(), None)
            self.ideas[run.idea] = _Idea(run.idea, champion, reigns_from=None if champion else 0)
            if champion:
                champion.challengers.append(self.ideas[run.idea])
        idea = self.ideas[run.idea]
        waiting = [each for each in idea.challengers if each.is_open and each.said != "discard"]
        self.latest = waiting if idea.reigns_from is not None else [idea]
        idea.runs.append(run.value)
        idea.said = run.said or idea.said
        if run.said == "keep" and idea.reigns_from is None:
            idea.reigns_from = len(idea.runs)  # unless the referee keeps it later, by more of its runs
        for each in [idea, *waiting]:
            if each.champion and each.is_open:
                each.decision = None
                with suppress(UserError):  # it is raised at the end, if the idea is asked for
                    each.decision = self.decide(each)
                if each.decision and each.decision.verdict == "keep":
                    each.reigns_from, self.left = len(each.runs), self.left + each.stake

    def _kept(self) -> Iterator[_Idea]:
        """Yields what the log, or where it says nothing the referee, has kept, the last first."""
        for each in reversed(self.ideas.values()):
            by_rule = each.decision is not None and each.decision.verdict == "keep"
            if each.champion is None or each.said == "keep" or (not each.said and by_rule):
                yield each

    def decide(self, idea: _Idea) -> Decision:
        """Decides on an idea; its stake is paid here, once, when it passes the screening."""
        champion = idea.champion
        if champion is None:
            return Decision("discard", idea.name, "it is the baseline")
        if not all(map(math.isfinite, idea.runs)):
            return Decision("discard", idea.name, "it crashed")
        if next(each for each in self._kept() if each is not idea) is not champion:
            said = f"{champion.name}, with which it was compared, is the champion no more: name it anew"
            return Decision("discard", idea.name, said)
        if (missing := rule.CHAMPION_RUNS - len(champion.fresh)) > 0:
            which = " after those that it was kept by" if champion.champion else ""
            said = f"it is held against {rule.CHAMPION_RUNS} runs of {champion.name}{which}"
            return Decision("repeat", idea.name, said, missing, champion.name)
        residuals, df = self._find_residuals()
        sd = float(np.sqrt((residuals**2).sum() / df))
        if not sd > 0:
            said = f"all runs of {champion.name} are alike, so that nothing is known of noise"
            raise UserError(f"{said}\n  expected runs that differ by their seed; without noise the better is better")
        screened = self._screen(idea, champion, sd) if idea.confirms_from is None else None
        return screened or self._confirm(idea, champion, sd)

    def _find_residuals(self) -> tuple[NDArray[np.float64], int]:
        """Returns what runs of champions are off their means, and its degrees of freedom."""
        reigns = [np.array(each.fresh) for each in self.ideas.values() if len(each.fresh) > 1]
        return np.concatenate([runs - runs.mean() for runs in reigns]), sum(len(runs) - 1 for runs in reigns)

    def _screen(self, idea: _Idea, champion: _Idea, sd: float) -> Decision | None:
        """Returns None where the idea passes."""
        count, against = len(idea.runs), champion.fresh
        gain = self.sign * float(np.mean(idea.runs) - np.mean(against))
        ratio = float(rule.evidence_ratio(gain, count, len(against), sd))
        said = f"gain {gain:.4g}, {gain / sd:.2f} SD of a run ({sd:.3g}), n = {count} against {len(against)}"
        if ratio <= rule.DROPPED or (count >= rule.MOST_SCREENED and ratio <= 0):
            return Decision("discard", idea.name, f"{said}: a gain of one SD is unlikely", gain=gain)
        if ratio < rule.PASSED and count < rule.MOST_SCREENED:
            return Decision("repeat", idea.name, f"{said}: too little to tell", 1, idea.name, gain)
        idea.confirms_from = (count, len(champion.runs))
        idea.stake = rule.STAKE_SHARE * self.left
        self.left -= idea.stake
        return None

    def _confirm(self, idea: _Idea, champion: _Idea, sd: float) -> Decision:
        assert idea.confirms_from is not None
        own = idea.runs[idea.confirms_from[0] :]
        others = [run for run in champion.runs[idea.confirms_from[1] :] if math.isfinite(run)]
        pairs = min(len(own), len(others))
        lagging = idea.name if len(own) <= len(others) else champion.name
        if not pairs:
            said = "it is promising, and has now to prove it on new runs, in pairs with the champion's"
            return Decision("repeat", idea.name, said, 1, lagging, stake=idea.stake)
        differences = self.sign * (np.array(own[:pairs]) - np.array(others[:pairs]))
        gain, spread = float(differences.mean()), float(differences.std(ddof=1)) if pairs > 1 else 0.0
        residuals, _ = self._find_residuals()
        skewness = self.sign * float((residuals**3).mean() / (residuals**2).mean() ** 1.5)
        least = float(rule.least_spread(sd, skewness, len(residuals)))
        p = float(rule.confirmed_p(gain, spread, pairs, least))
        said = f"gain {gain:.4g}, {gain / sd:.2f} SD of a run ({sd:.3g}), in {pairs} new pairs, p = {p:.2g} at any look"

        skewed = "; runs are skewed: this holds for ideas that scatter up to twice as much" if least > sd else ""

        def close(verdict: Verdict, reason: str, runs: int = 0) -> Decision:
            return Decision(verdict, idea.name, f"{said}; {reason}", runs, lagging if runs else "", gain, p, idea.stake)

        if p <= idea.stake:
            return close("keep", f"at most {idea.stake:.2g}{skewed}")
        if rule.evidence_ratio(gain, pairs, pairs, sd) <= rule.HOPELESS:
            return close("discard", "a gain of one SD has become unlikely")
        if pairs >= rule.MOST_PAIRS:
            return close("discard", f"above {idea.stake:.2g}, and it has had its {rule.MOST_PAIRS} pairs")
        return close("repeat", f"above {idea.stake:.2g}", 1)
