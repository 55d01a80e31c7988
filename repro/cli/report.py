"""Commands on what has been run: `publish`, `report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from repro import paths
from repro.errors import UserError
from repro.extras import require
from repro.refusals import check_folder


def publish(
    commits: Annotated[list[str] | None, typer.Argument(help="Commits whose results are published as well.")] = None,
) -> None:
    """Rebuild the MLflow index from the results that DVC keeps, e.g. after mlflow.db was deleted.

    Exit status 1: some experiments or commits could not be published, and each has said why.
    """
    require("study", "mlflow")
    from repro.case import load_case
    from repro.tracking import rebuild

    attempts = rebuild(load_case(), commits or ())
    for attempt in attempts:
        reason = "; ".join(line.strip() for line in attempt.reason.splitlines())
        print(f"{attempt.label}: {f'run {attempt.run}' if attempt.run else f'not published: {reason}'}")
    if not any(attempt.run for attempt in attempts):
        raise UserError(
            "nothing was published, for the reasons above\n  where there are no results, `dvc repro` makes some"
        )
    lost = [attempt.label for attempt in attempts[:-1] if not attempt.run]  # the last is the working tree
    if lost:
        print(f"repro: {len(lost)} of {len(attempts)} are not published: {', '.join(lost)}", file=sys.stderr)
        raise SystemExit(1)


def report(
    study: Annotated[Path | None, typer.Argument(help="A study, e.g. ablations/smoke.yaml; none: the variant.")] = None,
) -> None:
    """Build the notebook and the page: of the active variant, or of a study, whose plan keeps that it was looked at."""
    require("study")
    if study is None:
        from repro.case import import_attribute, load_case

        case = load_case()
        if not case.build_report:
            raise UserError(f"the case {case.name} has no report of its active variant; name a study")
        page = import_attribute(case.build_report, f"{case.name}: build_report")(paths.REPORT)
        print(f"wrote {page}")
        return
    from repro.audit.study.declaration import study_name
    from repro.audit.study.freezing import load_plan, locate_plan

    name = study_name(study)
    load_plan(locate_plan(paths.PLANS, name))  # refused before the statistics are imported, which takes seconds
    from repro.kept.folder import MADE

    folder = paths.STUDY_REPORTS / name
    check_folder(folder, {*MADE, paths.STUDY_NOTEBOOK})
    from repro.runs.report import build_study_report, keep_look

    look = keep_look(name)  # before the page, which shows it
    build_study_report(name, folder)
    if look:
        print(f"noted in the plan of {name}: looked at with {look.seeds} seeds complete, {look.runs} runs")
    print(f"wrote {(folder / paths.STUDY_NOTEBOOK).with_suffix('.html')}")


COMMANDS = (publish, report)
