"""What `sweep --until decided` says after each batch: what every detail has come to, and what is run next."""

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING

from repro.audit.statistics.next_batch import HOPE, Promise
from repro.audit.statistics.verdicts import UNDECIDED
from repro.audit.study.budget import Amount, Machine
from repro.audit.study.plan import Plan
from repro.runs.adaptive import Look, describe_budget, sweep_until_decided

if TYPE_CHECKING:
    from rich.console import Console

    from repro.case import Case


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
    console.print("", *_tabulate(look), sep="\n")
    console.print(f"{look.plan.study}: {describe_budget(look.plan, look.plan.budget)}")
    if look.next.batch is None:
        console.print(f"done: {look.next.decision.why}")
    else:
        console.print(f"next: {len(look.next.batch.runs)} runs; {look.next.decision.why}")


def _tabulate(look: Look) -> list[str]:
    """Returns the lines of a table, a row for each option, of the same width on a terminal and in a file."""
    unit = next(iter(look.plan.declared.metrics.values())).unit
    head = (
        "detail",
        "option",
        "verdict so far",
        f"effect{f', {unit}' * bool(unit)}",
        "95 %",
        "seeds",
        "runs",
        "chance",
    )
    promises = {promise.question.detail: promise for promise in look.next.decision.promises}
    rows = [head]
    for detail, options in look.effects.items():
        verdict = look.verdicts.get(detail, UNDECIDED)
        for place, row in enumerate(options):
            known = isfinite(row.estimate) and row.seeds > 0
            interval = f"{row.low:+.3g} to {row.high:+.3g}" if isfinite(row.low) else ""
            numbers = (f"{row.estimate:+.3g}", interval) if known else ("", "")
            counts = str(row.seeds), str(len({*row.runs, *row.baseline_runs}))
            of_detail = (detail, verdict if known else UNDECIDED, _tell_chance(promises.get(detail)))
            name, said, chance = ("", "", "") if place else of_detail  # which is said beside its first option
            rows.append((name, row.option, said, *numbers, *counts, chance))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return [
        "  ".join(
            text.rjust(width) if column in (3, 5, 6) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _tell_chance(promise: Promise | None) -> str:
    """Says what further runs promise an open detail."""
    if promise is None:
        return ""
    return f"{promise.best:.0%}" if promise.best >= HOPE else f"{promise.best:.0%}, left alone"
