"""The smallest stack that does as well as the whole: found by a model, and held against the whole by runs of its own.

It is a guess of that model until runs of exactly these parts are held against runs of the whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.audit.statistics.equivalence import equivalence_p
from repro.audit.statistics.linear_model import Coding
from repro.audit.statistics.multiplicity import LEVEL
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.paired import compare_pairs
from repro.audit.statistics.power import equivalence_power
from repro.audit.statistics.stack_models import Model, predict_all
from repro.audit.statistics.stack_parts import NOT_NEEDED, NOT_TOLD, Part
from repro.audit.statistics.unpaired import compare_groups

EVEN = 0.5
"""Chance from which a test is made."""


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


class StackTest(NamedTuple):
    """A test that was made: what later ones are priced by.

    Attributes:
        dropped: parts that the stack lacks.
        n: replicates that it shared with the whole.
    """

    dropped: tuple[str, ...]
    n: int


def find_smallest(parts: Sequence[Part], models: Sequence[Model], margin: float) -> Smallest:
    """Takes parts out one after the other: the equivalent ones, then those not told, each by the size of its effect.

    Of these nested candidates the largest is taken whose estimate lies inside half the margin: at the margin a test of
    its own runs would not find it equivalent. The interval that is said is Bonferroni's over the candidates.
    """
    ranks = {NOT_NEEDED: 0, NOT_TOLD: 1}
    order = sorted(
        (place for place, part in enumerate(parts) if part.answer in ranks),
        key=lambda place: (ranks[parts[place].answer], abs(parts[place].estimate)),
    )
    candidates = [order[:count] for count in range(1, len(order) + 1)]
    level = 2 * LEVEL / max(len(candidates), 1)
    numbers = [predict_all(models, dropped, level) for dropped in candidates]
    near = [n for n, (estimate, *_) in enumerate(numbers) if abs(estimate) < margin / 2]
    if not near:
        return Smallest([], [part.key for part in parts], 0.0, 0.0, 0.0, "nothing can be taken out", False, "")
    chosen = near[-1]
    _, low, high = numbers[chosen]
    basis = (
        f"by the model, inside the margin jointly over {len(candidates)} candidates"
        if -margin < low and high < margin
        else "by its estimate alone: its joint interval is not inside the margin"
    )
    dropped = sorted(candidates[chosen])
    kept = [part.key for place, part in enumerate(parts) if place not in dropped]
    return Smallest([parts[place].key for place in dropped], kept, *numbers[chosen], basis, False, "")


def price_test(number: int) -> int:
    """Returns what the p of a declared test is multiplied by: the k-th pays 2^k, so that all together keep the level.

    Example:
        >>> sum(1 / price_test(number) for number in range(1, 40)) <= 1
        True
    """
    return int(2**number)


def hold_against_whole(
    smallest: Smallest,
    coding: Coding,
    outcomes: Outcomes,
    margin: float,
    earlier: Sequence[StackTest],
    declared: bool,
) -> tuple[Smallest, list[StackTest]]:
    """Holds runs of exactly the smallest stack against runs of the whole, by two one-sided tests.

    A test is made, and paid for, only where its runs give it an even chance if the two do not differ.

    Args:
        smallest: stack.
        coding: of the design.
        outcomes: of the main metric.
        margin: of equivalence.
        earlier: tests that were made before; the same one again is no further test.
        declared: whether the stack was named before its runs were made; otherwise the test pays for all combinations
            that were run more than once.

    Returns:
        The stack with what the test says, and all tests so far.
    """
    before = list(earlier)
    if not smallest.dropped:
        return smallest._replace(test="the whole is the smallest stack that can be told"), before
    keys = [detail for detail, _ in coding.options]
    wanted = np.array([key in smallest.dropped for key in keys], dtype=np.float64)
    row = np.flatnonzero((coding.matrix == wanted).all(axis=1) & coding.design)
    values = outcomes.values
    repeated = (np.isfinite(values).sum(axis=1) > 1) & coding.design
    if not len(row) or np.isfinite(values[row[0]]).sum() < 2 or not repeated[0]:
        said = "NOT CONFIRMED: no two runs of exactly this combination beside runs of the whole"
        return smallest._replace(test=said), before
    compare = compare_pairs if outcomes.paired else compare_groups
    found = compare(values[row[:1]], values[:1], False)
    estimate, se, df, n = (float(found[name][0]) for name in ("estimate", "se", "df", "seeds"))
    if not np.isfinite(se) or not df > 0:
        return smallest._replace(test="NOT CONFIRMED: it shares fewer than two replicates with the whole"), before
    this = StackTest(tuple(sorted(smallest.dropped)), int(n))
    number = before.index(this) + 1 if this in before else len(before) + 1
    family = 1 if declared else max(int(repeated[1:].sum()), 1)
    tests = family * price_test(number)
    span = f"{estimate:+.3g} against the whole (90 % {found['low90'][0]:.3g} to {found['high90'][0]:.3g}, n = {n:.0f})"
    if se > 0 and equivalence_power(margin / se, df, LEVEL / tests) < EVEN:
        said = f"NOT CONFIRMED: {span}: too few runs of exactly this combination for a test"
        return smallest._replace(test=said), before
    p = min(1.0, float(equivalence_p(*map(np.array, (estimate, se, df, margin)))) * tests)
    how = "declared before its runs were made"
    if not declared:
        how = f"not declared before, so Bonferroni over {family} combinations"
    confirmed = bool(p < LEVEL)
    said = f"{'CONFIRMED' if confirmed else 'NOT CONFIRMED'}: {span}, TOST p = {p:.2g} ({how}; test {number})"
    return smallest._replace(confirmed=confirmed, test=said), [*before[: number - 1], this, *before[number:]]
