"""A judgement on a stack, or the plan of its runs, for a terminal and as JSON."""

import json
from pathlib import Path
from typing import Any

from repro.judge.stack_answers import StackJudgement
from repro.judge.stack_plan import StackPlan, plan_content


def show_plan(plan: StackPlan, files: list[Path]) -> str:
    """Returns a plan for a terminal."""
    mixtures = len(plan.runs) // max(plan.seeds, 1)
    lines = [
        f"runs to make, for {plan.purpose} (baseline: the final configuration)",
        f"  {plan.design}: {mixtures} mixtures x {plan.seeds} seeds = {len(plan.runs)} runs, {plan.cost} to make",
        f"  {plan.seeds} seeds: {plan.why_seeds}",
        *(f"  aliases: {sentence}" for sentence in plan.aliases),
        *(f"  {sentence}" for sentence in plan.said),
        "",
        plan.runs.to_string(index=False, na_rep=""),
        "",
        f"wrote {' and '.join(map(str, files))}",
    ]
    return "\n".join(lines)


def show_answers(found: StackJudgement) -> str:
    """Returns a judgement for a terminal."""
    best = found.smallest
    width = max(len(part.key) for part in found.parts)
    lines = [f"which parts are needed ({found.outcome}, margin {found.margin:g}; without the part less with it)"]
    lines += [
        f"  {part.key:{width}}  {part.answer}: {part.estimate:+.3g} (95 % {part.low:.3g} to {part.high:.3g}, "
        f"{part.where}) [{part.final} -> {part.base}]; {part.reason}"
        for part in found.parts
    ]
    lines += ["", "smallest stack"]
    if best.dropped:
        lines += [
            f"  without {', '.join(best.dropped)}; with {', '.join(best.kept) or 'none of the differences'}",
            f"  predicted {best.predicted:+.3g} against the whole (joint interval {best.low:.3g} to {best.high:.3g}), "
            f"{best.basis}",
        ]
    if found.telling:
        lines.append(f"  which pairs interact would be told by taking out: {'; '.join(map(', '.join, found.telling))}")
    lines += [f"  {best.test}", "", "tested", *(f"  {s}" for s in found.tested)]
    lines += ["not tested", *(f"  {s}" for s in found.untested)]
    if found.said:
        lines += ["", "found", *(f"  {s}" for s in found.said)]
    return "\n".join(lines)


def answers_content(found: StackJudgement) -> dict[str, Any]:
    """Returns a judgement as JSON holds it."""
    return {
        "outcome": found.outcome,
        "margin": found.margin,
        "parts": [part._asdict() for part in found.parts],
        "smallest": found.smallest._asdict(),
        "tested": found.tested,
        "not_tested": found.untested,
        "said": found.said,
        "telling": list(found.telling),
        "confirming": plan_content(found.confirming) if found.confirming else None,
    }


def dump(content: dict[str, Any]) -> str:
    """Returns JSON text; what is no finite number is null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        return None if isinstance(value, float) and not abs(value) < float("inf") else value

    return json.dumps(clean(content), indent=2)
