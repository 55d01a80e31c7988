"""Details that say nothing of their own: another's copy, what the task decides, names of combinations, products.

Left among the details they would make effects that no run can tell apart. Whatever the user has named is kept, and only
held against what is the same in every row.
"""

from collections.abc import Collection
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.judge.columns import Column, of_role

SAME = "always varies with "
"""What is said of a detail that is another under other words: its settings belong to each other."""
MOST_COMPARED = 40
"""Details up to which each is held against each pair of others."""
_FEWEST_SPELLED = 2


def find_copies(table: pd.DataFrame, columns: list[Column], kept: Collection[str]) -> list[Column]:
    """Marks the details that say nothing of their own.

    Args:
        table: a row a run or a step of one.
        columns: with their roles.
        kept: declared details, which come before others.

    Returns:
        The columns in their order; those marked are copies, and say of what.

    Example:
        >>> table = pd.DataFrame({"lr": [1, 1, 2, 2], "batch": [1, 2, 1, 2], "lr_batch": [1, 2, 2, 4]})
        >>> columns = [Column(name, "detail", table[name].nunique(), "") for name in table]
        >>> [column.why for column in find_copies(table, columns, ())]
        ['', '', 'is lr * batch']
    """
    found = _find_same(table, columns, kept)
    for find in (_find_spelled, _find_products, _find_of_tasks):
        why = find(table, [column for column in found if column.role in ("detail", "numeric detail")], found)
        found = [
            column._replace(role="copy", why=why[column.name])
            if column.name in why and column.name not in kept
            else column
            for column in found
        ]
    return found


def _find_same(table: pd.DataFrame, columns: list[Column], kept: Collection[str]) -> list[Column]:
    seen: dict[bytes, str] = {}
    found = []
    for column in sorted(columns, key=lambda item: item.name not in kept):
        if column.role in ("detail", "numeric detail"):
            key = _encode(table[column.name]).tobytes()
            if key in seen:
                column = column._replace(role="copy", why=f"{SAME}{seen[key]}")
            else:
                seen[key] = column.name
        found.append(column)
    order = {column.name: place for place, column in enumerate(columns)}
    return sorted(found, key=lambda column: order[column.name])


def _find_spelled(table: pd.DataFrame, details: list[Column], _: list[Column]) -> dict[str, str]:
    """Finds names that hold the options of others: {'C': 1, 'kernel': 'rbf'}, adam-0.001."""
    found: dict[str, str] = {}
    if not 2 < len(details) <= MOST_COMPARED:
        return found
    rows = table[[column.name for column in details]].drop_duplicates()
    shown = {name: [_show(value) for value in rows[name]] for name in rows.columns}
    for column in details:
        if pd.api.types.is_numeric_dtype(table[column.name]) or column.levels < 3:
            continue
        own = shown[column.name]
        spelled = [
            other.name
            for other in details
            if other.name not in (column.name, *found)
            and other.levels < column.levels
            and all(value in text for value, text in zip(shown[other.name], own, strict=True))
        ]
        if len(spelled) >= _FEWEST_SPELLED and _follows(rows, spelled, column.name):
            found[column.name] = f"spells {' and '.join(spelled[:3])}"
    return found


def _find_products(table: pd.DataFrame, details: list[Column], _: list[Column]) -> dict[str, str]:
    """Finds numbers that are the product or quotient of two others."""
    names = [c.name for c in details if _is_number(table[c.name]) and table[c.name].notna().all()]
    found: dict[str, str] = {}
    if not 2 < len(names) <= MOST_COMPARED:
        return found
    rows = table[names].drop_duplicates().astype(np.float64)
    levels = {column.name: column.levels for column in details}
    for first, second in combinations(names, 2):
        a, b = rows[first].to_numpy(), rows[second].to_numpy()
        if not (a.all() and b.all()):
            continue
        for name in names:
            if name in (first, second, *found) or first in found or second in found:
                continue
            if levels[name] <= max(levels[first], levels[second]):
                continue
            made = {f"{first} * {second}": a * b, f"{first} / {second}": a / b, f"{second} / {first}": b / a}
            same = [how for how, value in made.items() if np.allclose(rows[name], value, rtol=1e-6, atol=0)]
            if same:
                found[name] = f"is {same[0]}"
    return found


def _find_of_tasks(table: pd.DataFrame, details: list[Column], columns: list[Column]) -> dict[str, str]:
    """Finds details of which each task has one option: what they do cannot be told from what the task does."""
    tasks = of_role(columns, "task")
    if not tasks:
        return {}
    rows = table[[*tasks, *(column.name for column in details)]].drop_duplicates()
    return {
        column.name: f"each {tasks[0]} has one: its effect is the {tasks[0]}'s"
        for column in details
        if _follows(rows, tasks, column.name)
    }


def _follows(rows: pd.DataFrame, given: list[str], name: str) -> bool:
    """Says whether options of some columns leave one option of another."""
    return len(rows[given].drop_duplicates()) == len(rows[[*given, name]].drop_duplicates())


def _encode(values: "pd.Series[float]") -> NDArray[np.int32]:
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int32)


def _is_number(values: "pd.Series[float]") -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _show(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
