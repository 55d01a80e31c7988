"""A column of a table of runs with its role, and what a user has said of columns: checked against names alone."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from repro.audit.study.metric import Direction
from repro.errors import UserError
from repro.judge.column_names import METRIC

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


def check_asked(columns: Sequence[str], numbers: Collection[str], asked: Asked, kind: str = "") -> None:
    """Checks that what is asked of columns can be had of a header.

    Args:
        columns: all names.
        numbers: of those that hold numbers.
        asked: what is said of them.
        kind: which of all the columns these are, where some were left out.

    Raises:
        UserError: a column is not there or has two roles, or none is the outcome.
    """
    wanted = [
        *(("outcome", name) for name in asked.outcomes),
        *((role, name) for role, name in (("seed", asked.seed), ("unit", asked.unit), ("task", asked.task)) if name),
        *(("details", name) for name in asked.details or ()),
        *(("left_out", name) for name in asked.left_out),
    ]
    for role, name in wanted:
        if name not in columns:
            raise UserError(f"{role}: there is no column {name!r}{kind}\n  the table has: {_list_near(columns, name)}")
    used = [name for role, name in wanted if role != "left_out"]
    for name in used:
        if used.count(name) > 1:
            raise UserError(f"column {name!r} is asked to be two things at once\n  give it one role")
    if not asked.outcomes:
        known = [name for name in columns if name in numbers]
        metrics = [name for name in known if METRIC.search(name)] or known
        shown = ", ".join(metrics[:8]) or "no column of numbers"
        raise UserError(f"which column is the outcome? --outcome NAME:lower or NAME:higher\n  the table has: {shown}")


def of_role(columns: list[Column], *roles: Role) -> list[str]:
    """Returns the names of the columns that have one of some roles."""
    return [column.name for column in columns if column.role in roles]


def _list_near(columns: Sequence[str], name: str) -> str:
    """Returns the columns that may be meant: of another case, inside another name; else the first ones."""
    word = name.lower()
    near = [column for column in columns if column.lower() == word]
    near = near or [column for column in columns if re.split(r"[./ ]", column.lower())[-1] == word]
    near = near or [column for column in columns if word in column.lower()] or list(columns)
    return ", ".join(near[:12]) + (", ..." if len(near) > 12 else "")
