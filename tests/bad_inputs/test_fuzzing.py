"""Whatever stands in params, studies, commands and tables: only a `UserError` ever comes out, within seconds.

REPRO_FUZZ_EXAMPLES=5000 tries more than the suite does.
"""

import csv
import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from test_studies import GOOD

from fault_table import Tried
from repro.audit.ledger.parsing import parse_tree
from repro.audit.ledger.values import override_values
from repro.audit.ledger.writing import parse_overrides
from repro.audit.ledger.yaml_text import parse_yaml
from repro.case import load_case, plan_study
from repro.cases.medfe.params import Params, load_params
from repro.errors import UserError
from repro.judge.configurations import read_stack
from repro.judge.declaration import Flags, check_declaration, read_declaration
from repro.judge.table import read_table
from repro.judge.verdicts import judge_table
from tiny import tiny_values

pytestmark = pytest.mark.fault("input", "fuzzed")
EXAMPLES = int(os.environ.get("REPRO_FUZZ_EXAMPLES", "25"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,  # an alarm ends what hangs
    derandomize="REPRO_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.just("9" * 5000)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=8
)
MARKS = st.text("abc01-:*&[]{}!<,'\"#|>%@`?~.=\n \t\\\x00\u2028é", max_size=40)
"""Texts of what YAML, CSV and shells read as something else."""
CELLS = st.sampled_from(
    ["a", "b", "0", "1", "1.5", "-1e308", "nan", "inf", "", "x,y", '"', "\x00", "é", "1,5", "9" * 400]
)


def leaves(values: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        found += [prefix + name] + (leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [])
    return found


KEYS = leaves(tiny_values())


def tell(call: Callable[[], object]) -> str:
    """Returns what a user is told; empty: nothing is refused. What is no `UserError` goes on, and the test fails."""
    try:
        call()
    except UserError as error:
        return str(error)
    return ""


@fuzzed
@given(MARKS)
@example("!!timestamp 2001-12-14t21:59:43.10-25:00")
@example("? [a]\n: 1")
@example("<<: *a")
def test_no_text_breaks_the_reader_of_yaml(tried: Tried, text: str) -> None:
    for comments in (False, True):
        assert "\n" not in tell(partial(parse_yaml, text, "a text", comments=comments))
    tried()


@fuzzed
@given(st.sampled_from(KEYS), VALUES)
@example("seed", 10**400)
@example("data", {1: {(): 2}})
def test_no_value_breaks_the_params(tried: Tried, key: str, value: object) -> None:
    values = tiny_values()
    told = tell(lambda: override_values(values, {key: value})) or tell(
        lambda: parse_tree(Params, values, "params.yaml")
    )
    assert max(map(len, told.split("\n"))) < 500
    tried()


@fuzzed
@given(MARKS)
def test_no_file_of_params_breaks_a_stage(tried: Tried, tmp_path: Path, text: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(UserError):
        load_params(file)
    tried()


@fuzzed
@given(st.lists(st.tuples(st.sampled_from([*KEYS, "", ".", "a..b", "x"]), MARKS | st.text(max_size=10)), max_size=3))
def test_no_override_breaks_the_command_line(tried: Tried, pairs: list[tuple[str, str]]) -> None:
    values = tiny_values()
    assert len(tell(lambda: override_values(values, parse_overrides([f"{key}={text}" for key, text in pairs])))) < 600
    tried()


@pytest.mark.usefixtures("project")
@fuzzed
@given(st.sampled_from([*GOOD, "settings", "claims", "controls", "base", "sequential", "variants", "x"]), VALUES)
@example("settings", {"average": {"kind": "mean"}})
@example("settings", {"numbers.count": 10**400})
@example("details", {"average.kind": [{}]})
@example("title", "\ud800")
def test_no_value_breaks_a_study(tried: Tried, tmp_path: Path, key: str, value: object) -> None:
    declared = parse_yaml("".join(f"{name}: {text}\n" for name, text in GOOD.items()), "a study")
    file = tmp_path / "study.yaml"
    with file.open("w", encoding="utf-8", errors="replace") as stream:
        YAML(typ="safe", pure=True).dump(declared | {key: value}, stream)
    assert max(map(len, tell(lambda: plan_study(file, load_case())).split("\n"))) < 700
    tried()


@fuzzed
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6), st.sampled_from([",", "\t", ";"]))
@example([["a"], ['"']], ",")
def test_no_table_breaks_the_judge(tried: Tried, tmp_path: Path, rows: list[list[str]], separator: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text("lr,seed,loss\n" + "\n".join(separator.join(row) for row in rows), encoding="utf-8", newline="")
    declared = read_declaration(str(file), Flags(outcome=("loss:lower",)))
    told = tell(lambda: check_declaration(declared)) or tell(lambda: read_table(declared.table))
    assert told.count("\n") <= 2
    tried()


NUMBERS = st.sampled_from(
    [*(f"{x / 7:g}" for x in range(-4, 5)), "", "nan", "inf", "-1e308", "1e308", "1e-320", "True"]
)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["0", "1", "2", ""]), NUMBERS, CELLS), max_size=14)


@fuzzed
@given(ROWS, st.sampled_from([None, 1e-300, 1.0, 1e300]))
@example([("a", "0", "True", "a"), ("a", "1", "", "a"), ("b", "0", "True", "a")], None)
@example([("a", "0", "-1e308", "a"), ("a", "1", "1", "a"), ("b", "0", "1", "a"), ("b", "1", "2", "a")], None)
def test_no_numbers_break_the_judge(
    tried: Tried, tmp_path: Path, rows: list[tuple[str, ...]], margin: float | None
) -> None:
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("lr", "seed", "loss", "note"), *rows])
    declared = read_declaration(str(tmp_path / "t.csv"), Flags(outcome=("loss:lower",), margin=margin))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the command does: what cannot be had is said in words
        assert tell(lambda: judge_table(read_table(declared.table), declared)).count("\n") <= 2
    tried()


@fuzzed
@given(MARKS, MARKS)
def test_no_text_breaks_declaration_or_stack(tried: Tried, tmp_path: Path, one: str, other: str) -> None:
    files = [tmp_path / "judge.yaml", tmp_path / "b.yaml"]
    for file, text in zip(files, (one, other), strict=True):
        file.write_text(f"table: t.csv\n{text}", encoding="utf-8", newline="")
    for read in (lambda: read_declaration(str(files[0]), Flags()), lambda: read_stack(*files)):
        assert tell(read).count("\n") <= 2
    tried()
