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
from repro.audit.statistics.stack_models import Model, predict_all
from repro.audit.statistics.stack_parts import NOT_NEEDED, NOT_TOLD, Part
from repro.audit.statistics.unpaired import compare_groups


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


def find_smallest(parts: Sequence[Part], models: Sequence[Model], margin: float) -> Smallest:
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


def hold_against_whole(
    smallest: Smallest, coding: Coding, outcomes: Outcomes, margin: float, declared: bool
) -> Smallest:
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
