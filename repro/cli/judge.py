"""The command `judge`: verdicts on runs that others made, from one table."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from repro.errors import UserError
from repro.refusals import check_folder

FOLDER = Path("judge")
"""Where files go if nothing else is said."""


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
    out: Annotated[
        Path | None, typer.Option(help="Folder to write page, summary.md, badge.svg and judge.yaml into.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How it is shown; html is written.")] = Format.TABLE,  # noqa: A002
) -> None:
    """Say which details matter in runs that exist: found, not planned, so exploratory. Exit status 2: no verdict."""
    if emit is not None or budget is not None:
        from repro.judge.emitting import check_request

        check_request(emit, budget, command, loop)
    if loop:
        _judge_loop(table, outcome or [], tracking_uri, format)
    from repro.judge.declaration import Flags, check_declaration, read_declaration
    from repro.judge.output_folder import check_output_folder

    flags = Flags(tuple(outcome or ()), margin, seed, unit, task, details, tuple(baseline or ()))
    declared, folder = read_declaration(table, flags), out or FOLDER
    check_folder(folder)
    check_output_folder(folder)
    if stack:
        _judge_stack(stack, declared, tracking_uri, format, out)
    if out is not None or format is Format.HTML:
        from repro.judge.showing.files import check_files

        check_files(folder)
    check_declaration(declared)
    import warnings

    from repro.judge.table import read_table
    from repro.judge.verdicts import judge_table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that cannot be had: they are said in words
        found = judge_table(read_table(declared.table, tracking_uri), declared)
        found = _plan_next(found, emit, budget, command, folder)
        _show(found, format, folder, everything=out is not None)
    if found.refused:
        raise UserError(f"no verdict: {found.refused}")


def _judge_loop(table: str, outcomes: list[str], tracking_uri: str | None, shown: Format) -> NoReturn:
    """Judges the log of a loop of changes, and ends with the status of its last idea."""
    import json

    from repro.judge.source import check_source

    if shown not in (Format.TABLE, Format.JSON):
        raise UserError(f"a loop is not shown as {shown.value}\n  expected --format table or json")
    metric, _, direction = (outcomes or [""])[0].partition(":")
    if direction not in ("", "lower", "higher"):
        raise UserError(f"{outcomes[0]} has no direction\n  expected {metric}:lower or {metric}:higher")
    check_source(table)
    from repro.judge import judge_log

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
    if (found.refused and not found.options) or (emit is None and budget is None):
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
    out: Path | None,
) -> NoReturn:
    """Says which parts of a stack are needed, and ends; or writes the runs that would tell."""
    import warnings

    from repro.judge.stack_files import judge_files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that cannot be had: they are said in words
        text, reason = judge_files(
            files, declared, tracking_uri, out or FOLDER, shown.value, everything=out is not None
        )
    print(text)
    if reason:
        raise UserError(f"no verdict: {reason}")
    raise typer.Exit(0)


def _show(
    found: "Judgement",  # type: ignore[name-defined]  # noqa: F821
    shown: Format,
    folder: Path,
    everything: bool,
) -> None:
    """Prints a judgement and writes what was inferred; with everything, all its files."""
    from repro.judge.declaration import NAME, write_declaration

    files = [folder / NAME]
    if everything or shown is Format.HTML:
        from repro.judge.showing.files import write_files

        files = write_files(found, folder)
    else:
        write_declaration(found.declared, *files)
    match shown:
        case Format.TABLE:
            from repro.judge.showing.terminal import show_table

            print(show_table(found))
        case Format.JSON:
            from repro.judge.showing.record import show_json

            print(show_json(found))
        case Format.MARKDOWN:
            from repro.judge.showing.summary import show_markdown

            print(show_markdown(found))
        case Format.HTML:
            pass
    if shown in (Format.TABLE, Format.HTML):
        beside = "".join(f", {file.name}" for file in files[1:])
        print(f"wrote {files[0]}{beside}")


COMMANDS = (judge,)
