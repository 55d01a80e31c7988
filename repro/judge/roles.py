"""What each column of a table of runs is for: outcome, seed, unit, task, detail, or nothing.

Names decide where they are plain, levels where they are not. Whatever is inferred is printed and written to
`judge.yaml`, where it can be changed.
"""

import numpy as np
import pandas as pd

from repro.audit.counted import count_of
from repro.errors import UserError
from repro.judge.column_names import (
    CLOCK,
    CODE,
    IDENTITY,
    INSIDE_SETTINGS,
    LASTING,
    LENGTH,
    METRIC,
    METRIC_NAMES,
    NAMED_FIRST,
    NAMES,
    RANKING,
    SEED,
    SETTING,
    SHARED,
    SPREAD,
    STEP,
    TASK,
    TIME,
    UNIT,
    USER_ATTRIBUTE,
)
from repro.judge.columns import Asked, Column, Role, check_asked, of_role
from repro.judge.copies import find_copies

NEAR_UNIQUE = 0.5
"""Share of the rows from which as many levels name runs, not options."""
ALL_UNIQUE = 0.9
"""The same where a seed says what is repeated."""
NAMES_RUNS = "near-unique: it names runs"
BY_NAME = "by its name: an id, path, time, machine or note"
MOST_VALUE = 1e100
"""Of an outcome: sums of squares of more than this leave what a number can hold."""
MANY_LEVELS = 10
"""Levels of a number beyond which it is a quantity, not a set of options."""


def infer_roles(table: pd.DataFrame, asked: Asked) -> list[Column]:
    """Gives every column its role.

    Raises:
        UserError: what was asked for is not there, or no outcome.
    """
    _check_asked(table, asked)
    given = _name_given(table, asked)
    counts = {str(name): int(table[name].nunique(dropna=True)) for name in table.columns}
    has_seed = "seed" in {role for role, _ in given.values()}
    found = [
        Column(name, *_swap(given[name], counts[name]))
        if name in given
        else _infer(table[name], name, counts[name], has_seed, asked.details is not None)
        for name in counts
    ]
    kept = asked.details or ()
    found = found if asked.details is not None else _find_lengths(table, found)
    found = find_copies(table, found, kept)
    if of_role(found, "detail", "numeric detail"):
        return found
    return find_copies(table, _promote(table, found), kept)


def _find_lengths(table: pd.DataFrame, columns: list[Column]) -> list[Column]:
    """Takes the length of runs for a detail where the same run has several: it was set, and no step was logged."""
    free = of_role(columns, "detail", "numeric detail", "seed", "task", "unit")
    return [
        column._replace(role="detail", why="how long a run was, which differs between runs of the same options")
        if column.role == "step" and LENGTH.search(column.name) and _varies_within(table, free, column.name)
        else column
        for column in columns
    ]


def _varies_within(table: pd.DataFrame, free: list[str], name: str) -> bool:
    groups = table.groupby(free, dropna=False, observed=True)[name] if free else None
    if groups is None:
        return bool(table[name].nunique() > 1)
    return bool((groups.nunique() == groups.size())[groups.size() > 1].mean() > NEAR_UNIQUE)


def _promote(table: pd.DataFrame, columns: list[Column]) -> list[Column]:
    """Makes options of what names runs, or of one name of few levels, where nothing else varies."""
    near = [column for column in columns if column.why == NAMES_RUNS]
    few = [
        column
        for column in columns
        if column.why == BY_NAME and NAMES.search(column.name) and 2 <= column.levels <= NEAR_UNIQUE * len(table)
    ]
    few.sort(key=lambda column: [word in column.name.lower() for word in NAMED_FIRST].index(True))
    chosen = {column.name for column in few[:1] or near}
    why = "a name, and nothing else varies" if few else "near-unique, and nothing else varies"
    return [column._replace(role="detail", why=why) if column.name in chosen else column for column in columns]


def _swap(given: tuple[Role, str], levels: int) -> tuple[Role, int, str]:
    return given[0], levels, given[1]


def _check_asked(table: pd.DataFrame, asked: Asked) -> None:
    numbers = [str(name) for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    check_asked([str(name) for name in table.columns], numbers, asked, " that holds a value")
    for name in asked.outcomes:
        check_outcome(table[name], name)


def check_outcome(values: "pd.Series[float]", name: str) -> None:
    """Refuses an outcome that is text, or has no finite value."""
    if pd.api.types.is_bool_dtype(values):
        return
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
        odd = values[numbers.isna() & values.notna()]
        if odd.empty:
            quoted = values[values.map(lambda value: isinstance(value, str))]
            if len(quoted):
                raise UserError(
                    f"outcome {name!r} is text: {str(quoted.iloc[0])[:40]!r} in row {int(quoted.index[0]) + 1}\n"
                    "  expected a number for each run, without quotes"
                )
            raise UserError(f"outcome {name!r} is true or false, with blanks\n  expected a number for each run: 1 or 0")
        row = int(odd.index[0]) + 1
        kind = "text" if numbers.isna().all() else "numbers and text"
        shown = " ".join(str(odd.iloc[0]).split())[:40]
        remedy = "expected a number for each run"
        if SPREAD.search(shown):
            remedy = "that is a mean and its spread: give a row for each run that is behind it"
        elif shown.endswith("%"):
            remedy += ", all of them in percent or none"
        elif kind != "text":
            remedy += "; where a run has none, nothing"
        raise UserError(f"outcome {name!r} is {kind}: {shown!r} in row {row}\n  {remedy}")
    held = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = held[np.isfinite(held)]
    if not len(finite):
        raise UserError(
            f"outcome {name!r} has no finite value in {count_of(len(values), 'row')}\n  expected a number for each run"
        )
    if (largest := finite[np.abs(finite).argmax()]) and abs(largest) > MOST_VALUE:
        raise UserError(
            f"outcome {name!r} has {largest:.3g}, whose square is no number\n"
            "  leave it blank where a run diverged, or give the outcome in another unit"
        )


def _name_given(table: pd.DataFrame, asked: Asked) -> dict[str, tuple[Role, str]]:
    given: dict[str, tuple[Role, str]] = {name: ("outcome", way) for name, way in asked.outcomes.items()}
    for role, name in (("seed", asked.seed), ("unit", asked.unit), ("task", asked.task)):
        if name:
            given[name] = (role, "as declared")  # type: ignore[assignment]
    given |= {name: ("left out", "as declared") for name in asked.left_out if name not in given}
    for name in asked.details or ():
        many = pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name])
        quantity = many and table[name].nunique() > MANY_LEVELS
        given[name] = ("numeric detail" if quantity else "detail", "as declared")
    free = [str(name) for name in table.columns if name not in given]
    if asked.seed is None:
        seeds = [name for name in free if SEED.search(name) and _may_be_seed(table[name])]
        seeds.sort(key=lambda name: (not SHARED.search(name), len(name)))
        if seeds:
            given[seeds[0]] = ("seed", "by its name")
    if asked.task is None:
        tasks = [name for name in free if TASK.match(name) and table[name].nunique() > 1 and name not in given]
        if tasks:
            given[tasks[0]] = ("task", "by its name")
    if asked.unit is None and asked.details is None:
        units = [name for name in free if UNIT.match(name) and table[name].nunique() > 1 and name not in given]
        if units:
            given[units[0]] = ("unit", "by its name")
    return given


def _may_be_seed(values: "pd.Series[float]") -> bool:
    """Says whether values are few whole numbers or short texts: no measurement and no name of a run."""
    if values.nunique() < 2 or values.isna().mean() > NEAR_UNIQUE:
        return False
    if pd.api.types.is_float_dtype(values):
        return bool((values.dropna() % 1 == 0).all())
    return pd.api.types.is_integer_dtype(values) or values.nunique() <= NEAR_UNIQUE * len(values)


def _infer(values: "pd.Series[float]", name: str, levels: int, has_seed: bool, declared: bool) -> Column:
    def is_role(role: Role, why: str) -> Column:
        return Column(name, role, levels, why)

    blank = int(values.isna().sum())
    if levels <= 1 and not (blank and levels):
        return is_role("constant", f"always {_shorten(values.dropna().iloc[0])}" if levels else "blank")
    if STEP.match(name):
        return is_role("step", "by its name")
    if METRIC_NAMES.search(name):
        raise UserError(
            f"column {name!r} names {levels} metrics ({', '.join(map(str, values.dropna().unique()[:3]))}): its rows "
            "are no runs to compare\n  keep the rows of one metric"
        )
    if declared:
        return is_role("left out", "no declared detail")
    if SEED.search(name) and has_seed and not IDENTITY.search(name):
        return is_role("left out", "another name of runs")
    if IDENTITY.search(name) and not SETTING.search(name) and not USER_ATTRIBUTE.search(name):
        return is_role("left out", BY_NAME)
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric:
        return is_role(*_infer_number(values, name, levels))
    some = values.dropna().astype(str).head(200)
    if some.map(lambda text: bool(TIME.fullmatch(text))).all() and (
        LASTING.search(name) or some.str.contains(CLOCK).all()
    ):
        return is_role("left out", "dates or times")
    if levels > NEAR_UNIQUE * len(values) and levels > 2:
        codes = values.dropna().astype(str).head(200).map(lambda text: bool(CODE.fullmatch(text)))
        if codes.mean() > NEAR_UNIQUE:
            return is_role("left out", "near-unique: ids, times or paths")
        if has_seed and levels >= ALL_UNIQUE * len(values):
            return is_role("left out", NAMES_RUNS)
        if has_seed:
            return is_role("detail", "text")
        return is_role("detail", "near-unique, and no seed says that rows of different values are repeats")
    return is_role("detail", "few levels" + (f"; blank in {count_of(blank, 'row')}" if blank else ""))


def _infer_number(values: "pd.Series[float]", name: str, levels: int) -> tuple[Role, str]:
    setting = bool(SETTING.search(name)) and not RANKING.search(name)
    unique = levels > NEAR_UNIQUE * len(values) and levels > MANY_LEVELS
    if METRIC.search(name) and not INSIDE_SETTINGS.search(name) and (unique or not setting):
        return "metric", "by its name"
    if levels <= MANY_LEVELS:
        return "detail", "a number with few levels"
    whole = bool((values.dropna() % 1 == 0).all())
    if setting or (levels <= len(values) / 3 and (whole or levels <= len(values) / 10)):
        return "numeric detail", f"a number with {levels} levels"
    return "metric", "a number that is near-unique"


def _shorten(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."
