"""What each column of a table of runs is for: outcome, seed, unit, task, detail, or nothing.

Names decide where they are plain, levels where they are not. Whatever is inferred is printed and written to
`judge.yaml`, where it can be changed.
"""

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from repro.errors import UserError
from repro.judge.columns import METRIC, Asked, Column, Role, check_asked, of_role

SEED = re.compile(
    r"(^|[_./ -])(seed|fold|run|trial|repeat|repetition|replicate|replica|rep)s?([_./ -]|$)", re.IGNORECASE
)
SHARED = re.compile(r"(^|[_./ -])(seed|fold)s?([_./ -]|$)", re.IGNORECASE)
"""Replicates whose value is the same thing in every variant; a number of a run or trial is a place in a list."""
TASK = re.compile(r"^(task|data_?set|environment|env|env_id|game|workload|benchmark|corpus)(_?name)?s?$", re.IGNORECASE)
STEP = re.compile(
    r"^(_|trainer/)?(global_?)?(step|epoch|iteration|iter)s?$|^(final|last)_(step|epoch|iteration)s?$|^(iterations|epochs)$",
    re.IGNORECASE,
)
SETTING = re.compile(
    r"^(params|config|args|hparams|hyperparameters)[./]|(^|[_./ -])(lr|learning_?rate|weight_?decay|wd|momentum|"
    r"beta\d?|eps|epsilon|dropout|temperature|alpha|gamma|lambda|warmup|depth|width|dim|hidden|layers|heads|batch|bs|size|rate|"
    r"decay|clip|sigma|tau|rank)([_./ -]|\d|$)",
    re.IGNORECASE,
)
IDENTITY = re.compile(
    r"^_|^(tags|info)\.|(^|[_./ -])(id|uuid|hash|sha|commit|path|dir|file|filename|date|timestamp|created|"
    r"started|ended|updated|host|hostname|user|url|uri|link|state|status|description|notes?|name|index|row|group|sweep|"
    r"job|tags|artifact)([_./ -]|$)|(^|[_./ -])(run|start|end)_?(name|id|time)$",
    re.IGNORECASE,
)
_CODE = re.compile(r"[0-9a-f]{7,}(-[0-9a-f]{4,})*|\d{4}-\d\d-\d\d.*|(/|[A-Za-z]:\\).*|https?://.*", re.IGNORECASE)
NEAR_UNIQUE = 0.5
"""Share of the rows from which as many levels name runs, not options."""
ALL_UNIQUE = 0.9
"""The same where a seed says what is repeated."""
NAMES_RUNS = "near-unique: it names runs"
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
    if not of_role(found, "detail", "numeric detail"):
        found = [
            column._replace(role="detail", why="near-unique, and nothing else varies")
            if column.why == NAMES_RUNS
            else column
            for column in found
        ]
    return _find_copies(table, found, asked.details or ())


def _swap(given: tuple[Role, str], levels: int) -> tuple[Role, int, str]:
    return given[0], levels, given[1]


def _check_asked(table: pd.DataFrame, asked: Asked) -> None:
    numbers = [str(name) for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    check_asked([str(name) for name in table.columns], numbers, asked)
    for name in asked.outcomes:
        check_outcome(table[name], name)


def check_outcome(values: "pd.Series[float]", name: str) -> None:
    """Refuses an outcome that is text, or has no finite value."""
    if pd.api.types.is_bool_dtype(values):
        return
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
        odd = values[numbers.isna() & values.notna()]
        row = int(odd.index[0]) + 1
        kind = "text" if numbers.isna().all() else "numbers and text"
        shown = " ".join(str(odd.iloc[0]).split())[:40]
        raise UserError(f"outcome {name!r} is {kind}: {shown!r} in row {row}\n  expected a number for each run")
    if not np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan)).any():
        raise UserError(f"outcome {name!r} has no finite value in {len(values)} rows\n  expected a number for each run")


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
    if declared:
        return is_role("left out", "no declared detail")
    if SEED.search(name) and has_seed and not IDENTITY.search(name):
        return is_role("left out", "another name of runs")
    if IDENTITY.search(name) and not SETTING.search(name):
        return is_role("left out", "by its name: an id, path, time or note")
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric:
        return is_role(*_infer_number(values, name, levels))
    if levels > NEAR_UNIQUE * len(values) and levels > 2:
        codes = values.dropna().astype(str).head(200).map(lambda text: bool(_CODE.fullmatch(text)))
        if codes.mean() > NEAR_UNIQUE:
            return is_role("left out", "near-unique: ids, times or paths")
        if has_seed and levels >= ALL_UNIQUE * len(values):
            return is_role("left out", NAMES_RUNS)
        if has_seed:
            return is_role("detail", "text")
        return is_role("detail", "near-unique, and no seed says that rows of different values are repeats")
    return is_role("detail", "few levels" + (f"; blank in {blank} rows" if blank else ""))


def _infer_number(values: "pd.Series[float]", name: str, levels: int) -> tuple[Role, str]:
    setting = bool(SETTING.search(name))
    if METRIC.search(name) and not setting:
        return "metric", "by its name"
    if levels <= MANY_LEVELS:
        return "detail", "a number with few levels"
    whole = bool((values.dropna() % 1 == 0).all())
    if setting or (levels <= len(values) / 3 and (whole or levels <= len(values) / 10)):
        return "numeric detail", f"a number with {levels} levels"
    return "metric", "a number that is near-unique"


def _find_copies(table: pd.DataFrame, columns: list[Column], kept: Collection[str]) -> list[Column]:
    """Marks details that always vary together with an earlier one."""
    seen: dict[bytes, str] = {}
    found = []
    for column in sorted(columns, key=lambda item: item.name not in kept):
        if column.role in ("detail", "numeric detail"):
            key = pd.factorize(table[column.name], use_na_sentinel=False)[0].astype(np.int32).tobytes()
            if key in seen:
                column = column._replace(role="copy", why=f"always varies with {seen[key]}")
            else:
                seen[key] = column.name
        found.append(column)
    order = {column.name: place for place, column in enumerate(columns)}
    return sorted(found, key=lambda column: order[column.name])


def _shorten(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."
