"""From the rows of a table to runs: the last step of each, states, copies; and what had to be said on the way.

What is found here is told to the reader; nothing is left out without a sentence.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.errors import UserError
from repro.judge.columns import Column, of_role
from repro.judge.declaration import Declaration
from repro.judge.roles import MANY_LEVELS

BLANK = "(blank)"
"""The option that a blank stands for, where no default is declared."""
EARLY = 0.9
"""Share of the steps of the other runs below which a run is said to have stopped early."""
FAILED = frozenset({"failed", "crashed", "crash", "killed", "error", "diverged"})
TIES = 3.0
"""How many times as many equal results as rounding gives are said."""
UNFINISHED = frozenset({"running", "pending", "scheduled", "queued"})
_STATE = re.compile(r"^(state|status)$", re.IGNORECASE)
_BEST = re.compile(r"(^|[_./ -])best([_./ -]|$)", re.IGNORECASE)
_EXTREME = {
    "lower": re.compile(r"[_./ -]min(imum)?$", re.IGNORECASE),
    "higher": re.compile(r"[_./ -]max(imum)?$", re.IGNORECASE),
}


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
    details = of_role(columns, "detail", "numeric detail")
    outcomes = of_role(columns, "outcome")
    table = _fill_blanks(table.copy(), columns, declared, said)
    table = _take_last_step(table, columns, said)
    table = _drop_copies(table, said)
    table = _read_states(table, said)
    _find_stopped(table, columns, said)
    _find_repeated_results(table, columns, said)
    _find_seed_names(table, columns, said)
    for name in outcomes:
        way = declared.outcomes[name].direction
        if _BEST.search(name) or _EXTREME[way].search(name):
            said.append(
                f"{name} looks like the best step of each run, not its last: the best of many steps gains from noise, "
                "and the more, the more steps were looked at"
            )
    table = _leave_unmeasured(table, [*details, *of_role(columns, "task")], outcomes, said)
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


def _take_last_step(table: pd.DataFrame, columns: list[Column], said: list[str]) -> pd.DataFrame:
    steps = [name for name in of_role(columns, "step") if pd.api.types.is_numeric_dtype(table[name])]
    if not steps:
        return table
    free = of_role(columns, "detail", "copy", "seed", "task", "unit")
    free += [
        name
        for name in of_role(columns, "left out", "numeric detail", "constant")
        if not pd.api.types.is_float_dtype(table[name]) or table[name].nunique() <= MANY_LEVELS
    ]
    for step in steps:
        groups = table.groupby(free, sort=False, dropna=False, observed=True)[step] if free else None
        if groups is None or (groups.size().max() < 2 or groups.nunique().max() < 2):
            continue
        last = groups.transform("max")
        kept = table[table[step] == last]
        if len(kept) < len(table):
            said.append(f"{len(table)} rows are steps of {groups.ngroups} runs: the last {step} of each was taken")
        return kept
    return table


def _drop_copies(table: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    same = table.duplicated()
    if same.any():
        rows = ", ".join(str(row + 1) for row in table.index[same][:3])
        more = ", ..." if same.sum() > 3 else ""
        said.append(f"{int(same.sum())} rows are copies of others in every column (row {rows}{more}): counted once")
    return table[~same]


def _read_states(table: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    state = next((name for name in table.columns if _STATE.match(str(name))), None)
    table = table.assign(failed=False)
    if state is None:
        return table
    words = table[state].astype(str).str.lower()
    waiting = words.isin(UNFINISHED)
    if waiting.any():
        said.append(f"{int(waiting.sum())} runs have not ended (`{state}`) and were left out")
    table = table.assign(failed=words.isin(FAILED))
    if table["failed"].any():
        said.append(f"{int(table['failed'].sum())} runs failed by `{state}` and count as failed, whatever their value")
    return table[~waiting]


def _find_stopped(table: pd.DataFrame, columns: list[Column], said: list[str]) -> None:
    alike = of_role(columns, "detail", "task")
    for step in of_role(columns, "step"):
        values = table[step]
        if not pd.api.types.is_numeric_dtype(values):
            continue
        usual = table.groupby(alike, dropna=False, observed=True)[step].transform("max") if alike else values.max()
        early = values < EARLY * usual
        if early.any():
            row = int(table.index[early][0])
            most = np.broadcast_to(np.asarray(usual, dtype=np.float64), len(table))[early.to_numpy()][0]
            said.append(
                f"{int(early.sum())} runs ended at less than {EARLY:.0%} of the {step} of others with their options "
                f"(row {row + 1}: {values[row]:g} of {most:g}): stopped early, and counted all the same"
            )


def _find_repeated_results(table: pd.DataFrame, columns: list[Column], said: list[str]) -> None:
    outcome = of_role(columns, "outcome")[0]
    alike = of_role(columns, "detail", "numeric detail", "task", "unit")
    finite = table[np.isfinite(table[outcome])]
    repeated = finite.duplicated([*alike, outcome], keep=False)
    if not repeated.any():
        return
    tasks = of_role(columns, "task")
    steps = {
        key: find_step(part[outcome].to_numpy(dtype=np.float64))
        for key, part in (finite.groupby(tasks[0], observed=True) if tasks else [("", finite)])
    }
    expected, found = 0.0, 0
    for _, part in finite.groupby(alike, dropna=False, observed=True, sort=False) if alike else [("", finite)]:
        step = steps[part[tasks[0]].iloc[0] if tasks else ""]
        ties, chance = count_ties(part[outcome].to_numpy(dtype=np.float64), step)
        found, expected = found + ties, expected + chance
    if found <= TIES * expected + 1:
        return
    first = finite.index[repeated][0]
    same = finite.index[
        (finite[[*alike, outcome]].astype(str) == finite.loc[first, [*alike, outcome]].astype(str)).all(axis=1)
    ]
    said.append(
        f"{int(repeated.sum())} runs have the same options and the same {outcome} to the last digit as another (rows "
        f"{' and '.join(str(row + 1) for row in same[:2])}; {found} such pairs, chance gives {expected:.2g}): "
        "one run under several seeds or names?"
    )


def find_step(values: NDArray[np.float64]) -> float:
    """Returns the smallest difference of values, to which they may be rounded; 0 where all are the same."""
    return float(np.diff(np.unique(values)).min(initial=np.inf)) if len(np.unique(values)) > 1 else 0.0


def count_ties(values: NDArray[np.float64], step: float) -> tuple[int, float]:
    """Counts the pairs of equal values, and how many rounding alone would give.

    Values of sd s that are rounded to steps of g are equal with probability g / (2 s sqrt(pi)) where they vary
    normally.

    Args:
        values: (n,) runs of one variant.
        step: g.

    Example:
        >>> ties, chance = count_ties(np.array([0.1, 0.2, 0.2, 0.4]), 0.1)
        >>> ties, round(chance, 2)
        (1, 1.35)
    """
    _, counts = np.unique(values, return_counts=True)
    ties, n = int((counts * (counts - 1) // 2).sum()), len(values)
    sd = float(values.std(ddof=1)) if n > 1 else 0.0
    return ties, n * (n - 1) / 2 * min(1.0, step / (2 * sd * float(np.sqrt(np.pi)))) if sd else 0.0


def _find_seed_names(table: pd.DataFrame, columns: list[Column], said: list[str]) -> None:
    for seed in of_role(columns, "seed"):
        names: dict[str, set[str]] = {}
        for value in table[seed].dropna().unique():
            found = re.findall(r"\d+", str(value).removesuffix(".0"))
            if len(found) == 1:
                names.setdefault(str(int(found[0])), set()).add(str(value))
        several = next((sorted(same) for same in names.values() if len(same) > 1), None)
        if several:
            said.append(
                f"{seed}: {' and '.join(several[:3])} may be one seed under several names; they count as several"
            )


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
                f"({int((~known).sum())} rows) have no {main} at all and were left out"
            )
            table = table[known]
    broken = ~np.isfinite(table[main]) & ~table["failed"]
    if broken.any():
        row = int(table.index[broken][0]) + 1
        said.append(f"{int(broken.sum())} runs have no finite {main} (row {row}): they count as failed, not as absent")
    return table.assign(failed=table["failed"] | broken)
