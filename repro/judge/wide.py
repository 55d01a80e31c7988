"""A column a seed or fold, as cross-validation and pivots give them, made a row a run.

The outcome then has no column of its own: `--outcome test_score:higher` reads split0_test_score, split1_test_score ...
"""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from repro.errors import UserError

WORDS = {"split": "fold", "fold": "fold", "seed": "seed", "run": "run", "rep": "run", "trial": "trial"}
"""What columns are numbered by, and what the column of those numbers is called."""
_WORD = "|".join(WORDS)
_BEFORE = re.compile(rf"(?P<word>{_WORD})[_ .-]?(?P<number>\d+)(?:[_ ./-]+(?P<name>.+))?", re.IGNORECASE)
_AFTER = re.compile(rf"(?P<name>.+?)[_ ./-]+\(?(?P<word>{_WORD})[_ .=-]?(?P<number>\d+)\)?", re.IGNORECASE)
_HISTORY = re.compile(r".+ - (?P<name>.+?)(__MIN|__MAX)?")
_MEAN = re.compile(r"^(mean|avg|average)[_ ./-]+|[_ ./-]+(mean|avg|average)$", re.IGNORECASE)
_SD = re.compile(r"^(std|sd|stderr|se|sem)[_ ./-]+|[_ ./-]+(std|sd|stderr|se|sem|ci)$", re.IGNORECASE)
FEWEST = 2


def lengthen(table: pd.DataFrame, outcomes: Iterable[str]) -> tuple[pd.DataFrame, list[str]]:
    """Makes a row for each column of an outcome that has a column a seed.

    Args:
        table: as it was read.
        outcomes: names; those that are columns are left as they are.

    Returns:
        The table, and sentences on what was done or would serve better.

    Raises:
        UserError: an outcome has a column a run, or a column a number that may be anything.

    Example:
        >>> table = pd.DataFrame({"c": [1, 2], "split0_test_score": [0.8, 0.9], "split1_test_score": [0.7, 0.9]})
        >>> long, said = lengthen(table, ["test_score"])
        >>> long["fold"].tolist(), long["test_score"].tolist()
        ([0, 1, 0, 1], [0.8, 0.7, 0.9, 0.9])
    """
    names = [str(name) for name in table.columns]
    said, found = list[str](), dict[str, dict[int, str]]()
    word = ""
    for outcome in outcomes:
        if outcome in names:
            said += _tell_summary(names, outcome)
            continue
        columns, own = _find_columns(names, outcome)
        if len(columns) < FEWEST:
            _refuse_other(names, outcome)
            continue
        found[outcome], word = columns, word or own
    if not found:
        return table, said
    numbers = sorted(set.union(*(set(columns) for columns in found.values())))
    used = {name for columns in found.values() for name in columns.values()}
    rest = table[[name for name in names if name not in used]]
    parts = []
    for number in numbers:
        part = rest.assign(**{word: pd.Series(number, index=rest.index)})
        for outcome, columns in found.items():
            part[outcome] = table[columns[number]] if number in columns else np.nan
        parts.append(part)
    for outcome, columns in found.items():
        first, *_, last = columns.values()
        said.append(f"{outcome}: {len(columns)} columns, {first} to {last}, hold a {word} each: a row was made of each")
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True), said


def _find_columns(names: list[str], outcome: str) -> tuple[dict[int, str], str]:
    """Returns the columns of an outcome by their number, and what they are numbered by."""
    named, bare = dict[str, dict[int, str]](), dict[str, dict[int, str]]()
    for name in names:
        found = _BEFORE.fullmatch(name) or _AFTER.fullmatch(name)
        if found is None or (found["name"] or outcome) != outcome:
            continue
        kept = named if found["name"] else bare
        kept.setdefault(WORDS[found["word"].lower()], {})[int(found["number"])] = name
    for kept in (named, bare):
        if kept:
            word = max(kept, key=lambda word: len(kept[word]))
            return kept[word], word
    return {}, ""


def _refuse_other(names: list[str], outcome: str) -> None:
    history = [name for name in names if (found := _HISTORY.fullmatch(name)) and found["name"] == outcome]
    if history:
        raise UserError(
            f"{outcome} has a column for each run ({history[0]!r}), as a chart of W&B exports it, without settings\n"
            "  export the table of runs instead, a row a run"
        )
    counted = [name for name in names if name.isdigit()]
    if len(counted) >= FEWEST:
        raise UserError(
            f"outcome: there is no column {outcome!r}; are {counted[0]} to {counted[-1]} a seed each?\n"
            f"  then call them seed_{counted[0]} to seed_{counted[-1]}"
        )


def _tell_summary(names: list[str], outcome: str) -> list[str]:
    """Says of a mean that its runs are in the table, or that they are not."""
    stem = _MEAN.sub("", outcome)
    columns = _find_columns(names, stem)[0] if stem != outcome else {}
    if len(columns) >= FEWEST:
        return [f"{outcome} is a mean: --outcome {stem} reads the {len(columns)} columns that it is a mean of"]
    spread = next((name for name in names if _SD.search(name) and _SD.sub("", name) in (stem, outcome)), None)
    if spread is not None:
        return [f"{outcome} has its spread beside it ({spread}), so that a row is several runs: judge a row a run"]
    return []
