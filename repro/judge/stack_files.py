"""A judgement on a stack, from files to files: the table may not be there yet, and what is declared stays declared.

`stack.json` holds the smallest stack that was found. A later judgement of the same question tests that one, so that
runs which were made for the test did not choose it.
"""

import json
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.judge.declaration import Declaration
from repro.judge.source import MLFLOW
from repro.judge.stack import check_margin, judge_stack, read_stack
from repro.judge.stack_answers import StackJudgement
from repro.judge.stack_plan import StackPlan, plan_content, write_plan
from repro.judge.stack_showing import answers_content, dump, show_answers, show_plan
from repro.judge.table import read_table
from repro.storage import write_json

NAME = "stack.json"


def judge_files(
    files: tuple[Path, Path], declared: Declaration, tracking_uri: str | None, out: Path, as_json: bool
) -> tuple[str, str]:
    """Judges a stack and writes the runs that are wanted.

    Returns:
        What is printed, and why there is no verdict; empty if there is one.

    Raises:
        UserError: a configuration, the declaration or the table cannot be read.
    """
    stack = read_stack(*files)
    check_margin(declared)
    there = declared.table.startswith(MLFLOW) or Path(declared.table).exists()
    table = read_table(declared.table, tracking_uri) if there else None
    found = judge_stack(table, stack, declared, _read_frozen(out / NAME))
    if isinstance(found, StackPlan):
        if not there:
            found = found._replace(reason=f"there is no {declared.table} yet")
        written = write_plan(found, out)
        reason = f"{found.reason}; the runs that would tell are in {written[0]}"
        return (dump(plan_content(found)) if as_json else show_plan(found, written)), reason
    return _write_answers(found, out, as_json), ""


def _write_answers(found: StackJudgement, out: Path, as_json: bool) -> str:
    write_json(out / NAME, found.freeze())
    written = write_plan(found.confirming, out) if found.confirming else []
    if as_json:
        return dump(answers_content(found))
    plan = f"\n\n{show_plan(found.confirming, written)}" if found.confirming else ""
    return f"{show_answers(found)}{plan}"


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
