"""The command that runs a study: `sweep`, all that is planned, or batch by batch until it is decided."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from repro import paths
from repro.errors import UserError
from repro.extras import require
from repro.refusals import check_folder

if TYPE_CHECKING:
    from rich.console import Console

    from repro.audit.study.budget import Amount
    from repro.audit.study.plan import Plan
    from repro.case import Case
    from repro.runs.status import Work
    from repro.runs.workers import Workers

CLUSTER = "RAY_ADDRESS"
INTERRUPTED = 130


def sweep(
    study: Annotated[Path, typer.Argument(help="A study, e.g. ablations/smoke.yaml.")],
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="How many runs at once.")] = None,
    retry_failed: Annotated[bool, typer.Option(help="Run runs that have failed or diverged again.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say which runs are out of date, and run none.")] = False,
    gpus_per_run: Annotated[float, typer.Option(min=0.0, help="On a Ray cluster; 0.25: four runs share one.")] = 0.0,
    until: Annotated[
        Literal["decided"] | None, typer.Option(help="decided: go on in batches until every detail is settled.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Of --until, in all: 2h, 90min, 4coreh or 40gpuh; turned into runs once.")
    ] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Of --until: the budget in runs.")] = None,
) -> None:
    """Run the missing runs of a study, here or, with RAY_ADDRESS set, on that Ray cluster.

    With --until decided, what is run next depends on what has been found: details that are settled are left alone, and
    the budget goes where further runs are expected to settle most. Verdicts hold all the same, however often one looks.
    """
    require("study", *(["cluster"] if os.environ.get(CLUSTER) else []))
    from repro.audit.study.budget import Machine
    from repro.case import load_case
    from repro.runs.progress import plain_console
    from repro.runs.status import find_outdated, find_work

    console = plain_console()
    amount = _read_budget(until, budget, runs, told_slots=jobs is not None or not os.environ.get(CLUSTER))
    case = load_case()
    plan = _frozen_plan(case, study)
    if dry_run:
        outdated = find_outdated(case, plan)
        console.print(
            f"{len(outdated)} of {len(plan.grown().runs)} runs are out of date or missing", *outdated, sep="\n  "
        )
        return

    for folder in (paths.RUNS, paths.INPUTS, paths.state() / "runs"):
        check_folder(folder)
    again = retry_failed

    def make(plan: "Plan") -> int:
        nonlocal again
        work = find_work(case, plan, retry_failed=again)
        again = False  # before the first batch, and not after every one
        return _run(case, plan, work, jobs, gpus_per_run, console)

    try:
        if until is not None:
            from repro.cli.adaptive import decide  # statistics take a second to import

            failures = not decide(case, plan.study, amount, Machine(jobs or 1, gpus_per_run), make, console)
        else:
            failures = bool(make(plan))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from where the runs are")
        raise SystemExit(INTERRUPTED) from None
    if failures:
        raise SystemExit(1)


def _read_budget(until: str | None, budget: str | None, runs: int | None, *, told_slots: bool) -> "Amount | None":
    """Returns the budget that was asked for; None: that of the plan.

    Args:
        until: as given.
        budget: in time.
        runs: in runs.
        told_slots: whether it is known how many runs are made at once.

    Raises:
        UserError: there are two, or one that belongs to nothing, or a clock's without knowing how many run at once.
    """
    from repro.audit.study.budget import RUNS, Amount, parse_budget

    if until is None and (budget is not None or runs is not None):
        raise UserError("a budget belongs to --until decided: without it a sweep runs all that is planned")
    if budget is not None and runs is not None:
        raise UserError("--budget and --runs are both a budget: give one of them")
    if runs is not None:
        return Amount(float(runs), RUNS)
    amount = None if budget is None else parse_budget(budget)
    if amount is not None and amount.unit in ("h", "min") and not told_slots:
        raise UserError(f"--budget {budget}: say how many runs the cluster is to make at once: -j 8")
    return amount


def _run(case: "Case", plan: "Plan", work: "Work", jobs: int | None, gpus_per_run: float, console: "Console") -> int:
    """Runs what is missing, records and publishes it; returns how many runs have failed or been lost."""
    from repro.runs.progress import describe, shown
    from repro.runs.publishing import publish_finished
    from repro.runs.recorder import Recorder
    from repro.runs.scheduler import Sweep

    recorder = Recorder()
    with _open_workers(case, jobs, gpus_per_run, bool(work.missing)) as workers, shown(plan.study, console) as show:
        running = Sweep(work, workers, recorder, show)
        try:
            running.run()
        finally:
            refused = recorder.finish()
    for line in (f"not recorded in DVC yet: {refused}" if refused else "", publish_finished(case, plan)):
        if line:
            console.print(line)
    for run, reason in running.failures.items():
        console.print(f"failed: {run}: {reason}")
    for run, reason in running.lost.items():
        console.print(f"lost: {run}: {reason}")
    if running.failures:
        console.print("a failure is an outcome; to run these again: the same command with --retry-failed")
    if running.lost:
        console.print("what the machine has lost is no outcome; the same command tries it again")
    console.print(f"{plan.study}: {describe(running.standing())}")
    return len(running.failures) + len(running.lost)


def _open_workers(
    case: "Case", jobs: int | None, gpus_per_run: float, needed: bool
) -> "AbstractContextManager[Workers]":
    """Returns the workers of this machine or of the cluster; a cluster is not asked when nothing is missing."""
    from repro.runs.workers import LocalWorkers

    address = os.environ.get(CLUSTER)
    if not address or not needed:
        return nullcontext(LocalWorkers(case, jobs or 1))
    from repro.runs.cluster import cluster_workers

    return cluster_workers(case, address, jobs, gpus_per_run)


def _frozen_plan(case: "Case", file: Path) -> "Plan":
    """Returns the frozen plan of a study.

    Raises:
        UserError: it is not frozen, or the study has changed since.
    """
    from repro.audit.study.declaration import load_study
    from repro.audit.study.freezing import load_plan, locate_plan

    named = load_study(file, case.metrics)
    frozen = locate_plan(paths.PLANS, named.name)
    if not frozen.is_file():
        raise UserError(f"{file} has not been planned; freeze its design first: repro plan {file}")
    plan = load_plan(frozen)
    if plan.declaration != named.study.model_dump(mode="json"):
        raise UserError(f"{file} is not what {frozen} was frozen from; note the change: repro plan {file}")
    return plan


COMMANDS = (sweep,)
