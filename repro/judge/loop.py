"""A referee for a loop of changes: keep, discard or repeat, with the same error control after a kill.

The caller says which idea is to be judged and gives all runs that there are, by the name of what was run; the loop
knows its champion, which level the idea has, and which of the champion's runs are fresh. All that is kept in one small
JSON file, replaced atomically under a lock: a killed loop goes on where it was, two at once wait for each other, and
to ask again gives the same answer. The rule is that of `loop_rule`.

    loop = Loop("loop.json", lower_is_better=True)
    decision = loop.judge("warm-up", {"baseline": [0.998, 1.001, ...], "warm-up": [0.991]})
    sys.exit(decision.status)  # 0 keep, 10 discard, 11 repeat
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repro.errors import UserError
from repro.storage import write_json

Verdict = Literal["keep", "discard", "repeat"]
STATUS: Final[Mapping[Verdict, int]] = {"keep": 0, "discard": 10, "repeat": 11}
"""Exit status of a script by verdict; 2 where nothing could be judged."""


class Decision(NamedTuple):
    """What is to be done with an idea."""

    verdict: Verdict
    idea: str
    reason: str
    """One sentence with the numbers."""
    runs: int = 0
    """To be run before the idea is judged again, where the verdict is repeat."""
    of: str = ""
    """What is to be run: the idea, or the champion."""
    gain: float = math.nan
    """Mean of the idea less that of the champion in units of the metric, positive where it is better."""
    p: float = math.nan
    """One-sided p of this look; held against `level`."""
    level: float = math.nan

    @property
    def status(self) -> int:
        """Exit status for a script: 0 keep, 10 discard, 11 repeat."""
        return STATUS[self.verdict]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Idea(_Kept):
    name: str
    number: int = Field(ge=1)
    champion: str
    verdict: Verdict = "repeat"
    reason: str = ""
    runs: list[float] = []  # those that were judged


class _State(_Kept):
    """What the file holds."""

    lower_is_better: bool
    horizon: int = Field(ge=1)
    alpha: float = Field(gt=0, lt=1)
    champion: str
    used: dict[str, int] = {}
    """How many runs each champion was chosen by: those after them are fresh."""
    ideas: list[_Idea] = []
    earlier: int = 0
    """Ideas that were tried before the referee was asked."""
    champions: dict[str, list[float]] = {}
    """Fresh runs of all champions so far."""


class Loop:
    """A loop of changes under the control of its whole error.

    Args:
        file: of the state; made at the first call of `judge`.
        lower_is_better: the direction of the metric.
        champion: name of what the loop starts from.
        horizon: ideas between which most of the error is shared out.
        alpha: chance that a whole loop keeps anything that is no better.
        used: runs of the first champion that it was chosen by, which do not count; 0 for a baseline.
        earlier: ideas that were tried already, whose levels are gone.

    Raises:
        UserError: the file is another loop's, or no state.
    """

    def __init__(
        self,
        file: str | Path,
        *,
        lower_is_better: bool,
        champion: str = "baseline",
        horizon: int = 200,
        alpha: float = 0.05,
        used: int = 0,
        earlier: int = 0,
    ) -> None:
        self.file = Path(file)
        try:
            self._new = _State(
                lower_is_better=lower_is_better,
                horizon=horizon,
                alpha=alpha,
                champion=champion,
                used={champion: used},
                earlier=earlier,
            )
        except ValidationError as error:
            raise UserError(f"a loop cannot have {_first(error)}") from None
        self._read()

    @property
    def champion(self) -> str:
        """What ideas are compared with now."""
        return self._read().champion

    def judge(self, idea: str, runs: Mapping[str, Sequence[float]]) -> Decision:
        """Decides on an idea from all runs so far.

        Args:
            idea: its name: a commit, a sentence; one name, one idea.
            runs: the metric of every run in the order of running by the name of what was run, the champion's and the
                idea's at least. A run of the idea that is not finite is a crash. Runs of a kept idea from before it
                was kept stay first in its list.

        Returns:
            The decision. One that was reached before is given again.

        Raises:
            UserError: there is nothing to judge: no run of the idea, runs that differ from those that were judged
                before, a champion whose runs are all alike.
        """
        from filelock import FileLock

        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_name(f"{self.file.name}.lock")):
            state = self._read()
            decision = _judge(state, idea, {name: [float(run) for run in each] for name, each in runs.items()})
            write_json(self.file, state.model_dump())
        return decision

    def _read(self) -> _State:
        try:
            state = _State.model_validate(json.loads(self.file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self._new.model_copy(deep=True)
        except (ValidationError, ValueError, OSError) as error:
            said = _first(error) if isinstance(error, ValidationError) else error
            raise UserError(f"{self.file} is not the state of a loop: {said}\n  give another file") from None
        for name in ("lower_is_better", "horizon", "alpha"):
            if getattr(state, name) != getattr(self._new, name):
                raise UserError(
                    f"{self.file} is of a loop with {name} = {getattr(state, name)}, not {getattr(self._new, name)}\n"
                    "  what a loop was begun with holds to its end: give the same, or another file"
                )
        return state


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


def _judge(state: _State, name: str, runs: Mapping[str, list[float]]) -> Decision:
    """Decides, and writes what was decided into `state`."""
    idea = next((each for each in state.ideas if each.name == name), None)
    if idea is not None and idea.verdict != "repeat":
        return Decision(idea.verdict, name, idea.reason)
    if name == state.champion or name in state.used:
        raise UserError(f"{name} is the champion, or was: it cannot be judged\n  name the change after it")
    own = runs.get(name, [])
    if not own:
        raise UserError(f"no run of {name}\n  expected at least one value of the metric of the idea to be judged")
    if idea is None:
        idea = _Idea(name=name, number=state.earlier + len(state.ideas) + 1, champion=state.champion)
        state.ideas.append(idea)
    if idea.champion != state.champion:
        return _close(
            idea, Decision("discard", name, f"{idea.champion}, with which it was compared, is gone: name it anew")
        )
    if own[: len(idea.runs)] != idea.runs:
        raise UserError(f"runs of {name} differ from those judged before\n  give all of them, in the order of running")
    if not all(map(math.isfinite, own)):
        return _close(idea, Decision("discard", name, "a run of it is not finite"))
    idea.runs = own
    fresh = runs.get(state.champion, [])[state.used.get(state.champion, 0) :]
    before = state.champions.get(state.champion, [])
    if fresh[: len(before)] != before:
        raise UserError(
            f"runs of {state.champion} differ from those judged before\n  give all of them, in the order of running"
        )
    if not all(map(math.isfinite, fresh)):
        raise UserError(f"a run of the champion {state.champion} is not finite\n  run it again, and leave that one out")
    state.champions[state.champion] = fresh
    decision = _decide(state, idea, fresh)
    if decision.verdict == "keep":
        state.champion = name
        state.used[name] = len(own)
    return _close(idea, decision)


def _close(idea: _Idea, decision: Decision) -> Decision:
    idea.verdict, idea.reason = decision.verdict, decision.reason
    return decision


def _decide(state: _State, idea: _Idea, fresh: Sequence[float]) -> Decision:
    import numpy as np

    from repro.judge import loop_rule as rule

    count, name = len(idea.runs), idea.name
    if (missing := rule.champion_runs_for(min(count, rule.MOST_RUNS)) - len(fresh)) > 0:
        said = f"{count} of {name} are compared with {len(fresh) + missing} fresh runs of {state.champion}"
        return Decision("repeat", name, said, missing, state.champion)
    reigns = [np.asarray(each) for each in state.champions.values() if len(each) > 1]
    df = sum(len(each) - 1 for each in reigns)
    sd = float(np.sqrt(sum(each.var() * len(each) for each in reigns) / df))
    if sd == 0:
        raise UserError(
            f"all runs of {state.champion} are alike, so that nothing is known of noise\n"
            "  expected runs that differ by their seed; without noise the better one is better"
        )
    gain = (float(np.mean(idea.runs)) - float(np.mean(fresh))) * (-1 if state.lower_is_better else 1)
    own_sd = float(np.std(idea.runs, ddof=1)) if count > 1 else 0.0
    p = float(rule.gain_p(gain, count, len(fresh), sd, df, own_sd))
    spent = rule.level_of_idea(idea.number, state.alpha, state.horizon)
    level = rule.levels_of_looks(spent)[count] if count <= rule.MOST_RUNS else 0.0
    said = f"gain {gain:.4g}, {gain / sd:.2f} SD of a run ({sd:.3g}, {df} df), n = {count} against {len(fresh)}"

    def decide(verdict: Verdict, reason: str, again: int = 0) -> Decision:
        return Decision(verdict, name, f"{said}; {reason}", again, name if again else "", gain, p, level)

    if p <= level:
        return decide("keep", f"p = {p:.2g}, at most {level:.2g}")
    if rule.is_hopeless(gain, count, len(fresh), sd):
        return decide("discard", "a gain of one SD has become unlikely")
    if count >= rule.MOST_RUNS:
        return decide("discard", f"p = {p:.2g}, above {level:.2g}, and it has had its {rule.MOST_RUNS} runs")
    return decide("repeat", f"p = {p:.2g}, above {level:.2g}", max(1, rule.FIRST_KEEP - count) if gain > 3 * sd else 1)
