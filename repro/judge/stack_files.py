"""A judgement on a stack, from files to files: the table may not be there yet, and what is declared stays declared.

`stack.json` holds the smallest stack that was found. A later judgement of the same question tests that one, so that
runs which were made for the test did not choose it.
"""

import json
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.judge.configurations import read_stack
from repro.judge.declaration import Declaration
from repro.judge.output_folder import STACK
from repro.judge.showing.record import dump
from repro.judge.source import SERVED
from repro.judge.stack import StackJudgement, check_margin, judge_stack
from repro.judge.stack_page import answers_page, plan_page
from repro.judge.stack_plan import CSV, StackPlan, plan_content, write_plan
from repro.judge.stack_showing import answers_content, markdown_answers, markdown_plan, show_answers, show_plan
from repro.judge.table import read_table
from repro.storage import write_json, written_file

NAME, PAGE, SUMMARY = STACK, "index.html", "summary.md"


def judge_files(
    files: tuple[Path, Path], declared: Declaration, tracking_uri: str | None, out: Path, shown: str, everything: bool
) -> tuple[str, str]:
    """Judges a stack and writes the runs that are wanted.

    Args:
        files: base and final.
        declared: how the table is read.
        tracking_uri: of MLflow.
        out: folder of what is written.
        shown: table, json, markdown or html.
        everything: whether page and summary are written whatever is shown.

    Returns:
        What is printed, and why there is no verdict; empty if there is one.

    Raises:
        UserError: a configuration, the declaration or the table cannot be read.
    """
    stack = read_stack(*files)
    check_margin(declared)
    there = declared.table.startswith(SERVED) or Path(declared.table).exists()
    table = read_table(declared.table, tracking_uri) if there else None
    found = judge_stack(table, stack, declared, _read_frozen(out / NAME))
    reason, plan = "", found.further if isinstance(found, StackJudgement) else found
    if isinstance(found, StackPlan):
        if not there:
            found = found._replace(reason=f"there is no {declared.table} yet")
        reason = f"{found.reason}; the runs that would tell are in {out / CSV}"
    else:
        write_json(out / NAME, found.freeze())
    written = write_plan(plan, out) if plan else []
    if everything or shown == "html":
        written = [*_write_pages(found, declared, out), *written]
    match shown:
        case "json":
            text = dump(answers_content(found) if isinstance(found, StackJudgement) else plan_content(found))
        case "markdown":
            text = markdown_answers(found) if isinstance(found, StackJudgement) else markdown_plan(found)
        case _:
            told = [show_answers(found)] if isinstance(found, StackJudgement) else []
            told += [show_plan(plan)] if plan else []
            wrote = f"wrote {', '.join(map(str, written))}" if written else ""
            text = wrote if shown == "html" else "\n\n".join([*told, *([wrote] if wrote else [])])
    return text, reason


def _write_pages(found: StackJudgement | StackPlan, declared: Declaration, out: Path) -> list[Path]:
    if isinstance(found, StackJudgement):
        texts = {PAGE: answers_page(found, declared), SUMMARY: f"{markdown_answers(found)}\n"}
    else:
        texts = {PAGE: plan_page(found, declared), SUMMARY: f"{markdown_plan(found)}\n"}
    for name, text in texts.items():
        with written_file(out / name) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    return [out / name for name in texts]


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
