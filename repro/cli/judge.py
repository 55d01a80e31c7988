"""The command `judge`: verdicts on runs that others made, from one table."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from repro.errors import UserError


class Format(StrEnum):
    """How a judgement is shown."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


def judge(
    table: Annotated[
        str,
        typer.Argument(help="CSV, TSV, JSON lines, parquet, mlflow:EXPERIMENT, wandb:ENTITY/PROJECT, or a judge.yaml."),
    ],
    outcome: Annotated[list[str] | None, typer.Option(help="NAME:lower or NAME:higher; the first is the main.")] = None,
    margin: Annotated[float | None, typer.Option(help="Smaller differences count as none, in its unit.")] = None,
    seed: Annotated[str | None, typer.Option(help="Column of the replicate; runs are paired by its value.")] = None,
    unit: Annotated[str | None, typer.Option(help="Column of what is measured inside a run.")] = None,
    task: Annotated[str | None, typer.Option(help="Column of data sets or environments.")] = None,
    details: Annotated[str | None, typer.Option(help="Columns that are compared: NAME,NAME.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="DETAIL=OPTION; else the most frequent.")] = None,
    tracking_uri: Annotated[str | None, typer.Option(help="Of MLflow.")] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="A log of kept changes. Exit status: 0 keep, 10 discard, 11 repeat.")
    ] = False,
    budget: Annotated[int | None, typer.Option(help="Plan what to run next, in at most so many runs.")] = None,
    emit: Annotated[str | None, typer.Option(help="Write these runs below --out: hydra, wandb or shell.")] = None,
    command: Annotated[str, typer.Option(help="What --emit starts a run with.")] = "python train.py",
    stack: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="BASE FINAL", help="Which differences of two YAMLs are needed.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of judge.yaml and the page.")] = Path("judge"),
    format: Annotated[Format, typer.Option(help="Shown, or, html, written below --out.")] = Format.TABLE,  # noqa: A002
) -> None:
    """Say which details matter in runs that exist: found, not planned, so exploratory. Exit status 2: no verdict."""
    if emit is not None or budget is not None:
        from repro.judge.emitting import check_request

        check_request(emit, budget, command, loop)
    if loop:
        _judge_loop(table, outcome or [], tracking_uri, format)
    import warnings

    from repro.judge.declaration import NAME, Flags, read_declaration, write_declaration
    from repro.judge.table import read_table
    from repro.judge.verdicts import judge_table

    flags = Flags(tuple(outcome or ()), margin, seed, unit, task, details, tuple(baseline or ()))
    declared = read_declaration(table, flags)
    if stack:
        _judge_stack(stack, declared, tracking_uri, format, out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that cannot be had: they are said in words
        found = judge_table(read_table(declared.table, tracking_uri), declared)
        write_declaration(found.declared, out / NAME)
        found = _plan_next(found, emit, budget, command, out)
        _show(found, format, out)
    if found.refused:
        raise UserError(f"no verdict: {found.refused}")


def _judge_loop(table: str, outcomes: list[str], tracking_uri: str | None, shown: Format) -> NoReturn:
    """Judges the log of a loop of changes, and ends with the status of its last idea."""
    import json

    from repro.judge import judge_log

    if shown not in (Format.TABLE, Format.JSON):
        raise UserError(f"a loop is not shown as {shown.value}\n  expected --format table or json")
    metric, _, direction = (outcomes or [""])[0].partition(":")
    if direction not in ("", "lower", "higher"):
        raise UserError(f"{outcomes[0]} has no direction\n  expected {metric}:lower or {metric}:higher")
    found = judge_log(
        table,
        lower_is_better=None if not direction else direction == "lower",
        metric=metric,
        tracking_uri=tracking_uri,
    )
    print(json.dumps(found.to_dict(), indent=2) if shown is Format.JSON else found.to_text())
    raise typer.Exit(found.status)


def _plan_next(found: "Judgement", emit: str | None, budget: int | None, command: str, out: Path) -> "Judgement":  # type: ignore[name-defined]  # noqa: F821
    """Adds what to run next to a judgement, if that was asked for, and writes it for a launcher."""
    if found.refused or (emit is None and budget is None):
        return found
    from repro.judge.emitting import write_batch
    from repro.judge.next_runs import plan_batch

    batch = plan_batch(found, budget)
    if emit is not None:
        files = write_batch(batch, emit, out, command)
        wrote = f"wrote {', '.join(map(str, files))}" if files else "no runs, so no file"
        batch = batch._replace(said=(*batch.said, wrote))
    return found._replace(batch=batch)


def _judge_stack(
    files: tuple[Path, Path],
    declared: "Declaration",  # type: ignore[name-defined]  # noqa: F821
    tracking_uri: str | None,
    shown: Format,
    out: Path,
) -> NoReturn:
    """Says which parts of a stack are needed, and ends; or writes the runs that would tell."""
    import warnings

    from repro.judge.stack_files import judge_files

    if shown not in (Format.TABLE, Format.JSON):
        raise UserError(f"a stack is not shown as {shown.value}\n  expected --format table or json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that cannot be had: they are said in words
        text, reason = judge_files(files, declared, tracking_uri, out, as_json=shown is Format.JSON)
    print(text)
    if reason:
        raise UserError(f"no verdict: {reason}")
    raise typer.Exit(0)


def _show(found: "Judgement", format: Format, out: Path) -> None:  # type: ignore[name-defined]  # noqa: A002, F821
    from repro.judge import showing
    from repro.storage import written_file

    match format:
        case Format.TABLE:
            print(showing.show_table(found._replace(refused="")))
        case Format.JSON:
            print(showing.show_json(found))
        case Format.MARKDOWN:
            print(showing.show_markdown(found))
        case Format.HTML:
            page = out / "index.html"
            with written_file(page) as partial:
                partial.write_text(showing.show_page(found), encoding="utf-8")
            print(f"wrote {page}")


COMMANDS = (judge,)
