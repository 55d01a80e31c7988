"""A checklist as Markdown, filled as far as the evidence goes; what it cannot know is left open, and marked."""

import os
from pathlib import Path

from repro.bundle.checklist_facts import Fact, gather_facts
from repro.bundle.checklist_items import ITEMS, TITLES, Item
from repro.bundle.contents import PROJECT_FILES
from repro.errors import UserError
from repro.kept.folder import read_kept, read_report
from repro.storage import written_file

OPEN = "**OPEN**"


def write_checklist(report: Path, root: Path, checklist: str, output: Path) -> tuple[int, int]:
    """Writes a checklist for a kept study; returns how many items evidence answers, and of how many.

    Args:
        report: folder of the kept report.
        root: of the project.
        checklist: neurips, acm or mlrc.
        output: Markdown file, which is replaced.

    Raises:
        UserError: no report is kept, or the file cannot be written.
    """
    kept = read_kept(read_report(report), str(report))
    there = [name for name in PROJECT_FILES if (root / name).is_file()]
    facts = gather_facts(kept, kept.analyse(), there)
    items = ITEMS[checklist]
    title = f"{kept.plan.declared.title} (study {kept.plan.study})"
    here = Path(os.path.relpath(report, output.parent)).as_posix()
    lines = [
        f"# {TITLES[checklist]}: {title}",
        "",
        f"Answers rest on the linked files; {OPEN} is for its authors to say.",
        "",
    ]
    for item in items:
        lines += [*_answer(item, facts, here), ""]
    try:
        with written_file(output) as partial:
            partial.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror})") from None
    return sum(any(name in facts for name in item.facts) for item in items), len(items)


def _answer(item: Item, facts: dict[str, Fact], report: str) -> list[str]:
    known = [facts[name] for name in item.facts if name in facts]
    lines = [f"## {item.number}: {item.subject}", ""]
    for fact in known:
        links = ", ".join(f"[{Path(name).name}]({os.path.normpath(f'{report}/{name}')})" for name in fact.files)
        lines.append(f"- {fact.text} Evidence: {links}")
    lacking = [name for name in item.facts if name not in facts]
    if not known:
        lines.append(f"- {OPEN}: evidence cannot tell.")
    elif item.open or lacking:
        told = "; ".join(filter(None, [item.open, f"not recorded: {', '.join(lacking)}" if lacking else ""]))
        lines.append(f"- {OPEN}: {told}.")
    return lines
