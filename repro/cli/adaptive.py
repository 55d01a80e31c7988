"""What `sweep --until decided` says: its budget as it is typed, and after each batch what every detail has come to."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from repro.audit.statistics.next_batch import HOPE, Promise
from repro.audit.statistics.verdicts import UNDECIDED
from repro.audit.study.budget import RUNS, Amount, Machine, parse_budget
from repro.audit.study.plan import Plan
from repro.errors import UserError
from repro.runs.adaptive import Look, describe_budget, sweep_until_decided

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from repro.case import Case


def read_budget(until: str | None, budget: str | None, runs: int | None, *, told_slots: bool) -> Amount | None:
    """Returns the budget that was asked for; None: that of the plan.

    Args:
        until: as given.
        budget: in time.
        runs: in runs.
        told_slots: whether it is known how many runs are made at once.

    Raises:
        UserError: there are two, or one that belongs to nothing, or a clock's without knowing how many run at once.
    """
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


def decide(
    case: "Case",
    study: str,
    amount: Amount | None,
    machine: Machine,
    make: Callable[[Plan], int],
    console: "Console",
) -> bool:
    """Runs a study until it is decided, and shows every look; returns whether it came to its end."""
    ended = sweep_until_decided(case, study, amount, machine, make, lambda look: show_look(look, console))
    if not ended:
        console.print(f"{study}: runs of the last batch are missing, or all of them failed; the same command goes on")
    return ended


def show_look(look: Look, console: "Console") -> None:
    """Shows what every detail has come to, what has been spent, and what comes next and why."""
    assert look.plan.budget is not None
    console.print(_tabulate(look))
    console.print(f"{look.plan.study}: {describe_budget(look.plan, look.plan.budget)}")
    if look.next.batch is None:
        console.print(f"done: {look.next.decision.why}")
    else:
        console.print(f"next: {len(look.next.batch.runs)} runs; {look.next.decision.why}")


def _tabulate(look: Look) -> "Table":
    from rich import box
    from rich.table import Table

    unit = next(iter(look.plan.declared.metrics.values())).unit
    table = Table("detail", "option", "verdict so far", box=box.SIMPLE_HEAD)
    for name in (f"effect{f', {unit}' * bool(unit)}", "95 %", "seeds", "runs", "chance"):
        table.add_column(name, justify="right")
    promises = {promise.question.detail: promise for promise in look.next.decision.promises}
    for detail, rows in look.effects.items():
        for place, row in enumerate(rows):
            known = row.seeds > 0 and row.estimate == row.estimate
            effect = f"{row.estimate:+.3g}" if known else ""
            interval = f"{row.low:+.3g} to {row.high:+.3g}" if known and row.low == row.low else ""
            runs = len({*row.runs, *row.baseline_runs})
            verdict = look.verdicts.get(detail, UNDECIDED) if known else UNDECIDED
            table.add_row(
                "" if place else detail,
                row.option,
                "" if place else verdict,
                effect,
                interval,
                str(row.seeds),
                str(runs),
                "" if place else _tell_chance(promises.get(detail)),
            )
    return table


def _tell_chance(promise: Promise | None) -> str:
    """Says what further runs promise an open detail."""
    if promise is None:
        return ""
    return f"{promise.best:.0%}" if promise.best >= HOPE else f"{promise.best:.0%}, left alone"
