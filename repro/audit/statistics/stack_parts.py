"""What is said of each part of a stack: needed, not needed, better without, or not told.

The verdicts on the differences are those of any study. An interaction that they name makes the effect of a part depend
on the others: then it is asked of the whole, from a model of main effects and named interactions. Where a contrast is
one of several pairs, each of them is taken for it in turn, and what holds for all of them is said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.stack_models import Model, predict_all
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS
from repro.audit.study.plan import Plan

NEEDED, NOT_NEEDED, NOT_TOLD = "needed", "not needed (equivalent, within margin)", "not told"
BETTER_WITHOUT = "not needed (better without)"


class Part(NamedTuple):
    """What is said of a difference.

    Attributes:
        key: dotted.
        base: its option in the base.
        final: in the whole.
        answer: needed, not needed, better without, or not told.
        estimate: the outcome without it less that with it: averaged over the others or, where an interaction was
            found, in the whole.
        low: of its 95 % interval; where an interaction was found, simultaneous over the parts and over its rivals.
        high: likewise.
        where: "averaged over the others" or "in the whole".
        reason: of the verdict.
    """

    key: str
    base: str
    final: str
    answer: str
    estimate: float
    low: float
    high: float
    where: str
    reason: str


def answer_parts(
    plan: Plan, effects: pd.DataFrame, verdicts: pd.DataFrame, models: Sequence[Model], active: Mapping[str, list[str]]
) -> list[Part]:
    """Answers for every part: by its verdict or, where it may be in an interaction, by its effect in the whole.

    Args:
        plan: the baseline is the whole; details have two options, that of the whole and that of the base.
        effects: as in `Analysis`.
        verdicts: likewise.
        models: ways to explain the runs.
        active: of each part the contrasts that it may be in, in words.
    """
    name, outcome = next(iter(plan.declared.metrics.items()))
    sign = -1.0 if outcome.direction == "higher" else 1.0  # of harm

    def main(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
        rows = frame[(frame["metric"] == name) & (frame["train_fraction"] == FULL)].to_dict("records")
        return {row["detail"]: {str(key): value for key, value in row.items()} for row in rows}

    said, found = main(verdicts), main(effects)
    parts = []
    for place, (key, (final, base)) in enumerate(plan.levels.items()):
        known = (key, show_value(base), show_value(final))
        if key in active or (active and said[key]["verdict"] not in (EQUIVALENT, MATTERS)):
            parts.append(_answer_in_whole(known, place, models, active, outcome.margin, sign))
        else:
            parts.append(_answer_by_verdict(known, said[key], found[key], sign))
    return parts


def _answer_by_verdict(
    known: tuple[str, str, str], verdict: Mapping[str, Any], effect: Mapping[str, Any], sign: float
) -> Part:
    harm = float(effect["estimate"]) * sign
    answers = {EQUIVALENT: NOT_NEEDED, MATTERS: NEEDED if harm > 0 else BETTER_WITHOUT}
    numbers = float(effect["estimate"]), float(effect["low"]), float(effect["high"])
    where = "averaged over the others" if effect["kind"] == "contrast" else "in the whole"
    reason = str(verdict["refused"] or verdict["reason"])
    return Part(*known, answers.get(verdict["verdict"], NOT_TOLD), *numbers, where, reason)


def _answer_in_whole(
    known: tuple[str, str, str],
    place: int,
    models: Sequence[Model],
    active: Mapping[str, list[str]],
    margin: float,
    sign: float,
) -> Part:
    parts = max(sum(len(column) == 1 for column in model.columns) for model in models)
    estimate, low, high = predict_all(models, [place], LEVEL / parts)
    _, low90, high90 = predict_all(models, [place], 2 * LEVEL / parts)
    worst, best = (low, high) if sign > 0 else (-high, -low)
    if -margin < low90 and high90 < margin:
        answer = NOT_NEEDED
    elif worst > 0:
        answer = NEEDED
    else:
        answer = BETTER_WITHOUT if best < 0 else NOT_TOLD
    key = known[0]
    why = f"found: {'; '.join(active[key])}" if key in active else "in no interaction that was found, beside those"
    return Part(*known, answer, estimate, low, high, "in the whole", why)
