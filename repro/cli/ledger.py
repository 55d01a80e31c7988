"""Commands on what the paper leaves open: `details`, `diff`, `generate`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from repro.audit.ledger.source import Kind, Status
from repro.errors import UserError
from repro.extras import require

if TYPE_CHECKING:
    from rich.console import Console

    from repro.audit.ledger.choice import Detail


def details(
    gap: Annotated[str | None, typer.Option(help="Part of a gap's name, e.g. adversarial.")] = None,
    status: Annotated[Status | None, typer.Option(help="What the paper says.")] = None,
    source: Annotated[Kind | None, typer.Option(help="Details with an option from such a source.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the document ablations/DETAILS.md.")] = False,
) -> None:
    """The ledger: every detail, its options, and where each was read."""
    from repro.audit.ledger.table import select_details, to_json, to_markdown
    from repro.case import load_case

    case = load_case()
    found = select_details(case.params, gap, status, source)
    if not found:
        raise UserError("no detail fits; `repro details` lists all, with their gaps and what the paper says")
    if as_json:
        print(json.dumps(to_json(found), indent=2))
    elif as_markdown:
        print(to_markdown(found, case.title), end="")
    else:
        _print_table(found)


def diff(
    first: Annotated[str, typer.Argument(help="A reading, a params file, an experiment, a commit or a variant.")],
    second: Annotated[str, typer.Argument(help="Likewise.")],
) -> None:
    """In which details two readings, files or variants differ."""
    from rich import box
    from rich.table import Table

    from repro.audit.ledger.comparing import compare_params
    from repro.case import load_case
    from repro.cli.naming import find_params

    case = load_case()
    rows = compare_params(case.params, find_params(case, first), find_params(case, second))
    table = Table("detail", first, second, "question", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(row.key, *(_with_sources(row.detail, value) for value in (row.first, row.second)), row.question)
    console = _console()
    console.print(table)
    console.print(
        f"{len(rows)} differences, {sum(row.detail is not None for row in rows)} of them details of the ledger"
    )


def generate(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where a file is not up to date.")
    ] = False,
) -> None:
    """Bring the generated files up to date: JSON Schema, ledger, and the code that DVC's stages depend on."""
    require("study")
    from repro.case import load_case
    from repro.runs.generated import find_stale, write_generated

    case = load_case()
    stale = list(find_stale(case)) if check else write_generated(case)
    for file in stale:
        print(f"{file} is not up to date; run: repro generate" if check else f"wrote {file}")
    if check and stale:
        raise SystemExit(1)


COMMANDS = (details, diff, generate)


def _print_table(found: "list[Detail]") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from repro.audit.ledger.choice import show_value
    from repro.audit.ledger.table import count_details

    table = Table("detail", "question", "paper", "option", "sources", box=box.SIMPLE_HEAD)
    for detail in found:
        choice = detail.choice
        first = True
        for value, sources in choice.options.items():
            notes = "\n".join([choice.question, *choice.describe()])
            told = (detail.key, notes, f"{choice.paper}, {choice.defensible}") if first else ("", "", "")
            where = "\n".join(escape(str(source)) for source in sources)
            table.add_row(*told, escape(show_value(value)), where, end_section=value == list(choice.options)[-1])
            first = False
    console = _console()
    console.print(table)
    gaps, statuses = count_details(found)
    console.print(f"{len(found)} details, {sum(len(detail.choice.options) for detail in found)} options")
    console.print("by gap: " + ", ".join(f"{gap} {count}" for gap, count in gaps.most_common()))
    console.print("by what the paper says: " + ", ".join(f"{name} {count}" for name, count in statuses.most_common()))


def _with_sources(detail: "Detail | None", value: object) -> str:
    from rich.markup import escape

    from repro.audit.ledger.choice import show_value

    shown = escape(show_value(value))
    sources = detail.choice.options.get(value, ()) if detail is not None else ()
    return "\n".join([shown, *(f"[dim]{escape(str(source))}[/dim]" for source in sources)])


def _console() -> "Console":
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=200)
