"""A column of a table of runs with its role, and what a user has said of columns."""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from repro.audit.study.metric import Direction

Role = Literal[
    "outcome", "seed", "unit", "task", "detail", "numeric detail", "constant", "copy", "step", "metric", "left out"
]


class Column(NamedTuple):
    """A column with its role.

    Attributes:
        name: in the table.
        role: what it is for.
        levels: how many values it has.
        why: in a few words; of a copy, what it always varies with.
    """

    name: str
    role: Role
    levels: int
    why: str


class Asked(NamedTuple):
    """What the user has said of columns; None: nothing.

    Attributes:
        outcomes: names with their direction.
        seed: empty: there is none.
        unit: likewise.
        task: likewise.
        details: all of them.
        left_out: more columns that are neither.
    """

    outcomes: Mapping[str, Direction]
    seed: str | None = None
    unit: str | None = None
    task: str | None = None
    details: Collection[str] | None = None
    left_out: Collection[str] = ()


def of_role(columns: list[Column], *roles: Role) -> list[str]:
    """Returns the names of the columns that have one of some roles."""
    return [column.name for column in columns if column.role in roles]
