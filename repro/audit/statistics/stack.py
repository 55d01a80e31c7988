"""Which parts of a stack are needed, and the smallest stack that does as well as the whole.

A stack is the difference of two configurations: each key in which they differ is a part, a detail of two options, and
the whole is the baseline, so that an effect says what it does to take a part out. How its runs were planned or found
plays no part here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from repro.audit.statistics.error_terms import runs_all_combinations
from repro.audit.statistics.linear_model import Coding, Floats, code_details
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.pairs import find_pairs, group_pairs
from repro.audit.statistics.smallest_stack import Smallest, StackTest, find_smallest, hold_against_whole
from repro.audit.statistics.stack_models import fit_models, predict_all, tell_models_apart
from repro.audit.statistics.stack_parts import BETTER_WITHOUT, NEEDED, NOT_NEEDED, NOT_TOLD, Part, answer_parts
from repro.audit.study.plan import Plan


class StackAnswer(NamedTuple):
    """What runs say of a stack.

    Attributes:
        outcome: its name.
        unit: of the outcome.
        margin: of equivalence.
        parts: in the order of the plan.
        smallest: the smallest stack.
        tested: sentences on what was tested.
        untested: sentences on what was not.
        telling: parts to take out of the whole in mixtures that would tell which pairs interact.
        mirrors: mixtures, as parts taken out, that a fold-over has and that were not run: without them main effects
            are mixed with pairs. Empty where they are not.
        tests: of smallest stacks that have been made so far.
    """

    outcome: str
    unit: str
    margin: float
    parts: list[Part]
    smallest: Smallest
    tested: list[str]
    untested: list[str]
    telling: Sequence[list[str]] = ()
    mirrors: Sequence[list[str]] = ()
    tests: Sequence[StackTest] = ()

    def named(self, *answers: str) -> list[str]:
        """Returns the keys of the parts with one of some answers."""
        return [part.key for part in self.parts if part.answer in answers]

    @property
    def is_unsure(self) -> bool:
        """Whether the smallest stack waits for runs of its own, and for nothing before them."""
        return bool(self.smallest.dropped) and not (self.smallest.confirmed or self.telling)

    @property
    def wanted(self) -> list[list[str]]:
        """Mixtures to hold against the whole next, as parts taken out: those that tell pairs apart, or the smallest."""
        return [*self.telling, *([self.smallest.dropped] if self.is_unsure else [])]

    def summarise(self) -> str:
        """Says in one or two sentences which parts are needed, and which stack does as well as the whole."""
        needed, margin = self.named(NEEDED), f"{self.margin:g} {self.unit}".rstrip()
        verb = "is" if len(needed) == 1 else "are"
        said = [f"{len(needed)} of {len(self.parts)} parts {verb} needed{_listed(needed)}"]
        for answer, words in (
            ((NOT_NEEDED,), "not needed"),
            ((BETTER_WITHOUT,), "better left out"),
            ((NOT_TOLD,), "not told"),
        ):
            if keys := self.named(*answer):
                said.append(f"{len(keys)} {words}{_listed(keys)}")
        smallest = self.smallest
        if not smallest.dropped:
            return f"{'; '.join(said)}. No smaller stack can be told to do as well as the whole within {margin}."
        without = f"the whole without {', '.join(smallest.dropped)}"
        if smallest.confirmed:
            return f"{'; '.join(said)}. The smallest stack equivalent to the whole within {margin}: {without}."
        return (
            f"{'; '.join(said)}. A guess at the smallest stack that does as well as the whole within {margin}, not "
            f"confirmed by runs of its own: {without}."
        )


def answer_stack(
    plan: Plan,
    outcomes: Outcomes,
    effects: pd.DataFrame,
    interactions: pd.DataFrame,
    verdicts: pd.DataFrame,
    shared: Sequence[str] = (),
    declared: Sequence[str] = (),
    earlier: Sequence[StackTest] = (),
) -> StackAnswer:
    """Answers for every part, and finds the smallest stack.

    Args:
        plan: the baseline is the whole, and every detail has two options.
        outcomes: of the main metric at the full training.
        effects: as in `Analysis`.
        interactions: likewise.
        verdicts: likewise.
        shared: keys that both configurations have alike, for the words.
        declared: parts that the smallest stack lacks, as it was declared before its runs were made; empty: none was.
        earlier: tests that were made before: each makes the next one stricter.
    """
    measured = plan.declared.metrics[outcomes.metric]
    coding = code_details(plan)
    keys = [detail for detail, _ in coding.options]
    models, active, named = fit_models(interactions, coding, outcomes)
    parts = answer_parts(plan, effects, verdicts, models, active)
    guess = find_smallest(parts, models, measured.margin)
    tested, untested = _tell_tested(coding, outcomes, keys, named, shared, parts)
    tests, chosen = list(earlier), guess
    if dropped := [key for key in keys if key in declared]:
        kept = [key for key in keys if key not in dropped]
        predicted = predict_all(models, [keys.index(key) for key in dropped], 2 * LEVEL / len(keys))
        named_before = Smallest(dropped, kept, *predicted, "declared before its runs were made", False, "")
        chosen, tests = hold_against_whole(named_before, coding, outcomes, measured.margin, tests, declared=True)
    if chosen.dropped != guess.dropped and not (chosen.confirmed and len(chosen.dropped) >= len(guess.dropped)):
        tested.append(f"declared earlier, without {', '.join(chosen.dropped)}: {chosen.test}")
        chosen = guess
    if not chosen.test:
        chosen, tests = hold_against_whole(guess, coding, outcomes, measured.margin, tests, declared=False)
    telling = [[keys[place] for place in row] for row in tell_models_apart(models, len(keys))]
    alone = plan.declared.design == "one_at_a_time"  # there an effect is that in the whole, and no average
    lacking = [] if alone else find_lacking_mirrors(2 * coding.matrix[coding.points] - 1)
    mirrors = [[keys[place] for place in row] for row in lacking]
    if mirrors:
        untested.append(
            f"parts apart from pairs: {len(mirrors)} mixtures of the fold-over were not run, and what is said of a "
            "part holds if pairs are nil"
        )
    answer = StackAnswer(outcomes.metric, measured.unit, measured.margin, parts, chosen, tested, untested)
    return answer._replace(telling=telling, mirrors=mirrors, tests=tests)


def find_lacking_mirrors(signs: Floats) -> list[tuple[int, ...]]:
    """Returns the mirror image of each mixture that was run without it, where it is wanted.

    They are not where the mixtures that have theirs tell all parts apart: then no pair is mixed into a part.

    Args:
        signs: (mixtures, parts) 1 where a part is taken out, else -1.

    Returns:
        For each, the places of the parts that it lacks.

    Source: Box & Wilson, On the experimental attainment of optimum conditions (1951), on the fold-over.

    Example:
        >>> half = np.array([[-1, -1, -1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]])  # the third part is the others' pair
        >>> find_lacking_mirrors(half)
        [(0, 1, 2), (2,), (1,), (0,)]
        >>> find_lacking_mirrors(np.vstack([half, -half]))
        []
    """
    rows = {tuple(row) for row in signs.tolist()}
    folded = np.array([tuple(-sign for sign in row) in rows for row in signs.tolist()], dtype=bool)
    if signs.shape[1] < 2 or (folded.any() and np.linalg.matrix_rank(signs[folded]) == signs.shape[1]):
        return []
    return [tuple(place for place, sign in enumerate(row) if sign < 0) for row in signs[~folded].tolist()]


def _listed(keys: Sequence[str], most: int = 6) -> str:
    return f" ({', '.join(keys[:most])}{', ...' * (len(keys) > most)})" if keys else ""


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
