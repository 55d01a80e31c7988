"""What a page says of a study that was run until it was decided: what its effects rest on, and how it was spent."""

import html

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.subject import Subject, long, paragraph
from repro.audit.page.tables import table_html
from repro.audit.study.batches import list_fractions


def describe_fractions(subject: Subject) -> str:
    """Returns what the effects of details rest on, where batches have brought fractions of their own."""
    effects = subject.take(subject.analysis.effects)
    fresh = effects[effects["kind"] == "fractions"]
    if fresh.empty:
        return ""
    seeds = int(fresh["seeds"].max())
    return paragraph(
        f"Effects of details are means over {count_of(len(list_fractions(subject.plan)), 'fraction')} of the design, "
        f"each drawn afresh with columns, signs and seeds of its own, {count_of(seeds, 'seed')} in all: noise, seeds "
        "and interactions are all in the spread of these estimates, on which intervals and tests rest. The plan's own "
        "runs are a pilot beside them: curve, error terms, interactions, units and components of variance are theirs."
    )


def show_batches(subject: Subject) -> str:
    """Returns what was run next, why, and what was settled by then; empty for a study without batches."""
    plan = subject.plan
    if not plan.batches:
        return ""
    batched = {run.id for batch in plan.batches for run in batch.runs}
    rows, spent = [], sum(run.id not in batched for run in plan.runs)  # its own runs; those of batches may be in it
    looks = {look.runs: look for look in plan.looks}
    for number, batch in enumerate(plan.batches, start=1):
        spent += len(batch.runs)
        look = looks.get(spent)
        seeds = {run.seed for run in batch.runs}
        rows.append(
            {
                "batch": number,
                "runs": len(batch.runs),
                "seeds": len(seeds),
                "why": long(html.escape(batch.why)),
                "runs by then": spent,
                "settled by then": str(len(look.settled)) if look is not None else "not looked at",
            }
        )
    table = pd.DataFrame(rows).set_index("batch")
    said = (
        "The study was run in batches, each chosen from what had been found before: what results decide is how far to "
        "go and which details to ask further, never which rows come next, so that verdicts hold at any stop."
    )
    if plan.budget is not None:
        budget = plan.budget
        priced = f", at a median of {budget.run_seconds:.3g} s a run" if budget.run_seconds else ""
        left = budget.left(plan)
        said += (
            f" Its budget was {html.escape(budget.said)}: {count_of(budget.runs or 0, 'run')}{priced}; {left} are left."
        )
    return paragraph(said) + table_html(table, "Batches", {"why": str, "settled by then": str})
