"""An adaptive study between two batches: what is open, what it costs to ask further, and the batch that does so.

Everything is read off the plan, with its batches, and the effects at this look; so whoever has both goes on alike.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.next_batch import Decision, Question, decide, is_open, leave_levels
from repro.audit.statistics.outcomes import FULL
from repro.audit.study.batches import Source, add_fractions, add_seeds, draw_fraction, list_fractions, seeds_of_fraction
from repro.audit.study.plan import Batch, Plan
from repro.errors import UserError


class Next(NamedTuple):
    """What follows a look.

    Attributes:
        decision: with the reason.
        batch: to be run; None: the study stops.
    """

    decision: Decision
    batch: Batch | None


def check_adaptive(plan: Plan) -> None:
    """Refuses a study that cannot be run until it is decided.

    Raises:
        UserError: it varies nothing, or does not say how far it may grow.
    """
    declared, each = plan.declared, seeds_of_fraction(plan)
    if not plan.levels:
        raise UserError(f"study {plan.study} varies no detail: there is nothing to decide")
    if declared.sequential is None:
        raise UserError(
            f"study {plan.study} is planned for one look; to run it until it is decided, declare how many seeds it may "
            "grow to,\n  e.g. sequential: {most_seeds: 60}, and plan it again: repro plan"
        )
    if declared.sequential.most_seeds < 2 * each:
        most = declared.sequential.most_seeds
        raise UserError(f"study {plan.study}: sequential: most_seeds: {most}: expected {2 * each} or more")


def step_cost(plan: Plan, source: Source) -> int:
    """Returns the runs of a step that serve all open details: of a fraction, a factorial or a baseline."""
    if plan.draws_fractions:
        drawn = list_fractions(plan)
        return len(drawn[0]) if drawn else len(draw_fraction(plan, 0, source.space))
    if plan.declaration["design"] == "one_at_a_time":
        return 1
    return sum(variant.role in ("baseline", "arm") for variant in plan.variants)


def choose_batch(plan: Plan, effects: pd.DataFrame, left: int, source: Source) -> Next:
    """Decides what follows a look.

    Args:
        plan: with the batches so far, all run.
        effects: as in `Analysis`.
        left: runs that the budget still pays.
        source: of the rows of fractions.
    """
    rows = main_effects(plan, effects)
    decision = choose_details(plan, rows, left, step_cost(plan, source))
    if not decision.details:
        return Next(decision, None)
    if plan.draws_fractions:
        return Next(decision, add_fractions(plan, decision.steps, source, decision.why))
    arms = [variant for variant in plan.variants if variant.role == "arm"]
    if plan.declaration["design"] == "one_at_a_time":
        arms = [variant for variant in arms if variant.settings.keys() & set(decision.details)]
    return Next(decision, add_seeds(plan, [variant.id for variant in arms], decision.steps, decision.why))


def choose_details(plan: Plan, rows: Mapping[str, Sequence[Effect]], left: int, shared: int) -> Decision:
    """Decides which details go on, given the effects of each and the runs that a step costs all of them together."""
    declared = plan.declared
    assert declared.sequential is not None
    each = seeds_of_fraction(plan) if plan.draws_fractions else 1
    margin = next(iter(declared.metrics.values())).margin
    rules = leave_levels(rows, correction_of(declared), margin, declared.sequential.most_seeds, each)
    alone = declared.design == "one_at_a_time"
    questions = [_ask(detail, found, each, alone) for detail, found in rows.items() if is_open(found)]
    return decide(questions, rules, left, shared)


def main_effects(plan: Plan, effects: pd.DataFrame) -> dict[str, list[Effect]]:
    """Returns the effects of each detail on the main metric, none where only a pilot was run."""
    metric = next(iter(plan.declaration["metrics"]))
    effects = effects[effects["kind"] == "fractions"] if plan.draws_fractions else effects
    found = effects_by_detail(effects) if len(effects) else {}
    return {detail: found.get((detail, metric, FULL)) or _unknown(plan, detail, metric) for detail in plan.levels}


def _unknown(plan: Plan, detail: str, metric: str) -> list[Effect]:
    """Returns rows for options that nothing is known of."""
    blank: dict[str, Any] = dict.fromkeys(Effect._fields, np.nan)
    blank |= {"detail": detail, "metric": metric, "train_fraction": FULL}
    blank |= {"seeds": 0, "family": 0, "details": len(plan.levels), "failed": 0, "runs": (), "baseline_runs": ()}
    blank |= {"kind": "unknown", "baseline": show_value(plan.levels[detail][0])}
    return [Effect(**{**blank, "option": show_value(option)}) for option in plan.levels[detail][1:]]


def _ask(detail: str, rows: Sequence[Effect], each: int, alone: bool) -> Question:
    seeds = min(int(row.seeds) for row in rows)
    estimates, se = (np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in ("estimate", "se"))
    return Question(
        detail,
        estimates,
        se * np.sqrt(seeds / each),
        seeds,
        len(rows) if alone else 0,
        flips=alone,
        steady=float(np.nanmax([row.fixed for row in rows] or [0.0])) if not alone and seeds else 0.0,
    )
