"""A judgement on a stack, from files to files: the table may not be there yet, and what is declared stays declared.

`stack.json` holds the smallest stack that was found. A later judgement of the same question tests that one, so that
runs which were made for the test did not choose it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.judge.configurations import read_stack
from repro.judge.declaration import Declaration
from repro.judge.stack import StackJudgement, check_margin, judge_stack
from repro.judge.stack_page import answers_page, plan_page
from repro.judge.stack_plan import StackPlan, plan_content, write_plan
from repro.judge.stack_showing import (
    answers_content,
    dump,
    markdown_answers,
    markdown_plan,
    show_answers,
    show_plan,
)
from repro.judge.table import MLFLOW, read_table
from repro.storage import write_json, written_file

NAME, PAGE = "stack.json", "index.html"


def judge_files(
    files: tuple[Path, Path], declared: Declaration, tracking_uri: str | None, out: Path, shown: str
) -> tuple[str, str]:
    """Judges a stack and writes the runs that are wanted.

    Args:
        files: base and final.
        declared: how the table is read.
        tracking_uri: of MLflow.
        out: folder of what is written.
        shown: table, json, markdown or html.

    Returns:
        What is printed, and why there is no verdict; empty if there is one.

    Raises:
        UserError: a configuration, the declaration or the table cannot be read.
    """
    stack = read_stack(*files)
    check_margin(declared)
    there = declared.table.startswith(_SERVED) or Path(declared.table).exists()
    table = read_table(declared.table, tracking_uri) if there else None
    found = judge_stack(table, stack, declared, _read_frozen(out / NAME))
    if isinstance(found, StackPlan):
        if not there:
            found = found._replace(reason=f"there is no {declared.table} yet")
        return _show_plan(found, declared, out, shown)
    return _show_answers(found, declared, out, shown), ""


_SERVED = (MLFLOW, "wandb:")


def _show_plan(plan: StackPlan, declared: Declaration, out: Path, shown: str) -> tuple[str, str]:
    written = write_plan(plan, out)
    forms: dict[str, Callable[[], str]] = {
        "json": lambda: dump(plan_content(plan)),
        "markdown": lambda: markdown_plan(plan),
        "html": lambda: _write_page(plan_page(plan, declared), out),
        "table": lambda: show_plan(plan, written),
    }
    return forms[shown](), f"{plan.reason}; the runs that would tell are in {written[0]}"


def _show_answers(found: StackJudgement, declared: Declaration, out: Path, shown: str) -> str:
    write_json(out / NAME, found.freeze())
    written = write_plan(found.further, out) if found.further else []
    plan = f"\n\n{show_plan(found.further, written)}" if found.further else ""
    forms: dict[str, Callable[[], str]] = {
        "json": lambda: dump(answers_content(found)),
        "markdown": lambda: markdown_answers(found),
        "html": lambda: _write_page(answers_page(found, declared), out),
        "table": lambda: f"{show_answers(found)}{plan}",
    }
    return forms[shown]()


def _write_page(text: str, out: Path) -> str:
    with written_file(out / PAGE) as partial:
        partial.write_text(text, encoding="utf-8")
    return f"wrote {out / PAGE}"


def _read_frozen(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("dropped"), list):
        raise UserError(f"{file} declares no smallest stack\n  remove it, or give another --out")
    return content
