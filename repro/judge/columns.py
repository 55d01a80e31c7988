"""Columns by their names alone: what they are for, and whether those that are asked for are there.

Needs nothing of a table but its header, so that what is asked in vain is said before anything is loaded.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from repro.audit.study.metric import Direction
from repro.errors import UserError

Role = Literal[
    "outcome", "seed", "unit", "task", "detail", "numeric detail", "constant", "copy", "step", "metric", "left out"
]
METRIC = re.compile(
    r"(^|[_./ -])(loss|acc|accuracy|err|error|score|scores|auc|f1|rmse|mse|mae|bleu|wer|cer|fid|return|reward|"
    r"perplexity|ppl|bpb|bpc|precision|recall|map|miou|iou|dice_score|top1|top5|n_parameters|param_count|params_count|"
    r"flops|memory|memory_gb|throughput|seconds|duration|runtime|time|hours|energy|joules|min|max|final|last|best|mean|"
    r"std|diff|evals)([_./ -]|\d|$)|^(metrics|summary)\.|^best_",
    re.IGNORECASE,
)
"""Names of what is measured."""


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


def check_asked(columns: Sequence[str], numbers: Collection[str], asked: Asked) -> None:
    """Checks that what is asked of columns can be had of a header.

    Args:
        columns: all names.
        numbers: of those that hold numbers.
        asked: what is said of them.

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
            near = [column for column in columns if column.lower() == name.lower()] or columns[:12]
            raise UserError(f"{role}: there is no column {name!r}\n  the table has: {', '.join(near)}")
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
