"""From the rows of a table to runs: the last step of each, states, copies; and what had to be said on the way.

What is found here is told to the reader; nothing is left out without a sentence.
"""

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.errors import UserError
from repro.judge.cautions import list_cautions
from repro.judge.column_names import BLANK, LASTING
from repro.judge.columns import Column, of_role
from repro.judge.counted import count_of
from repro.judge.declaration import Declaration
from repro.judge.roles import ALL_UNIQUE, MANY_LEVELS

FAILED = frozenset(
    {
        *("failed", "fail", "failure", "crashed", "crash", "killed", "error", "errored", "diverged"),
        *("timeout", "out_of_memory", "oom", "cancelled", "canceled", "node_fail", "boot_fail", "preempted"),
        *("deadline", "aborted", "pruned", "stopped"),
    }
)
"""First word of a state: what W&B, MLflow, Optuna, Ray and Slurm call runs that gave no result of theirs."""
SUMMARIES = frozenset({"mean", "average", "avg", "median", "std", "sd", "total", "sum", "min", "max"})
"""What spreadsheets write into a row of totals."""
UNFINISHED = frozenset({"running", "pending", "scheduled", "queued", "waiting", "suspended", "preempting"})
_STATE = re.compile(r"(^|[./])(run_?)?(state|status)$", re.IGNORECASE)


class Runs(NamedTuple):
    """Runs as they are compared.

    Attributes:
        table: a row a run, or a row a unit of a run; blanks of details are filled, `failed` says which have no value.
        said: sentences on what was found and done.
    """

    table: pd.DataFrame
    said: list[str]


def read_runs(table: pd.DataFrame, columns: list[Column], declared: Declaration) -> Runs:
    """Reduces a table to its runs.

    Raises:
        UserError: nothing is left, or a default is declared for what is no detail.
    """
    said: list[str] = []
    outcomes = of_role(columns, "outcome")
    table = _leave_summaries(table, columns, said)
    table = _fill_blanks(table.copy(), columns, declared, said)
    table = _take_last_step(table, columns, said)
    table = _drop_copies(table, columns, said)
    table = _read_states(table, said)
    table = _name_blank_seeds(table, columns, said)
    said += list_cautions(table, columns, declared)
    table = _leave_unmeasured(table, of_role(columns, "detail", "task"), outcomes, said)
    return Runs(table.reset_index(drop=True), said)


def _fill_blanks(table: pd.DataFrame, columns: list[Column], declared: Declaration, said: list[str]) -> pd.DataFrame:
    details = of_role(columns, "detail", "numeric detail")
    for name, absent in declared.absent.items():
        if name not in table.columns:
            raise UserError(f"absent: there is no column {name!r}")
        blank = int(table[name].isna().sum())
        table[name] = table[name].astype(object).where(table[name].notna(), absent.value).infer_objects()
        said.append(f"{name}: {blank} blanks stand for {absent.value} ({absent.source})")
    for name in of_role(columns, "task", "unit"):
        table[name] = table[name].astype(object).where(table[name].notna(), BLANK).map(_as_text)
    for name in details:
        column = table[name]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if column.isna().any():
            said.append(
                f"{name}: {int(column.isna().sum())} blanks are an option of their own, {BLANK}; if they stand for a "
                "default, declare it under `absent`"
            )
        elif is_number:
            continue
        table[name] = column.astype(object).where(column.notna(), BLANK).map(_as_text)
    for name in of_role(columns, "outcome"):
        table[name] = pd.to_numeric(table[name]).astype(np.float64)
    return table


def _as_text(value: object) -> object:
    """Returns an option: text in one line; a whole number without its decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split()) or BLANK


def _leave_summaries(table: pd.DataFrame, columns: list[Column], said: list[str]) -> pd.DataFrame:
    """Leaves out rows of totals: a word such as Average among the options, and no seed."""
    seeds = of_role(columns, "seed")
    names = of_role(columns, "detail", "task", "left out")
    names = [name for name in names if not pd.api.types.is_numeric_dtype(table[name])]
    found = pd.Series(False, index=table.index)
    for name in names:
        found |= table[name].astype(str).str.strip().str.lower().isin(SUMMARIES)
    blank = table[seeds[0]].isna() if seeds else table[of_role(columns, "detail")].isna().any(axis=1)
    found &= blank
    if found.any():
        said.append(f"{count_of(found.sum(), 'row')} of totals left out (row {_first(found)})")
    return table[~found]


def _take_last_step(table: pd.DataFrame, columns: list[Column], said: list[str]) -> pd.DataFrame:
    steps = [name for name in of_role(columns, "step") if pd.api.types.is_numeric_dtype(table[name])]
    free = of_role(columns, "detail", "copy", "seed", "task", "unit")
    free += [
        name
        for name in of_role(columns, "left out", "numeric detail", "constant")
        if not pd.api.types.is_float_dtype(table[name]) or table[name].nunique() <= MANY_LEVELS
    ]
    outcome = of_role(columns, "outcome")[0]
    for step in steps:
        groups = table.groupby(free, sort=False, dropna=False, observed=True) if free else table.groupby(lambda _: 0)
        if groups.size().max() < 2 or (groups[step].nunique().max() < 2 and table[outcome].notna().all()):
            continue
        kept, sparse = _find_last(table, groups, step, outcome)
        if len(kept) < len(table):
            measured = f" that has a value of {outcome}" if sparse else ""
            said.append(
                f"{len(table)} rows are steps of {count_of(groups.ngroups, 'run')}: the last {step} of each{measured} "
                "was taken"
            )
        table = kept
    return table


def _find_last(table: pd.DataFrame, groups: Any, step: str, outcome: str) -> tuple[pd.DataFrame, bool]:
    """Returns the last row of each run; of a run that logs its outcome at some steps only, the last that has it.

    A run whose outcome is there at every step up to one, and at none after it, has diverged: its last row is kept.
    """
    finite = pd.Series(np.isfinite(table[outcome]), index=table.index)
    measured = table[step].where(finite).groupby(groups.ngroup()).transform("max")
    between = (table[step] <= measured) & ~finite
    sparse = between.groupby(groups.ngroup()).transform("any")
    last = groups[step].transform("max")
    kept = table[np.where(sparse, (table[step] == measured) & finite, table[step] == last)]
    return kept, bool(sparse.any())


def _drop_copies(table: pd.DataFrame, columns: list[Column], said: list[str]) -> pd.DataFrame:
    """Counts rows once that are the same in every column, but for the names that each run has to itself."""
    own = [
        column.name
        for column in columns
        if column.role == "left out" and column.levels > ALL_UNIQUE * len(table) and of_role(columns, "seed")
    ]
    own += [column.name for column in columns if column.role in ("metric", "left out") and LASTING.search(column.name)]
    same = table.drop(columns=own).duplicated()
    if same.any():
        rows = ", ".join(str(row + 1) for row in table.index[same][:3])
        more = ", ..." if same.sum() > 3 else ""
        where = "every column" if not own else f"every column but {', '.join(own[:3])}"
        copies = "1 row is a copy of another" if same.sum() == 1 else f"{int(same.sum())} rows are copies of others"
        said.append(f"{copies} in {where} (row {rows}{more}): counted once")
    return table[~same]


def _name_blank_seeds(table: pd.DataFrame, columns: list[Column], said: list[str]) -> pd.DataFrame:
    """Gives each run without a seed a name of its own, as blanks are no seed that variants share."""
    for seed in of_role(columns, "seed"):
        blank = table[seed].isna()
        if not blank.any():
            continue
        if pd.api.types.is_float_dtype(table[seed]):
            table = table.assign(**{seed: table[seed].map(lambda value: _as_text(value), na_action="ignore")})
        names = pd.Series([f"row {row + 1}" for row in table.index], index=table.index)
        table = table.assign(**{seed: table[seed].astype(object).where(~blank, names)})
        said.append(f"{count_of(blank.sum(), 'run')} without a {seed} (row {_first(blank)}): paired with no other")
    return table


def _read_states(table: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    state = next((name for name in table.columns if _STATE.match(str(name))), None)
    table = table.assign(failed=False)
    if state is None:
        return table
    words = table[state].astype(str).str.lower().str.extract(r"^(?:.*\.)?([a-z_]+)", expand=False)
    waiting = words.isin(UNFINISHED)
    if waiting.any():
        said.append(f"{count_of(waiting.sum(), 'run')} not ended (`{state}`): left out")
    table = table.assign(failed=words.isin(FAILED))
    if table["failed"].any():
        named = ", ".join(dict.fromkeys(table[state][table["failed"]].astype(str).head(200)))
        number = count_of(table["failed"].sum(), "run")
        said.append(f"{number} failed by `{state}` ({named[:60]}): without a value, whatever is written")
    return table[~waiting]


def _leave_unmeasured(table: pd.DataFrame, by: list[str], outcomes: list[str], said: list[str]) -> pd.DataFrame:
    """Leaves out options and tasks without any value; other runs without one have failed."""
    main = outcomes[0]
    for name in by:
        finite = np.isfinite(table[main]) & ~table["failed"]
        known = finite.groupby(table[name], dropna=False, observed=True).transform("any")
        if not known.all():
            gone = [str(value) for value in table[name][~known].unique()]
            said.append(
                f"{name}: {', '.join(gone[:4])}{', ...' if len(gone) > 4 else ''} "
                f"({count_of((~known).sum(), 'row')}) have no {main} at all and were left out"
            )
            table = table[known]
    broken = ~np.isfinite(table[main]) & ~table["failed"]
    if broken.any():
        row = int(table.index[broken][0]) + 1
        said.append(
            f"{count_of(broken.sum(), 'run')} without a finite {main} (row {row}): counted as failed, not as absent"
        )
    return table.assign(failed=table["failed"] | broken)


def _first(found: "pd.Series[bool]") -> int:
    return int(found.index[found.to_numpy()][0]) + 1
