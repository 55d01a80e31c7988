"""One record per metric: its name, how it is read and shown, and which difference counts.

Table columns, what a study may declare, names in the tracking store, the page and the command line are derived from
these records; there is no second list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]
Aggregation = Literal["mean", "whole"]
"""How the values of a run's units become the value of the run; whole: there is one, of all units together."""


def _is_there() -> str:
    return ""


@dataclass(frozen=True)
class Metric:
    """What a run measures.

    Attributes:
        name: as in tables, studies and the tracking store; letters, digits and underscores.
        title: as a reader is told it.
        direction: which way is better.
        decimals: with which it is shown.
        how: how it is computed, in one sentence, with its source.
        unit: as it is shown, e.g. "dB"; empty where it has none.
        aggregation: how the values of a run's units become the value of the run.
        margin: the difference below which two options count as the same where a study names none, in the metric's unit.
        why: the reason for that margin; empty where there is none.
        obstacle: says why the metric cannot be computed here, e.g. which file of weights is missing; empty if it can.

    Example:
        >>> accuracy = Metric("accuracy", "Accuracy", "higher", 3, "share of test items whose class is right")
        >>> accuracy.label
        'Accuracy'
    """

    name: str
    title: str
    direction: Direction
    decimals: int
    how: str
    unit: str = ""
    aggregation: Aggregation = "mean"
    margin: float | None = None
    why: str = ""
    obstacle: Callable[[], str] = _is_there

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"a metric is named by letters, digits and underscores, not {self.name!r}")
        if (self.margin is None) != (not self.why):
            raise ValueError(f"metric {self.name}: a margin and the reason for it come together")

    @property
    def label(self) -> str:
        """The title with the unit, as an axis or a column shows it."""
        return f"{self.title}, {self.unit}" if self.unit else self.title
