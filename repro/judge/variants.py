"""Variants of a table that was found: combinations of details, the baseline among them, and details that go together.

A design that nobody planned may vary two details only together. Which effects it can tell apart is asked of the rank of
its columns; where it cannot, the combinations are compared as they are, and what would have told is said.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.audit.counted import count_of
from repro.audit.study.declaration import Design
from repro.audit.study.designs import MOST_COLUMNS, code_options
from repro.errors import UserError
from repro.judge.column_names import BLANK

MOST_VARIANTS = 2000
_MOST_TRIED = 20_000
_MOST_RANKED = 200
_NAMED = 3


class Variants(NamedTuple):
    """The variants of a table.

    Attributes:
        details: names; several columns that are compared together are one, their names joined.
        levels: options of each detail, the baseline's first.
        settings: of each variant, its departures from the baseline; the baseline's, empty, is the first.
        place: (N,) which variant each row has; -1: none.
        design: what they are, as a design.
        baseline: option of each column.
        said: sentences on how they were found.
        rows: of each variant, the option of each column.
    """

    details: list[str]
    levels: dict[str, list[Any]]
    settings: list[dict[str, Any]]
    place: "np.ndarray[Any, np.dtype[np.int64]]"
    design: Design
    baseline: dict[str, str]
    said: list[str]
    rows: Sequence[Mapping[str, str]] = ()


def find_variants(table: pd.DataFrame, details: Sequence[str], asked: Mapping[str, Any] | None) -> Variants:
    """Finds the variants of a table, their baseline and their design.

    Args:
        table: a row a run.
        details: columns of options.
        asked: options of the baseline by column; None or a part: the most frequent combination that has them.

    Raises:
        UserError: there is one variant, too many, or no such baseline.
    """
    options = pd.DataFrame({name: table[name].map(show_option) for name in details}, index=table.index)
    counts = options.value_counts(sort=False) if len(details) else pd.Series(dtype=np.int64)
    if len(counts) < 2:
        raise UserError(_tell_single(options))
    if len(counts) > MOST_VARIANTS:
        many = max(details, key=lambda name: options[name].nunique())
        raise UserError(
            f"{len(counts)} combinations of options, more than {MOST_VARIANTS}: {many!r} alone has "
            f"{options[many].nunique()}\n  name the columns to compare with --details"
        )
    baseline, how = _find_baseline(options, asked or {})
    said = [how]
    levels = {
        name: [baseline[name], *(value for value in dict.fromkeys(options[name]) if value != baseline[name])]
        for name in details
    }
    rows = [
        tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)
        for key in options.drop_duplicates().itertuples(index=False, name=None)
    ]
    base = tuple(baseline[name] for name in details)
    rows = [base, *(row for row in rows if row != base)]
    settings = [
        {name: value for name, value in zip(details, row, strict=True) if value != baseline[name]} for row in rows
    ]
    design = name_design(levels, settings)
    if design is None:
        said.append(_tell_confounded(levels, settings))
        return _join(options, rows, baseline, said)
    at: dict[Hashable, int] = {row: number for number, row in enumerate(rows)}
    place = np.array([at[row] for row in options.itertuples(index=False, name=None)], dtype=np.int64)
    if design == "random" and len(details) > 1:
        whole = int(np.prod([len(known) for known in levels.values()]))
        said.append(f"{len(rows)} of {whole} combinations were run: effects are averaged as these combine them")
    named = [dict(zip(details, row, strict=True)) for row in rows]
    return Variants(list(details), levels, settings, place, design, baseline, said, named)


def add_copies(table: pd.DataFrame, variants: Variants, copies: Sequence[str]) -> Variants:
    """Returns variants whose rows name the columns, too, that always vary together with a detail.

    A run without them would be another variant than the one that it repeats.
    """
    first = {int(place): number for number, place in reversed(list(enumerate(variants.place)))}
    told = table[[name for name in copies if name in table]].iloc[list(first.values())].to_dict("records")
    own = dict(zip(first, told, strict=True))
    rows = [
        {**row, **{str(name): str(show_option(value)) for name, value in own.get(place, {}).items()}}
        for place, row in enumerate(variants.rows)
    ]
    return variants._replace(rows=rows)


def name_design(levels: Mapping[str, Sequence[Any]], settings: Sequence[Mapping[str, Any]]) -> Design | None:
    """Returns what variants are as a design; None where their main effects cannot all be told apart.

    Example:
        >>> levels = {"a": ["0", "1"], "b": ["0", "1"]}
        >>> name_design(levels, [{}, {"a": "1"}, {"b": "1"}])
        'one_at_a_time'
        >>> name_design(levels, [{}, {"a": "1", "b": "1"}]) is None
        True
    """
    if max(len(row) for row in settings) == 1:
        return "one_at_a_time"
    width = sum(len(known) - 1 for known in levels.values())
    if width > MOST_COLUMNS or width >= len(settings) or find_rank(levels, settings) < width + 1:
        return None
    whole = np.prod([float(len(known)) for known in levels.values()])
    return "full_factorial" if len(settings) == whole else "random"


def find_rank(levels: Mapping[str, Sequence[Any]], settings: Sequence[Mapping[str, Any]]) -> int:
    """Returns how many effects, the mean among them, variants can tell apart."""
    columns = code_options(levels, settings)[1]
    return int(np.linalg.matrix_rank(np.hstack([np.ones((len(columns), 1)), columns])))


def list_telling(
    levels: Mapping[str, Sequence[Any]], settings: Sequence[Mapping[str, Any]], most: int
) -> list[dict[str, Any]]:
    """Returns combinations that would let all main effects be told apart, greedily, at most so many; few if too many.

    Those next to the baseline come first, as they are the easiest to run.

    Example:
        >>> list_telling({"a": ["0", "1"], "b": ["0", "1"]}, [{}, {"a": "1", "b": "1"}], most=3)
        [{'a': '1'}]
    """
    first = {name: known[0] for name, known in levels.items()}
    alone: list[dict[str, Any]] = [{name: value} for name, known in levels.items() for value in known[1:]]
    whole = np.prod([float(len(known)) for known in levels.values()])
    more = (
        [{n: v for n, v in zip(levels, row, strict=True) if v != first[n]} for row in product(*levels.values())]
        if whole <= _MOST_TRIED
        else []
    )
    have, found = list(settings), list[dict[str, Any]]()
    rank = find_rank(levels, have)
    for row in [*alone, *more]:
        if len(found) == most or rank == 1 + len(alone):
            break
        if row not in have and (now := find_rank(levels, [*have, row])) > rank:
            have, found, rank = [*have, row], [*found, row], now
    return found


def keep_variants(variants: Variants, kept: Sequence[bool]) -> Variants:
    """Returns the variants that are kept, the baseline among them, with the options that they have."""
    number = np.cumsum(kept) - 1
    place = np.where(np.array([*kept, False])[variants.place], number[variants.place], -1)
    settings = [row for row, keep in zip(variants.settings, kept, strict=True) if keep]
    named = [row for row, keep in zip(variants.rows, kept, strict=True) if keep]
    taken = {(name, value) for row in settings for name, value in row.items()}
    levels = {
        name: [known[0], *(value for value in known[1:] if (name, value) in taken)]
        for name, known in variants.levels.items()
    }
    levels = {name: known for name, known in levels.items() if len(known) > 1}
    return variants._replace(settings=settings, place=place, levels=levels, rows=named)


def show_option(value: Any) -> str:
    """Returns an option as text."""
    if value is None or value != value:
        return BLANK
    if isinstance(value, float | np.floating):
        return f"{value:.12g}"
    return str(value)


def _find_baseline(options: pd.DataFrame, asked: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    rows = options
    for name, value in asked.items():
        if name not in options.columns:
            raise UserError(f"baseline: {name!r} is no detail\n  details: {', '.join(map(str, options.columns))}")
        text = show_option(value)
        known = rows[rows[name] == text]
        if not len(known):
            named = ", ".join(list(dict.fromkeys(rows[name]))[:8])
            raise UserError(f"baseline: no run has {name}={text}\n  {name} is one of: {named}")
        rows = known
    counts = rows.groupby(list(rows.columns), sort=False).size()
    most = int(counts.max())
    first = counts.index[int(np.argmax(counts.to_numpy()))]
    chosen = dict(zip(map(str, options.columns), first if isinstance(first, tuple) else (first,), strict=True))
    shown = ", ".join(f"{name}={value}" for name, value in chosen.items())
    ties = int((counts == most).sum())
    if len(asked) == len(chosen):
        return chosen, f"baseline: {shown}, as declared ({count_of(most, 'row')})"
    tied = f", as {'has' if ties == 2 else 'have'} {count_of(ties - 1, 'other')}: the first of them" if ties > 1 else ""
    return (
        chosen,
        f"baseline: {shown}, the most frequent combination ({count_of(most, 'row')}{tied}); --baseline names another",
    )


def join_details(table: pd.DataFrame, variants: Variants) -> Variants:
    """Compares the combinations of a design as they are, as its runs are too few to tell its details apart."""
    options = pd.DataFrame({name: table[name].map(show_option) for name in variants.details}, index=table.index)
    rows = [
        tuple(settings.get(name, known[0]) for name, known in variants.levels.items()) for settings in variants.settings
    ]
    names = " and ".join(variants.details) if len(variants.details) < 4 else f"{len(variants.details)} details"
    why = (
        f"effects of {names} cannot all be told apart by the runs that there are: combinations are compared as they are"
    )
    return _join(options, rows, variants.baseline, [*variants.said[:1], why])


def _join(
    options: pd.DataFrame, rows: Sequence[tuple[Any, ...]], baseline: dict[str, str], said: list[str]
) -> Variants:
    """Compares combinations as the options of one detail."""
    keep = [place for place, name in enumerate(options.columns) if options[name].nunique() > 1]
    joined = " + ".join(str(options.columns[place]) for place in keep)
    names = [", ".join(str(row[place]) for place in keep) for row in rows]
    at = {row: number for number, row in enumerate(rows)}
    place = np.array([at[row] for row in options.itertuples(index=False, name=None)], dtype=np.int64)
    settings: list[dict[str, Any]] = [{} if not number else {joined: name} for number, name in enumerate(names)]
    named = [dict(zip(options.columns, row, strict=True)) for row in rows]
    return Variants([joined], {joined: names}, settings, place, "one_at_a_time", baseline, said, named)


def _tell_confounded(levels: Mapping[str, Sequence[Any]], settings: Sequence[Mapping[str, Any]]) -> str:
    width = sum(len(known) - 1 for known in levels.values())
    names = " and ".join(levels) if len(levels) < 4 else f"{len(levels)} details"
    told = f"effects of {names} cannot be told apart ({len(settings)} combinations, {width + 1} effects with the mean)"
    if width > _MOST_RANKED:
        return f"{names}: {width} options are too many to be fitted at once: combinations are compared as they are"
    if find_rank(levels, settings) == width + 1:
        return f"{names}: {width} options, more than {MOST_COLUMNS}, are not fitted at once: combinations are compared"
    telling = list_telling(levels, settings, _NAMED)
    runs = "; ".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in telling)
    more = 1 + width - find_rank(levels, settings)
    would = f"{more} further combinations would tell" + (
        f", the first: {runs} (else the baseline's options)" if runs else ""
    )
    return f"{told}: combinations are compared as they are; {would}"


def _tell_single(options: pd.DataFrame) -> str:
    if not len(options.columns):
        return (
            "no column varies that could be a detail: there is nothing to compare\n"
            "  name the columns with --details; for a log of kept and discarded changes: --loop"
        )
    only = ", ".join(f"{name}={options[name].iloc[0]}" for name in options.columns)
    return f"all runs have the same options ({only[:160]}): there is nothing to compare\n  judge takes two variants"
