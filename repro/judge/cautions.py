"""What a reader of runs has to be told, and what changes none of them: stopped runs, copied results, best steps.

What is told here is a suspicion with its reason; the numbers stay as they are in the table.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.audit.counted import count_of
from repro.judge.columns import Column, of_role
from repro.judge.declaration import Declaration

EARLY = 0.9
"""Share of the steps of the other runs below which a run is said to have stopped early."""
TIES = 3.0
"""How many times as many equal results as rounding gives are said."""
_BEST = re.compile(r"(^|[_./ -])best([_./ -]|$)", re.IGNORECASE)
_EXTREME = {
    "lower": re.compile(r"[_./ -]min(imum)?$", re.IGNORECASE),
    "higher": re.compile(r"[_./ -]max(imum)?$", re.IGNORECASE),
}


def list_cautions(table: pd.DataFrame, columns: list[Column], declared: Declaration) -> list[str]:
    """Returns sentences on runs.

    Args:
        table: a row a run, or a unit of one; blanks of details are filled.
        columns: with their roles.
        declared: directions of outcomes.
    """
    said = [*_tell_stopped(table, columns), *_tell_repeated_results(table, columns), *_tell_names(table, columns)]
    for name in of_role(columns, "outcome"):
        way = declared.outcomes[name].direction
        if _BEST.search(name) or _EXTREME[way].search(name):
            said.append(
                f"{name} looks like the best step of each run, not its last: the best of many steps gains from noise, "
                "and the more, the more steps were looked at"
            )
    return said


def _tell_stopped(table: pd.DataFrame, columns: list[Column]) -> list[str]:
    alike = of_role(columns, "detail", "task")
    alike += [name for name in of_role(columns, "numeric detail") if 2 * table[name].nunique() <= len(table)]
    said = []
    for step in of_role(columns, "step"):
        values = table[step]
        if not pd.api.types.is_numeric_dtype(values):
            continue
        groups = table.groupby(alike, dropna=False, observed=True)[step] if alike else None
        usual = groups.transform("max") if groups is not None else pd.Series(float(values.max()), index=table.index)
        early = values < EARLY * usual
        if early.any():
            row = table.index[early][0]
            said.append(
                f"{int(early.sum())} of {count_of(len(table), 'run')} ended at less than {EARLY:.0%} of the {step} of "
                f"others with their options (row {row + 1}: {values[row]:g} of {usual[row]:g}): stopped early, and "
                "counted all the same"
            )
        elif groups is not None and (apart := values < usual).any():
            row = table.index[apart][0]
            said.append(
                f"{count_of(apart.sum(), 'run')} ended before the {step} of others with their options (row {row + 1}: "
                f"{values[row]:g} of {usual[row]:g}): what that does is taken for noise"
            )
    return said


def _tell_repeated_results(table: pd.DataFrame, columns: list[Column]) -> list[str]:
    outcome = of_role(columns, "outcome")[0]
    variants = of_role(columns, "detail", "numeric detail")
    tasks = of_role(columns, "task")
    alike = [*variants, *tasks, *of_role(columns, "unit")]
    finite = table[np.isfinite(table[outcome])]
    finite = finite[~_is_bound(finite, outcome, variants, tasks)]
    repeated = finite.duplicated([*alike, outcome], keep=False)
    if not repeated.any() or finite[outcome].nunique() <= 2:
        return []
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
        return []
    first = finite.index[repeated][0]
    same = finite.index[
        (finite[[*alike, outcome]].astype(str) == finite.loc[first, [*alike, outcome]].astype(str)).all(axis=1)
    ]
    return [
        f"{int(repeated.sum())} runs have the same options and the same {outcome} to the last digit as another (rows "
        f"{' and '.join(str(row + 1) for row in same[:2])}; {found} such pairs, chance gives {expected:.2g}): "
        "one run under several seeds or names?"
    ]


def _is_bound(table: pd.DataFrame, outcome: str, variants: list[str], tasks: list[str]) -> "pd.Series[bool]":
    """Says which results are the floor or ceiling of their task: its lowest or highest, met by several variants."""
    if not variants:
        return pd.Series(False, index=table.index)
    by = table.groupby(tasks, observed=True)[outcome] if tasks else table.groupby(lambda _: 0)[outcome]
    extreme = (table[outcome] == by.transform("min")) | (table[outcome] == by.transform("max"))
    numbered = table[[*tasks, outcome]].assign(_variant=table.groupby(variants, dropna=False, observed=True).ngroup())
    met = numbered.groupby([*tasks, outcome], observed=True)["_variant"].transform("nunique")
    return extreme & (met > 1)


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


def _tell_names(table: pd.DataFrame, columns: list[Column]) -> list[str]:
    """Tells of seeds and options that may be one under several names: 1 and seed_1, adam and Adam."""
    said = []
    for seed in of_role(columns, "seed"):
        names: dict[str, set[str]] = {}
        for value in table[seed].dropna().unique():
            found = re.findall(r"\d+", str(value).removesuffix(".0"))
            if len(found) == 1 and not str(value).startswith("row "):
                names.setdefault(str(int(found[0])), set()).add(str(value))
        several = next((sorted(same) for same in names.values() if len(same) > 1), None)
        if several:
            said.append(
                f"{seed}: {' and '.join(several[:3])} may be one seed under several names; they count as several"
            )
    for name in of_role(columns, "detail", "task"):
        options: dict[str, set[str]] = {}
        for value in table[name].unique():
            if isinstance(value, str):
                options.setdefault(re.sub(r"[\W_]+", "", value.casefold()) or value, set()).add(value)
        several = next((sorted(same) for same in options.values() if len(same) > 1 and not _are_numbers(same)), None)
        if several:
            said.append(f"{name}: {' and '.join(several[:3])} may be one option; they count as {len(several)}")
    return said


def _are_numbers(options: set[str]) -> bool:
    return any(re.fullmatch(r"[\W_\d]+", option) for option in options)
