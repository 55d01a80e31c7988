"""A study run until it is decided: batch, look, next batch, each written to the plan before anything follows from it.

    plan's own runs ─► look ─► batch written ─► its runs ─► look written ─► ... ─► settled, spent or hopeless

Killed anywhere, the same command finds in the plan the batch that was chosen, makes what it lacks of it, looks, and
goes on as if nothing had happened: what comes next is a function of the plan and its results (`statistics.adaptive`).
One sweep of a study runs at a time; a second one waits. A run that fails is an outcome, as everywhere; where all runs
of a batch fail, something else is wrong, and nothing follows.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from repro import paths
from repro.audit.statistics.adaptive import Next, check_adaptive, choose_batch, main_effects
from repro.audit.statistics.analysis import judge_look
from repro.audit.statistics.completion import take_look
from repro.audit.statistics.effects import Effect
from repro.audit.study.batches import Source
from repro.audit.study.budget import RUNS, Amount, Machine, price_budget
from repro.audit.study.cost import estimate_cost
from repro.audit.study.freezing import load_plan, locate_plan, record_batch, record_budget, record_look
from repro.audit.study.plan import Budget, Plan
from repro.audit.study.space import Space
from repro.case import Case
from repro.errors import UserError
from repro.processes import alone
from repro.runs.collection import read_results
from repro.runs.record import read_record


class Look(NamedTuple):
    """What a batch has come to.

    Attributes:
        plan: with all batches so far, and the look at their end.
        effects: of each detail on the main metric.
        verdicts: by detail.
        next: what follows.
    """

    plan: Plan
    effects: Mapping[str, Sequence[Effect]]
    verdicts: Mapping[str, str]
    next: Next


def sweep_until_decided(
    case: Case,
    study: str,
    amount: Amount | None,
    machine: Machine,
    make: Callable[[Plan], object],
    show: Callable[[Look], None],
) -> bool:
    """Runs a study, batch by batch, until it is decided or its budget is spent.

    Args:
        case: under audit.
        study: its name; frozen.
        amount: its budget in all, from the first batch on; None: what its plan says.
        machine: that a budget in time is spent on.
        make: makes the runs that a plan and its batches lack.
        show: is told of every look.

    Returns:
        Whether all runs have been made: otherwise the same command goes on.

    Raises:
        UserError: the study cannot be adaptive, or has no budget, or one that does not pay for the plan's own runs.
    """
    waiting = f"{study}: another process sweeps it until it is decided; waiting"
    with alone(paths.state() / "locks" / f"adaptive-{study}.lock", waiting):
        plan = load_plan(locate_plan(paths.PLANS, study))
        check_adaptive(plan)
        plan = _set_budget(plan, amount, machine)
        while True:
            make(plan)
            if _is_broken(plan):
                return False
            plan = _set_price(plan, amount, machine)
            look = look_at(case, plan)
            show(look)
            if look.next.batch is None:
                return True
            plan = record_batch(look.plan, look.next.batch, paths.PLANS)


def look_at(case: Case, plan: Plan) -> Look:
    """Judges what there is, keeps the look with the plan, and decides what follows.

    Raises:
        UserError: evidence is broken, or a batch cannot be had.
    """
    results = read_results(case, plan, links=False)
    effects, verdicts = judge_look(plan, results)
    if plan.batches or not plan.draws_fractions:  # of fractions, the plan's own runs are a pilot that settles nothing
        plan = record_look(plan, take_look(plan, results, verdicts, datetime.now(UTC)), paths.PLANS)
    assert plan.budget is not None
    source = Source(Space(case.params, plan.values), case.identify)
    found = choose_batch(plan, effects, plan.budget.left(plan), source)
    words = dict(zip(verdicts["detail"], verdicts["verdict"], strict=True))
    return Look(plan, main_effects(plan, effects), words, found)


def _is_broken(plan: Plan) -> bool:
    """Says whether a run has not been made, or all runs of the last batch have failed."""
    states = {run.id: record.status if (record := read_record(run.id)) else None for run in plan.grown().runs}
    last = plan.batches[-1].runs if plan.batches else plan.runs
    return None in states.values() or all(states[run.id] == "failed" for run in last)


def _set_budget(plan: Plan, amount: Amount | None, machine: Machine) -> Plan:
    """Writes the budget that was asked for, unless it stands in the plan already."""
    if amount is None:
        if plan.budget is None:
            raise UserError(f"study {plan.study} has no budget yet: --budget 2h, or --runs 200")
        if plan.budget.runs is None:  # how many runs at once, and on what, is said with it
            said = plan.budget.said
            raise UserError(f"study {plan.study}: {said} has not been turned into runs yet; once more: --budget {said}")
        return plan
    if plan.budget is not None and plan.budget.said == amount.said:
        return plan
    there = plan.budget.there if plan.budget else sum(read_record(run.id) is not None for run in plan.grown().runs)
    seconds = plan.budget.run_seconds if plan.budget else None
    if seconds is None and amount.unit != RUNS:
        seconds = estimate_cost(plan, paths.PLANS, paths.RUNS).seconds
    budget = price_budget(amount, there, seconds, machine)
    lacking = len(plan.grown().runs) - there
    if budget.runs is not None and budget.runs < lacking:
        raise UserError(
            f"study {plan.study}: a budget of {budget.said} pays for {budget.runs} runs, and {lacking} of the plan's "
            f"own are still to be made\n  --runs {lacking} or more, or fewer seeds in the plan"
        )
    return record_budget(plan, budget, paths.PLANS)


def _set_price(plan: Plan, amount: Amount | None, machine: Machine) -> Plan:
    """Turns a budget in time into runs once the plan's own runs have shown what one takes."""
    budget = plan.budget
    assert budget is not None
    if budget.runs is not None:
        return plan
    assert amount is not None
    seconds = estimate_cost(plan, paths.PLANS, paths.RUNS).seconds
    if seconds is None:
        raise UserError(f"study {plan.study}: no run has ended well, so that {budget.said} cannot be turned into runs")
    return record_budget(plan, price_budget(amount, budget.there, seconds, machine), paths.PLANS)


def describe_budget(plan: Plan, budget: Budget) -> str:
    """Says what has been spent of a budget, in one line."""
    spent = len(plan.grown().runs) - budget.there
    priced = f" at {budget.run_seconds:.3g} s a run" if budget.run_seconds else ""
    return f"{spent} of {budget.runs} runs spent ({budget.said}{priced})"
