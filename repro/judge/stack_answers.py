"""Which parts of a stack are needed, and the smallest stack that does as well as the whole.

The verdicts on the differences are those of any judgement. An interaction that they name makes the effect of a part
depend on the others: then it is asked of the whole, from a model of main effects and named interactions. Where a
contrast is one of several pairs, each of them is taken for it in turn, and what holds for all of them is said.

The smallest stack is a guess of that model until runs of it are held against runs of the whole.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from repro.audit.statistics.equivalence import equivalence_p
from repro.audit.statistics.error_terms import runs_all_combinations
from repro.audit.statistics.linear_model import Coding, code_details
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import FULL, Outcomes, tabulate_outcomes
from repro.audit.statistics.paired import compare_pairs
from repro.audit.statistics.pairs import find_pairs, group_pairs
from repro.audit.statistics.unpaired import compare_groups
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS
from repro.judge.judgement import Judgement
from repro.judge.stack_model import Model, fit_models, predict_all, tell_models_apart
from repro.judge.stack_plan import StackPlan

if TYPE_CHECKING:
    from repro.judge.stack import Difference

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


class Smallest(NamedTuple):
    """The smallest stack.

    Attributes:
        dropped: parts that it lacks.
        kept: parts that it has.
        predicted: outcome less that of the whole, by the model; of rivals, the one farthest from none.
        low: joint interval over the candidates, at the level of equivalence.
        high: likewise.
        basis: how it was found.
        confirmed: whether its own runs are equivalent to those of the whole.
        test: what that test says.
    """

    dropped: list[str]
    kept: list[str]
    predicted: float
    low: float
    high: float
    basis: str
    confirmed: bool
    test: str


class StackJudgement(NamedTuple):
    """What runs say of a stack.

    Attributes:
        outcome: its name.
        margin: of equivalence.
        parts: in the order of the configuration.
        smallest: the smallest stack.
        tested: sentences on what was tested.
        untested: sentences on what was not.
        said: sentences of the judgement on how the table was read.
        judged: the judgement that it rests on.
        telling: parts to take out of the whole in mixtures that would tell which pairs interact.
        confirming: runs of these and of the smallest stack beside the whole; None if there is nothing to find out.
    """

    outcome: str
    margin: float
    parts: list[Part]
    smallest: Smallest
    tested: list[str]
    untested: list[str]
    said: list[str]
    judged: Judgement
    telling: Sequence[list[str]] = ()
    confirming: StackPlan | None = None

    def freeze(self) -> dict[str, Any]:
        """Returns the declaration of the smallest stack, to be tested on runs that come later."""
        options = {part.key: [part.base, part.final] for part in self.parts}
        return {
            "outcome": self.outcome,
            "margin": self.margin,
            "differences": options,
            "dropped": sorted(self.smallest.dropped),
        }


def judge_mixtures(
    judged: Judgement, differences: "Sequence[Difference]", shared: Sequence[str], frozen: Mapping[str, Any] | None
) -> StackJudgement:
    """Answers for every part, and finds the smallest stack.

    Args:
        judged: with an analysis of all differences.
        differences: parts of the stack.
        shared: keys that both configurations have alike.
        frozen: what an earlier judgement declared.
    """
    assert judged.plan is not None
    assert judged.results is not None
    assert judged.analysis is not None
    name, measured = next(iter(judged.declared.outcomes.items()))
    assert measured.margin is not None
    sign = -1.0 if measured.direction == "higher" else 1.0  # of harm
    outcomes = next(
        t for t in tabulate_outcomes(judged.plan, judged.results) if t.metric == name and t.train_fraction == FULL
    )
    coding = code_details(judged.plan)
    keys = [detail for detail, _ in coding.options]
    models, active, named = fit_models(judged, coding, outcomes)
    found = {d.key: _answer(judged, d, keys.index(d.key), models, active, measured.margin, sign) for d in differences}
    parts = [found[d.key] for d in differences]
    guess = _find_smallest([found[key] for key in keys], models, measured.margin)
    answer = StackJudgement(name, measured.margin, parts, guess, [], [], judged.said, judged)
    smallest = _test(guess, coding, outcomes, measured.margin, declared=False)
    tested, untested = _tell_tested(coding, outcomes, keys, named, shared, parts)
    if frozen and frozen["dropped"] and {**answer.freeze(), "dropped": None} == {**frozen, "dropped": None}:
        dropped = [key for key in keys if key in frozen["dropped"]]
        kept = [key for key in keys if key not in dropped]
        predicted = predict_all(models, [keys.index(key) for key in dropped], 2 * LEVEL / len(keys))
        earlier = Smallest(dropped, kept, *predicted, "declared by an earlier judgement", False, "")
        earlier = _test(earlier, coding, outcomes, measured.margin, declared=True)
        if dropped == guess.dropped or (earlier.confirmed and len(dropped) >= len(guess.dropped)):
            smallest = earlier
        else:
            tested.append(f"declared earlier, without {', '.join(dropped)}: {earlier.test}")
    telling = [[keys[place] for place in row] for row in tell_models_apart(models, len(keys))]
    return answer._replace(smallest=smallest, tested=tested, untested=untested, telling=telling)


def _answer(
    judged: Judgement,
    difference: "Difference",
    place: int,
    models: Sequence[Model],
    active: Mapping[str, list[str]],
    margin: float,
    sign: float,
) -> Part:
    """Answers for one part: by its verdict or, where it may be in an interaction, by its effect in the whole."""
    assert judged.analysis is not None
    key, parts = difference.key, len(judged.analysis.verdicts["detail"].unique())

    def own(frame: Any) -> Any:
        main = (frame["metric"] == next(iter(judged.declared.outcomes))) & (frame["train_fraction"] == FULL)
        return frame[main & (frame["detail"] == key)].iloc[0]

    verdict, effect = own(judged.analysis.verdicts), own(judged.analysis.effects)
    reason = str(verdict["refused"] or verdict["reason"])
    if key not in active and not (active and verdict["verdict"] not in (EQUIVALENT, MATTERS)):
        harm = float(effect["estimate"]) * sign
        answer = {EQUIVALENT: NOT_NEEDED, MATTERS: NEEDED if harm > 0 else BETTER_WITHOUT}.get(
            verdict["verdict"], NOT_TOLD
        )
        numbers = float(effect["estimate"]), float(effect["low"]), float(effect["high"])
        where = "averaged over the others" if effect["kind"] == "contrast" else "in the whole"
        return Part(*difference, answer, *numbers, where, reason)
    estimate, low, high = predict_all(models, [place], LEVEL / parts)
    _, low90, high90 = predict_all(models, [place], 2 * LEVEL / parts)
    worst, best = (low, high) if sign > 0 else (-high, -low)
    if -margin < low90 and high90 < margin:
        answer = NOT_NEEDED
    elif worst > 0:
        answer = NEEDED
    else:
        answer = BETTER_WITHOUT if best < 0 else NOT_TOLD
    why = f"found: {'; '.join(active[key])}" if key in active else "in no interaction that was found, beside those"
    return Part(*difference, answer, estimate, low, high, "in the whole", why)


def _find_smallest(parts: Sequence[Part], models: Sequence[Model], margin: float) -> Smallest:
    """Takes parts out one after the other: the equivalent ones, then those not told, each by the size of its effect.

    Of these nested candidates the largest whose joint interval lies inside the margin is taken, else the largest whose
    estimate does. The interval is Bonferroni's over the candidates.
    """
    ranks = {NOT_NEEDED: 0, NOT_TOLD: 1}
    order = sorted(
        (place for place, part in enumerate(parts) if part.answer in ranks),
        key=lambda place: (ranks[parts[place].answer], abs(parts[place].estimate)),
    )
    candidates = [order[:count] for count in range(1, len(order) + 1)]
    level = 2 * LEVEL / max(len(candidates), 1)
    numbers = [predict_all(models, dropped, level) for dropped in candidates]
    inside = [n for n, (_, low, high) in enumerate(numbers) if -margin < low and high < margin]
    near = [n for n, (estimate, *_) in enumerate(numbers) if abs(estimate) < margin]
    if not (inside or near):
        return Smallest([], [part.key for part in parts], 0.0, 0.0, 0.0, "nothing can be taken out", False, "")
    chosen = max(inside or near)
    basis = (
        f"by the model, inside the margin jointly over {len(candidates)} candidates"
        if inside
        else "by its estimate alone: its joint interval is not inside the margin"
    )
    dropped = sorted(candidates[chosen])
    kept = [part.key for place, part in enumerate(parts) if place not in dropped]
    return Smallest([parts[place].key for place in dropped], kept, *numbers[chosen], basis, False, "")


def _test(smallest: Smallest, coding: Coding, outcomes: Outcomes, margin: float, declared: bool) -> Smallest:
    """Holds runs of exactly the smallest stack against runs of the whole."""
    if not smallest.dropped:
        return smallest._replace(test="the whole is the smallest stack that can be told")
    keys = [detail for detail, _ in coding.options]
    wanted = np.array([key in smallest.dropped for key in keys], dtype=np.float64)
    row = np.flatnonzero((coding.matrix == wanted).all(axis=1))
    repeated = np.isfinite(outcomes.values).sum(axis=1) > 1
    tests = 1 if declared else max(int(repeated[1:].sum()), 1)
    values = outcomes.values
    if not len(row) or np.isfinite(values[row[0]]).sum() < 2 or not repeated[0]:
        return smallest._replace(test="NOT CONFIRMED: no two runs of exactly this combination beside runs of the whole")
    compare = compare_pairs if outcomes.paired else compare_groups
    found = compare(values[row[:1]], values[:1], False)
    p = float(equivalence_p(found["estimate"], found["se"], found["df"], np.array([margin]))[0])
    if not np.isfinite(p):
        return smallest._replace(test="NOT CONFIRMED: it shares fewer than two replicates with the whole")
    p = min(1.0, p * tests)
    how = "one test, declared before" if declared else f"not declared before, so Bonferroni over {tests} combinations"
    said = (
        f"{found['estimate'][0]:+.3g} against the whole (90 % {found['low90'][0]:.3g} to {found['high90'][0]:.3g}, "
        f"n = {int(found['seeds'][0])}), TOST p = {p:.2g} ({how})"
    )
    confirmed = bool(p < LEVEL)
    return smallest._replace(confirmed=confirmed, test=f"{'CONFIRMED' if confirmed else 'NOT CONFIRMED'}: {said}")


def _tell_tested(
    coding: Coding,
    outcomes: Outcomes,
    keys: Sequence[str],
    named: Sequence[str],
    shared: Sequence[str],
    parts: Sequence[Part],
) -> tuple[list[str], list[str]]:
    there = np.isfinite(outcomes.values)
    run = int(there.any(axis=1).sum())
    tested = [
        f"{len(keys)} differences in {run} of {2 ** len(keys)} mixtures, {int(there.sum())} runs",
        f"interactions found: {'; '.join(named)}" if named else "no interaction of two differences was found",
    ]
    pairs = find_pairs(coding) if len(keys) > 1 else None
    groups = group_pairs(pairs) if pairs is not None and len(pairs.columns) else []
    mixed = sum(len(group) for group in groups if len(group) > 1)
    visible = len(pairs.columns) if pairs is not None else 0
    untested = []
    if missing := len(keys) * (len(keys) - 1) // 2 - visible:
        untested.append(f"{missing} pairs of differences that these mixtures cannot see")
    if mixed:
        untested.append(f"which of the pairs it is, for {mixed} of {visible} pairs that share a contrast with others")
    if not runs_all_combinations(coding):
        untested.append(f"{2 ** len(keys) - run} mixtures, and interactions of three differences or more")
    if told := [part.key for part in parts if part.answer == NOT_TOLD]:
        untested.append(f"not told: {', '.join(told)}")
    shown = ", ".join(shared[:6]) + (", ..." if len(shared) > 6 else "")
    untested.append(f"what both configurations share ({shown or 'no key'}), and any option but theirs")
    return tested, untested
