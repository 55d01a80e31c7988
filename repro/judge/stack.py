"""Which parts of a stack are needed: two configurations, their differences as details, and runs of their mixtures.

A difference is a detail of two options, base's and final's, and the baseline is the final configuration, so that an
effect says what it does to take a part out. What is no difference is shared and is not tested. A key that one
configuration lacks is the same as one that is null: a blank in the table.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.ledger.values import flatten, show_value
from repro.audit.study.declaration import read_yaml
from repro.errors import UserError
from repro.judge.declaration import Declaration
from repro.judge.runs import BLANK
from repro.judge.stack_answers import StackJudgement, judge_mixtures
from repro.judge.stack_plan import StackPlan, plan_comparison, plan_screening, pool_sd
from repro.judge.variants import find_rank
from repro.judge.verdicts import judge_table

MOST_DIFFERENCES = 45
"""As many as are fitted at once."""
_PREFIX = re.compile(r"^(params|config|args|hparams|hyperparameters)[./]", re.IGNORECASE)


class Difference(NamedTuple):
    """A part of the stack.

    Attributes:
        key: dotted.
        base: option of the base, as text of a table; `(blank)`: it has none.
        final: likewise of the final configuration.
    """

    key: str
    base: str
    final: str


class Stack(NamedTuple):
    """Two configurations.

    Attributes:
        differences: in the order of the final configuration.
        shared: options that both have.
    """

    differences: list[Difference]
    shared: dict[str, str]


class Mixtures(NamedTuple):
    """Rows of a table that are mixtures of two configurations.

    Attributes:
        table: rows; the columns of the differences hold options as text, under their dotted keys.
        said: sentences on what was left out.
    """

    table: pd.DataFrame
    said: list[str]


def judge_stack(
    table: pd.DataFrame | None, stack: Stack, declared: Declaration, frozen: Mapping[str, Any] | None = None
) -> StackPlan | StackJudgement:
    """Judges every difference, or plans the runs that would.

    Args:
        table: of runs; None: there are none yet.
        stack: both configurations.
        declared: how the table is read; details and baseline are those of the stack.
        frozen: what an earlier judgement declared as the smallest stack (`StackJudgement.freeze`).

    Raises:
        UserError: no outcome or margin is declared, or the table lacks a column of a difference.
    """
    check_margin(declared)
    if table is None:
        return plan_screening(stack.differences, None, declared, "there are no runs yet")
    found = find_mixtures(table, stack, declared.table)
    keys = [difference.key for difference in stack.differences]
    if reason := _lack_runs(found.table, stack):
        return plan_screening(stack.differences, found.table, declared, reason)._replace(said=found.said)
    whole = {difference.key: difference.final for difference in stack.differences}
    own = declared.model_copy(update={"details": keys, "baseline": whole, "left_out": [], "absent": {}})
    judged = judge_table(found.table, own)
    if judged.analysis is None or judged.plan is None or set(judged.plan.levels) != set(keys):
        reason = judged.refused.split("\n")[0] or "runs share too few seeds to tell the differences apart"
        return plan_screening(stack.differences, found.table, declared, reason)._replace(said=found.said)
    answer = judge_mixtures(judged, stack.differences, list(stack.shared), frozen)
    answer = answer._replace(said=[*found.said, *answer.said])
    unsure = answer.smallest.dropped and not (answer.smallest.confirmed or answer.telling)
    if unsure or answer.telling:
        sd = pool_sd(found.table, keys, answer.outcome)
        rows = [*answer.telling, *([answer.smallest.dropped] if unsure else [])]
        purpose = "the smallest stack against the whole" if unsure else "which pairs interact"
        more = plan_comparison(stack.differences, found.table, declared, rows, sd, purpose)
        answer = answer._replace(confirming=more)
    return answer


def check_margin(declared: Declaration) -> None:
    """Refuses to ask what is equivalent without an outcome and a margin."""
    if not declared.outcomes:
        raise UserError("--stack: of which outcome? add --outcome NAME:lower or NAME:higher, and --margin")
    if next(iter(declared.outcomes.values())).margin is None:
        raise UserError("--stack asks what is equivalent to the whole: within which margin? add --margin")


def read_stack(base: str | Path, final: str | Path) -> Stack:
    """Reads two configurations and finds where they differ.

    Raises:
        UserError: one cannot be read or is no mapping, or they do not differ, or in too much.
    """
    one, other = (_read_options(Path(file)) for file in (base, final))
    keys = list(dict.fromkeys([*other, *one]))
    pairs = {key: (one.get(key, BLANK), other.get(key, BLANK)) for key in keys}
    differences = [Difference(key, *pair) for key, pair in pairs.items() if pair[0] != pair[1]]
    if not differences:
        raise UserError(f"{base} and {final} do not differ: no part to judge\n  expected two configurations")
    if len(differences) > MOST_DIFFERENCES:
        raise UserError(
            f"{base} and {final} differ in {len(differences)} keys, more than {MOST_DIFFERENCES}\n"
            "  judge a step between them first"
        )
    return Stack(differences, {key: pair[1] for key, pair in pairs.items() if pair[0] == pair[1]})


def _read_options(file: Path) -> dict[str, str]:
    values = read_yaml(file)
    if not isinstance(values, Mapping) or not values:
        raise UserError(f"{file} is no mapping\n  expected a configuration: `key: value`, nested or dotted")
    return {key: text_of(value) for key, value in flatten(values).items()}


def text_of(value: Any) -> str:
    """Returns an option as text that is the same however a configuration or a table spells it.

    Example:
        >>> text_of(True), text_of("1e-3"), text_of(2.0), text_of(None), text_of([1, 2]), text_of("[1, 2]")
        ('true', '0.001', '2', '(blank)', '[1,2]', '[1,2]')
    """
    if value is None or value != value:
        return BLANK
    text = " ".join(show_value(value).split())
    if text.lower() in ("true", "false"):
        return text.lower()
    if text in ("", "null", "None", "~"):
        return BLANK
    if text.startswith("["):
        return re.sub(r"\s*,\s*", ",", text).replace("'", "").replace('"', "")
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text


def find_mixtures(table: pd.DataFrame, stack: Stack, source: str) -> Mixtures:
    """Returns the rows of a table that are mixtures of both configurations, and says what others were.

    Raises:
        UserError: the table has no column of a difference.
    """
    columns = {difference.key: _find_column(table, difference.key) for difference in stack.differences}
    lost = [key for key, column in columns.items() if column is None]
    if lost:
        named = ", ".join(lost[:6]) + (", ..." if len(lost) > 6 else "")
        has = ", ".join(map(str, table.columns[:8]))
        raise UserError(
            f"{source} has no column for {named} ({len(lost)} of {len(columns)} differences)\n  it has: {has}"
        )
    told = pd.DataFrame({key: table[column].map(text_of) for key, column in columns.items()}, index=table.index)
    said, keep = [], pd.Series(True, index=table.index)
    for key, base, final in stack.differences:
        other = keep & ~told[key].isin([base, final])
        if other.any():
            some = ", ".join(dict.fromkeys(told[key][other].head(200)))[:60]
            said.append(f"{key}: {int(other.sum())} rows have neither {base} nor {final} ({some}) and were left out")
        keep &= ~other
    for key, option in stack.shared.items():
        column = _find_column(table, key)
        if column is not None:
            other = keep & (table[column].map(text_of) != option)
            if other.any():
                said.append(f"{key}: {int(other.sum())} rows do not have the {option} of both and were left out")
            keep &= ~other
    used = [column for column in columns.values() if column is not None]
    rest = table.drop(columns=used).loc[keep]
    return Mixtures(pd.concat([told.loc[keep], rest], axis=1).reset_index(drop=True), said)


def _find_column(table: pd.DataFrame, key: str) -> str | None:
    """Returns the column of a dotted key: by its name, or as trackers write it (`params.a.b`, `config/a/b`)."""
    if key in table.columns:
        return key
    names = [str(name) for name in table.columns if _PREFIX.sub("", str(name)).replace("/", ".") == key]
    return names[0] if len(names) == 1 else None


def _lack_runs(table: pd.DataFrame, stack: Stack) -> str:
    """Returns why runs cannot tell all differences apart; empty if they can."""
    if not len(table):
        return "no row of the table is a mixture of both configurations"
    levels = {difference.key: [difference.final, difference.base] for difference in stack.differences}
    rows = table[list(levels)].drop_duplicates().to_dict("records")
    settings = [{str(key): value for key, value in row.items() if value != levels[str(key)][0]} for row in rows]
    if {} not in settings:
        return "no run is of the whole final configuration, which is the baseline"
    rank = find_rank(levels, settings)
    if rank < len(levels) + 1:
        return f"{len(settings)} combinations were run: they tell {rank - 1} of {len(levels)} differences apart"
    return ""
