"""A judgement on a stack, or the plan of its runs: for a terminal, as Markdown for a pull request, as JSON."""

from typing import Any

from repro.audit.statistics.stack import StackAnswer
from repro.judge.showing.summary import escape
from repro.judge.stack import StackJudgement
from repro.judge.stack_plan import StackPlan, plan_content

SENTENCE = 600
"""Characters of a sentence in Markdown."""


def summarise_plan(plan: StackPlan) -> str:
    """Says in a sentence what runs are to be made, and what for."""
    mixtures = len(plan.runs) // max(plan.seeds, 1)
    return (
        f"{plan.cost} runs to make for {plan.purpose}: {plan.design}, {mixtures} mixtures by {plan.seeds} seeds, "
        f"{len(plan.runs) - plan.cost} of them in the table already"
    )


def show_plan(plan: StackPlan) -> str:
    """Returns a plan for a terminal."""
    lines = [
        f"{summarise_plan(plan)} (baseline: the final configuration)",
        f"  {plan.seeds} seeds: {plan.why_seeds}",
        *(f"  aliases: {sentence}" for sentence in plan.aliases),
        *(f"  {sentence}" for sentence in plan.said),
        "",
        plan.runs.to_string(index=False, na_rep=""),
    ]
    return "\n".join(lines)


def show_answers(found: StackJudgement) -> str:
    """Returns a judgement for a terminal."""
    answer = found.answer
    width = max(len(part.key) for part in answer.parts)
    lines = [answer.summarise(), "", f"{answer.outcome}, margin {answer.margin:g}: without the part less with it"]
    lines += [
        f"  {part.key:{width}}  {part.answer}: {part.estimate:+.3g} (95 % {part.low:.3g} to {part.high:.3g}, "
        f"{part.where}) [{part.final} -> {part.base}]; {part.reason}"
        for part in answer.parts
    ]
    lines += ["", "smallest stack", *(f"  {s}" for s in tell_smallest(answer)), "", "tested"]
    lines += [*(f"  {s}" for s in answer.tested), "not tested", *(f"  {s}" for s in answer.untested)]
    if found.said:
        lines += ["", "found", *(f"  {s}" for s in found.said)]
    return "\n".join(lines)


def tell_smallest(answer: StackAnswer) -> list[str]:
    """Says what the smallest stack is, how it was found and what its test says."""
    best, said = answer.smallest, []
    if best.dropped:
        said = [
            f"without {', '.join(best.dropped)}; with {', '.join(best.kept) or 'none of the differences'}",
            f"predicted {best.predicted:+.3g} against the whole (joint interval {best.low:.3g} to {best.high:.3g}), "
            f"{best.basis}",
        ]
    if answer.telling:
        told = "; ".join(", ".join(row) for row in answer.telling)
        said.append(f"which pairs interact would be told by taking out: {told}")
    return [*said, best.test]


def markdown_answers(found: StackJudgement) -> str:
    """Returns a judgement fit for a pull request: a sentence, a table, the rest below a fold."""
    answer = found.answer
    rows = [
        f"| {escape(part.key)} | {escape(f'{part.final} → {part.base}')} | {part.estimate:+.3g} | {part.low:.3g} to "
        f"{part.high:.3g} | {part.where} | {escape(part.answer)} |"
        for part in answer.parts
    ]
    table = [
        f"| part | final → base | {escape(answer.outcome)} without it | 95 % | where | answer |",
        "|---|---|---:|---|---|---|",
        *rows,
    ]
    folds = [
        ("Smallest stack", tell_smallest(answer)),
        ("Tested", answer.tested),
        ("Not tested", answer.untested),
        ("How the table was read", found.said),
    ]
    if found.further:
        folds.insert(1, ("Runs to make", [summarise_plan(found.further), found.further.why_seeds]))
    told = [f"**{name}**\n\n" + "\n".join(f"- {escape(s, SENTENCE)}" for s in said) for name, said in folds if said]
    details = "<details><summary>What it rests on</summary>\n\n" + "\n\n".join(told) + "\n\n</details>"
    return "\n\n".join([f"**repro judge**: {escape(answer.summarise(), SENTENCE)}", "\n".join(table), details])


def markdown_plan(plan: StackPlan) -> str:
    """Returns a plan fit for a pull request: a sentence, and a row for each mixture."""
    keys = [str(name) for name in plan.runs.columns if name not in ("run", "status")]
    seed, parts = keys[-1], keys[:-1]
    groups = plan.runs.groupby(parts, sort=False, dropna=False)
    rows = [
        f"| {' | '.join(map(escape, map(str, options)))} | {', '.join(map(str, own[seed]))} | "
        f"{int((own['status'] == 'to run').sum())} |"
        for options, own in groups
    ]
    head = [f"| {' | '.join(map(escape, parts))} | {escape(seed)} | to run |", "|---" * (len(keys) + 1) + "|"]
    said = "\n".join(
        f"- {escape(s, SENTENCE)}" for s in [f"{plan.seeds} seeds: {plan.why_seeds}", *plan.aliases, *plan.said]
    )
    why = f"no verdict on the stack: {plan.reason}. {summarise_plan(plan)}"
    told = f"**repro judge**: {escape(why, SENTENCE)}"
    return "\n\n".join([told, "\n".join([*head, *rows]), said])


def answers_content(found: StackJudgement) -> dict[str, Any]:
    """Returns a judgement as JSON holds it."""
    answer = found.answer
    return {
        "summary": answer.summarise(),
        "outcome": answer.outcome,
        "margin": answer.margin,
        "parts": [part._asdict() for part in answer.parts],
        "smallest": answer.smallest._asdict(),
        "tested": answer.tested,
        "not_tested": answer.untested,
        "said": found.said,
        "telling": list(answer.telling),
        "further": plan_content(found.further) if found.further else None,
    }
