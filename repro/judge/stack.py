"""Which parts of a stack are needed, from a table of runs of mixtures of two configurations.

A difference is a detail of two options, base's and final's, and the baseline is the final configuration, so that an
effect says what it does to take a part out.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.smallest_stack import StackTest, price_test
from repro.audit.statistics.stack import StackAnswer, answer_stack
from repro.errors import UserError
from repro.judge.configurations import Stack
from repro.judge.declaration import Declaration
from repro.judge.judgement import Judgement
from repro.judge.mixtures import find_mixtures
from repro.judge.stack_plan import StackPlan, plan_comparison, plan_mirrors, plan_screening
from repro.judge.variants import find_rank
from repro.judge.verdicts import judge_table


class StackJudgement(NamedTuple):
    """What a table says of a stack.

    Attributes:
        answer: for every part, in the order of the configuration.
        said: sentences on how the table was read.
        judged: the judgement that it rests on.
        further: runs that would tell more; None if there is nothing to find out.
    """

    answer: StackAnswer
    said: list[str]
    judged: Judgement
    further: StackPlan | None = None

    def freeze(self) -> dict[str, Any]:
        """Returns the declaration of the smallest stack, to be tested on runs that come later."""
        answer = self.answer
        return {
            "outcome": answer.outcome,
            "margin": answer.margin,
            "differences": {part.key: [part.base, part.final] for part in answer.parts},
            "dropped": sorted(answer.smallest.dropped),
            "tests": [[list(test.dropped), test.n] for test in answer.tests],
        }


def judge_stack(
    table: pd.DataFrame | None, stack: Stack, declared: Declaration, frozen: Mapping[str, Any] | None = None
) -> StackPlan | StackJudgement:
    """Judges every difference, or plans the runs that would.

    Args:
        table: of runs; None: there are none yet.
        stack: both configurations.
        declared: how the table is read; details and baseline are those of the stack.
        frozen: what an earlier judgement declared as the smallest stack (`StackJudgement.freeze`).

    Raises:
        UserError: no outcome or margin is declared, or the table lacks a column of a difference.
    """
    check_margin(declared)
    if table is None:
        return plan_screening(stack.differences, None, declared, "there are no runs yet")
    found = find_mixtures(table, stack, declared.table)
    keys = [difference.key for difference in stack.differences]
    if reason := _lack_runs(found.table, stack):
        return plan_screening(stack.differences, found.table, declared, reason)._replace(said=found.said)
    whole = {difference.key: difference.final for difference in stack.differences}
    own = declared.model_copy(
        update={"details": keys, "baseline": whole, "left_out": [], "absent": {}, "correction": "Holm"}
    )
    judged = judge_table(found.table, own)
    if judged.analysis is None or judged.plan is None or set(judged.plan.levels) != set(keys):
        reason = judged.refused.split("\n")[0] or "runs share too few seeds to tell the differences apart"
        return plan_screening(stack.differences, found.table, declared, reason)._replace(said=found.said)
    before = frozen if frozen is not None and _same_question(frozen, stack, judged.declared) else {}
    answer = _answer(judged, stack, before)
    judgement = StackJudgement(answer, [*found.said, *judged.said], judged)
    return judgement._replace(further=_plan_further(answer, stack, found.table, declared))


def _answer(judged: Judgement, stack: Stack, before: Mapping[str, Any]) -> StackAnswer:
    assert judged.plan is not None
    assert judged.results is not None
    assert judged.analysis is not None
    analysis = judged.analysis
    outcomes = tabulate_outcomes(judged.plan, judged.results)[0]  # of the main metric at the full training
    tables = (analysis.effects, analysis.interactions, analysis.verdicts)
    earlier = [StackTest(tuple(dropped), int(n)) for dropped, n in before.get("tests", [])]
    answer = answer_stack(judged.plan, outcomes, *tables, list(stack.shared), before.get("dropped", []), earlier)
    places = [difference.key for difference in stack.differences]
    return answer._replace(parts=sorted(answer.parts, key=lambda part: places.index(part.key)))


def _same_question(frozen: Mapping[str, Any], stack: Stack, declared: Declaration) -> bool:
    """Says whether an earlier judgement asked what is asked now."""
    name, outcome = next(iter(declared.outcomes.items()))
    options = {difference.key: [difference.base, difference.final] for difference in stack.differences}
    asked = {"outcome": name, "margin": outcome.margin, "differences": options}
    return all(frozen.get(key) == value for key, value in asked.items())


def _plan_further(answer: StackAnswer, stack: Stack, table: pd.DataFrame, declared: Declaration) -> StackPlan | None:
    """Plans the runs that would tell more: mirrored mixtures first, then which pairs interact, and the smallest."""
    if answer.mirrors:
        return plan_mirrors(stack.differences, table, declared, answer.mirrors)
    if not answer.wanted:
        return None
    purpose = "the smallest stack against the whole" if answer.is_unsure else "which pairs interact"
    tests = price_test(len(answer.tests) + 1)
    return plan_comparison(stack.differences, table, declared, answer.wanted, purpose, tests)


def check_margin(declared: Declaration) -> None:
    """Refuses to ask what is equivalent without an outcome and a margin."""
    if not declared.outcomes:
        raise UserError("--stack: of which outcome? add --outcome NAME:lower or NAME:higher, and --margin")
    if next(iter(declared.outcomes.values())).margin is None:
        raise UserError("--stack asks what is equivalent to the whole: within which margin? add --margin")


def _lack_runs(table: pd.DataFrame, stack: Stack) -> str:
    """Returns why runs cannot tell all differences apart; empty if they can."""
    if not len(table):
        return "no row of the table is a mixture of both configurations"
    levels = {difference.key: [difference.final, difference.base] for difference in stack.differences}
    rows = table[list(levels)].drop_duplicates().to_dict("records")
    settings = [{str(key): value for key, value in row.items() if value != levels[str(key)][0]} for row in rows]
    if {} not in settings:
        return "no run is of the whole final configuration, which is the baseline"
    rank = find_rank(levels, settings)
    if rank < len(levels) + 1:
        return f"{len(settings)} combinations were run: they tell {rank - 1} of {len(levels)} differences apart"
    return ""
