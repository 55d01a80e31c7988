"""How far a claim survives: the share of defensible combinations of the other details under which it is true.

Every combination of options that the study's levels allow counts once. Under each, the option that is claimed to be
better is better by some amount; the share of combinations where it is better by more than nothing, and by more than the
margin, is what a reader meets who fills the gaps of the paper in another way. It is a number of the whole response
surface, of which the design has run a few points: it is drawn from the surfaces that the runs leave possible
(`surface`), and its interval is as wide as these.

Source: Steegen et al., Increasing transparency through a multiverse analysis (2016), on all defensible combinations.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import Coding, Flags, Floats, code_details, shared_values
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.surface import Surfaces, average_points, draw_surfaces
from repro.audit.statistics.task_claims import contrast_options, take_options
from repro.audit.study.declaration import Claim
from repro.audit.study.plan import Plan

MOST = 4_096
"""Combinations up to which all are taken; beyond that, so many are drawn."""
SURVIVAL_COLUMNS = (
    *("survival", "survival_low", "survival_high"),
    *("survival_margin", "survival_margin_low", "survival_margin_high", "survival_note"),
)


class Survival(NamedTuple):
    """The share of combinations under which a claim is true, with the names of `SURVIVAL_COLUMNS`.

    Attributes:
        share: where the option is better at all; the mean over the surfaces drawn.
        low: of the share, 2.5 % of the surfaces.
        high: of the share, 97.5 %.
        margin_share: where it is better by more than the margin.
        margin_low: of that share.
        margin_high: of that share.
        note: over what the share is taken, and what the design cannot tell; or why there is none.
    """

    share: float
    low: float
    high: float
    margin_share: float
    margin_low: float
    margin_high: float
    note: str


def find_survival(plan: Plan, claim: Claim, table: Outcomes) -> Survival:
    """Finds how far a claim survives; shares are NaN where the design cannot tell, and the note says why.

    Args:
        plan: of the study.
        claim: of the study.
        table: outcomes of the claim's metric at the full training.
    """
    if plan.declared.design == "one_at_a_time":
        return refuse_survival("one at a time, no interaction is seen: it says nothing of other combinations")
    others = {detail: options for detail, options in plan.levels.items() if detail != claim.detail}
    if not others:
        return refuse_survival("no other detail is varied")
    coding = code_details(plan)
    term = choose_error_term(coding, table)
    if not (term.split.spare.df and term.split.details.df):
        return refuse_survival("it takes two seeds, and more design points than main effects")
    values, shares = shared_values(table, coding.points)[coding.points], _grid_shares(plan, coding)
    owners = np.array([list(plan.levels).index(detail) for detail, _ in coding.options])
    design = average_points(coding.matrix[coding.points], values, owners, shares)
    surfaces = draw_surfaces(design, contrast_options(plan, coding, claim), term)
    if surfaces is None:
        return refuse_survival("the design cannot tell the two options apart from other details")
    combinations, said = _list_combinations(plan, claim, others)
    if not len(combinations):
        return refuse_survival("the constraints leave no combination with both options")
    columns = _code_combinations(coding, combinations, list(others))
    gains = surfaces.main[:, None] + surfaces.slopes @ (columns - shares).T
    gains += _add_higher(plan, coding, claim, surfaces, columns, np.asarray(np.isfinite(values).any(axis=1)))
    metric = plan.declared.metrics[claim.metric]
    gains *= 1 if metric.direction == "higher" else -1
    total = prod(len(options) for options in others.values())
    found = [_describe((gains > bound).mean(axis=1), gains.shape[1], total) for bound in (0.0, metric.margin)]
    return Survival(*found[0], *found[1], said + _tell_untold(coding, claim, surfaces))


def refuse_survival(why: str) -> Survival:
    """Returns no share, with the reason."""
    return Survival(*(np.nan,) * 6, note=why)


def _describe(shares: Floats, taken: int, total: int) -> tuple[float, float, float]:
    """Returns mean and interval of the shares (B,), with their sampling error where not all combinations were taken."""
    error = np.sqrt(shares * (1 - shares) / taken) if total > MOST else 0.0
    spread = shares + error * np.random.default_rng(2).standard_normal(len(shares))
    low, high = np.clip(np.quantile(spread, [0.025, 0.975]), 0, 1)
    return float(shares.mean()), float(low), float(high)


def _grid_shares(plan: Plan, coding: Coding) -> Floats:
    return np.array([1 / len(plan.levels[detail]) for detail, _ in coding.options])


def _list_combinations(plan: Plan, claim: Claim, others: dict[str, list[Any]]) -> tuple[list[tuple[Any, ...]], str]:
    """Returns the combinations of the other details' options that can be had with both options, and what they are."""
    total = prod(len(options) for options in others.values())
    if total <= MOST:
        combinations = list(product(*others.values()))
    else:
        generator = np.random.default_rng(0)
        # Each option as often as any other: a Latin hypercube (McKay, Beckman & Conover 1979).
        drawn = [generator.permutation(np.arange(MOST) % len(options)) for options in others.values()]
        picked = zip(*drawn, strict=True)
        combinations = [
            tuple(options[place] for options, place in zip(others.values(), places, strict=True)) for places in picked
        ]
    kept = [row for row in combinations if not _is_left_out(plan, claim, dict(zip(others, row, strict=True)))]
    said = f"of {total:,} combinations of the {len(others)} other details"
    if total > MOST:
        said += f", {MOST:,} of them drawn"
    if len(kept) < len(combinations):
        said += f", less {len(combinations) - len(kept)} that cannot be had"
    return kept, said


def _is_left_out(plan: Plan, claim: Claim, others: dict[str, Any]) -> bool:
    """Says whether the plan has left out what one of the two options would be under a combination."""
    return any(
        all(key in taken and taken[key] == value for key, value in item.settings.items())
        for option in (claim.better, claim.than)
        for taken in [{**others, claim.detail: option}]
        for item in plan.left_out
    )


def _code_combinations(coding: Coding, combinations: Sequence[tuple[Any, ...]], details: list[str]) -> Floats:
    """Returns the columns (N, K) of combinations; those of the claim's own detail are 0."""
    shown = [[show_value(option) for option in row] for row in combinations]
    taken = {detail: np.array([row[place] for row in shown]) for place, detail in enumerate(details)}
    none = np.zeros(len(combinations))
    return np.column_stack(
        [taken[detail] == option if detail in taken else none for detail, option in coding.options]
    ).astype(np.float64)


def _add_higher(plan: Plan, coding: Coding, claim: Claim, surfaces: Surfaces, columns: Floats, seen: Flags) -> Floats:
    """Returns what higher orders add to the contrast (B, N): as drawn at points that were run, else drawn anew."""
    generator = np.random.default_rng(1)
    matrix = coding.matrix[coding.points][seen]
    own = np.array([detail == claim.detail for detail, _ in coding.options])
    added = np.zeros((len(surfaces.main), len(columns)))
    for takes, sign in zip(take_options(plan, coding, claim), (1, -1), strict=True):
        known = takes[coding.points][seen] & bool(surfaces.cells.shape[1])
        rows = {matrix[place, ~own].tobytes(): place for place in np.flatnonzero(known)}
        places = np.array([rows.get(row.tobytes(), -1) for row in np.ascontiguousarray(columns[:, ~own])])
        anew = surfaces.spread[:, None] * generator.standard_normal((len(surfaces.main), int((places < 0).sum())))
        added[:, places < 0] += sign * anew
        added[:, places >= 0] += sign * surfaces.cells[:, places[places >= 0]]
    return added


def _tell_untold(coding: Coding, claim: Claim, surfaces: Surfaces) -> str:
    other = np.array([detail != claim.detail for detail, _ in coding.options])
    untold = int((surfaces.told[other] < 1 - 1e-6).sum())
    said = ""
    if untold:
        said += (
            f"; {untold} of {int(other.sum())} interactions of {claim.detail} are mixed with others: the design cannot "
            "tell which of them it is, and the interval carries that"
        )
    if not surfaces.higher:
        said += "; interactions of three details and more cannot be seen"
    return said
