"""The ledger: every detail of a params tree, as rows for a table, for JSON and for a document.

Derived by walking the tree; there is no second list.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from repro.audit.ledger.choice import Choice, Detail, show_value, walk_details
from repro.audit.ledger.source import Kind

DEFENSIBLE = {"E": "equally defensible", "N": "not equally defensible", "U": "uncertain"}


def select_details(
    tree: type[BaseModel], gap: str | None = None, status: str | None = None, source: Kind | None = None
) -> list[Detail]:
    """Returns the details of a tree, filtered.

    Args:
        tree: the root of the params.
        gap: part of the name of a gap.
        status: what the paper says, e.g. "silent".
        source: the kind of source that at least one option has.
    """
    return [
        detail
        for detail in walk_details(tree)
        if (gap is None or gap.lower() in detail.choice.gap.lower())
        and (status is None or detail.choice.paper == status)
        and (source is None or source in _kinds(detail.choice))
    ]


def count_details(details: Iterable[Detail]) -> tuple[Counter[str], Counter[str]]:
    """Returns how many details there are by gap and by what the paper says."""
    listed = list(details)
    return Counter(detail.choice.gap for detail in listed), Counter(detail.choice.paper for detail in listed)


def to_json(details: Iterable[Detail]) -> list[dict[str, Any]]:
    """Returns the details as values that JSON can hold."""
    return [
        {
            "key": detail.key,
            "question": detail.choice.question,
            "gap": detail.choice.gap,
            "paper": detail.choice.paper,
            "defensible": detail.choice.defensible,
            "free": detail.choice.free,
            "constraints": detail.choice.describe(),
            "options": [
                {
                    "value": list(value) if isinstance(value, tuple) else value,
                    "sources": [
                        {"kind": item.kind, "where": item.where, "confidence": item.confidence} for item in sources
                    ],
                }
                for value, sources in detail.choice.options.items()
            ],
        }
        for detail in details
    ]


def to_markdown(details: Iterable[Detail], title: str) -> str:
    """Returns the ledger as a document, one section per gap and one table per detail."""
    listed = list(details)
    gaps, statuses = count_details(listed)
    lines = [f"# {title}", "", _summary(listed), "", "| gap | details |", "|---|---|"]
    lines += [f"| {gap} | {count} |" for gap, count in gaps.most_common()]
    lines += ["", "| the paper is | details |", "|---|---|"]
    lines += [f"| {status} | {count} |" for status, count in statuses.most_common()]
    for gap in gaps:
        lines += ["", f"## {gap[0].upper()}{gap[1:]}"]
        for detail in listed:
            if detail.choice.gap == gap:
                lines += ["", *_section(detail)]
    return "\n".join(lines) + "\n"


def _section(detail: Detail) -> list[str]:
    choice = detail.choice
    free = "; other values are allowed" if choice.free else ""
    lines = [f"### `{detail.key}`", "", choice.question, ""]
    lines.append(f"The paper: {choice.paper}. The options: {DEFENSIBLE[choice.defensible]}{free}.")
    lines += choice.describe()
    lines += ["", "| option | sources |", "|---|---|"]
    for value, sources in choice.options.items():
        lines.append(f"| `{show_value(value)}` | {'; '.join(map(str, sources))} |")
    return lines


def _summary(details: list[Detail]) -> str:
    options = sum(len(detail.choice.options) for detail in details)
    return (
        f"{len(details)} details with {options} options. In brackets: [V] read in the source, [C] computed by running "
        "it, [I] inferred."
    )


def _kinds(choice: Choice) -> set[Kind]:
    return {source.kind for sources in choice.options.values() for source in sources}
