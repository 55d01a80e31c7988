"""What the log of a loop holds, and what is decided on an idea."""

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Verdict = Literal["keep", "discard", "repeat"]
STATUS: Final[Mapping[Verdict, int]] = {"keep": 0, "discard": 10, "repeat": 11}
"""Exit status of a script by verdict; 2 where nothing could be judged."""


class Run(NamedTuple):
    """A row of a log."""

    idea: str
    value: float
    """Of the metric; not finite: a crash."""
    said: Literal["keep", "discard", ""] = ""
    """What the log says became of the idea; nothing: the referee's decision holds."""


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
    """One-sided, of a confirmation, valid at any look; held against `stake`."""
    stake: float = math.nan
    """The share of alpha that the idea is allowed."""

    @property
    def status(self) -> int:
        """Exit status for a script: 0 keep, 10 discard, 11 repeat."""
        return STATUS[self.verdict]
