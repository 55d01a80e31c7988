"""The rows of a table that are mixtures of two configurations, and what was left out."""

from typing import Any, NamedTuple

import pandas as pd

from repro.errors import UserError
from repro.judge.column_names import BLANK, SETTINGS_PREFIX
from repro.judge.configurations import Stack, text_of
from repro.judge.counted import count_of
from repro.judge.table_text import ABSENT


class Mixtures(NamedTuple):
    """Rows of a table that are mixtures of two configurations.

    Attributes:
        table: rows; the columns of the differences hold options as text, under their dotted keys.
        said: sentences on what was left out.
    """

    table: pd.DataFrame
    said: list[str]


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
    told = pd.DataFrame(
        {
            key: _spell(table[column], base, final)
            for (key, base, final), column in zip(stack.differences, columns.values(), strict=True)
        },
        index=table.index,
    )
    said, keep = [], pd.Series(True, index=table.index)
    for key, base, final in stack.differences:
        other = keep & ~told[key].isin([base, final])
        if other.any():
            some = ", ".join(dict.fromkeys(told[key][other].head(200)))[:60]
            said.append(f"{key}: left out with neither {base} nor {final} ({some}): {count_of(other.sum(), 'row')}")
        keep &= ~other
    for key, option in stack.shared.items():
        column = _find_column(table, key)
        if column is not None:
            other = keep & (_spell(table[column], option) != option)
            if other.any():
                said.append(f"{key}: left out without the {option} of both: {count_of(other.sum(), 'row')}")
            keep &= ~other
    used = [column for column in columns.values() if column is not None]
    rest = table.drop(columns=used).loc[keep]
    return Mixtures(pd.concat([told.loc[keep], rest], axis=1).reset_index(drop=True), said)


def _spell(column: "pd.Series[Any]", *options: str) -> "pd.Series[str]":
    """Returns options as a configuration spells them; a blank is the one that a table cannot tell from a blank."""
    told = column.map(text_of)
    blank = [option for option in options if option in ABSENT]
    return told.replace(BLANK, blank[0]) if len(blank) == 1 and BLANK not in options else told


def _find_column(table: pd.DataFrame, key: str) -> str | None:
    """Returns the column of a dotted key: by its name, or as trackers write it (`params.a.b`, `config/a/b`)."""
    if key in table.columns:
        return key
    names = [str(name) for name in table.columns if SETTINGS_PREFIX.sub("", str(name)).replace("/", ".") == key]
    return names[0] if len(names) == 1 else None
