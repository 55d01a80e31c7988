"""A negative control of a factorial design: a column that no detail has, analysed as if one had it.

Nothing is behind the column but the noise of the runs and the interactions that the design mixes into it, as it does
into the columns of the details. Called a detail that matters, it would show that the study's contrasts find more than
there is. No run is made for it.

Which column it is: one that the design has and no detail needs; for a fold-over without any, that of its halves; for
a regular design a product of details, one that is no product of two where there is one, as pairs may well be real;
for a design of other columns, one that is drawn as if the runs had been given it at random. It costs a degree of
freedom of the lack of fit, in its own analysis alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from repro.audit.statistics.linear_model import Coding, Floats, code_details, find_basis
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.pairs import multiply_pairs
from repro.audit.study.constrained_designs import two_level_design
from repro.audit.study.plan import Plan, Variant

NAME = "dummy column"
_DRAWS = 256


class Dummy(NamedTuple):
    """A column that no detail has.

    Attributes:
        plan: the study as it would be with one detail more, which has this column.
        what: where the column comes from, in words.
    """

    plan: Plan
    what: str


def add_dummy(plan: Plan) -> Dummy | None:
    """Returns a factorial study with a dummy detail; None where the main effects leave no column for it.

    Source: Wu & Hamada, Experiments (2009), chapter 5, on unused columns as a yardstick of what is no effect; Lin &
    Draper, Projection properties of Plackett and Burman designs (1992), on those that are left out.
    """
    coding = code_details(plan)
    matrix = coding.matrix[coding.points]
    mains = find_basis(matrix)
    spare = len(matrix) - 1 - mains.shape[1]
    if not plan.levels or spare < 1:
        return None
    both = find_basis(np.hstack([matrix, multiply_pairs(coding)[coding.points]]))
    found = [
        (_explained(column, both), column, what)
        for column, what in _candidates(plan, coding, mains)
        if _explained(column, mains) < 1 - 1e-9
    ]
    mixed, column, what = min(found, key=lambda item: round(item[0], 9), default=(1.0, np.empty(0), ""))
    if mixed > 1 - 1e-9 and spare == 1:
        return None  # with nothing left to say how large pairs are, a real one would be taken for a fault of the audit
    told = f"{what}, with interactions of two details in it" if mixed > 1e-9 else what
    return Dummy(_with_detail(plan, coding, column), told)


def _candidates(plan: Plan, coding: Coding, mains: Floats) -> Iterator[tuple[Floats, str]]:
    """Yields columns (P,) of -1 and 1 over the points of the design, the better ones first."""
    generator = np.random.default_rng(plan.declared.seed or 0)
    signs = 2 * coding.matrix[coding.points] - 1
    if plan.declared.design == "plackett_burman":
        yield from _spare_columns(plan, coding)
    elif plan.declared.design in ("fractional_factorial", "full_factorial") and _has_two_levels(plan):
        for chosen in generator.random((_DRAWS, signs.shape[1])) < 0.5:
            yield signs[:, chosen].prod(axis=1), f"the product of {chosen.sum()} details"
    else:
        drawn = generator.permuted(np.tile(np.where(np.arange(len(signs)) % 2, 1.0, -1.0), (_DRAWS, 1)), axis=1)
        least = min(drawn, key=lambda column: _explained(column, mains))
        yield least, "a column that was given to the variants at random"


def _spare_columns(plan: Plan, coding: Coding) -> Iterator[tuple[Floats, str]]:
    table = two_level_design(plan.declared, plan.levels, plan.passed_over)
    rows = {tuple(row): place for place, row in enumerate(table.signs.tolist())}
    places = [rows[tuple(row)] for row in (2 * coding.matrix[coding.points] - 1).tolist()]
    if table.spare.shape[1]:
        yield table.spare[places, 0], f"one of {table.spare.shape[1]} columns of the design that no detail has"
    halves = np.repeat([-1.0, 1.0], len(table.signs) // 2)
    yield halves[places], "the column that tells the two halves of the design apart"


def _has_two_levels(plan: Plan) -> bool:
    return all(len(options) == 2 for options in plan.levels.values())


def _explained(column: Floats, basis: Floats) -> float:
    """Returns the share of a column that others make up, in [0, 1]; 1 of one that does not vary."""
    centred = column - column.mean()
    size = float(centred @ centred)
    return float(((basis.T @ centred) ** 2).sum()) / size if size > 1e-9 else 1.0


def _with_detail(plan: Plan, coding: Coding, column: Floats) -> Plan:
    """Returns a plan whose design points are those of the design, with one detail more.

    It is of the kind whose points are its variants, as the column belongs to no design that could be made again.
    """
    high = np.zeros(len(plan.variants), dtype=bool)
    high[coding.points] = column > 0
    variants = [
        Variant(
            id=variant.id,
            role=variant.role if not coding.design[place] else "arm" if coding.points[place] else "negative control",
            settings={**variant.settings, **({NAME: "high"} if high[place] else {})},
        )
        for place, variant in enumerate(plan.variants)
    ]
    declaration = {
        **plan.declaration,
        **{"design": "random", "base": None, "variants": len(variants), "generators": None, "claims": []},
        "correction": correction_of(plan.declared),
    }
    levels = {**plan.levels, NAME: ["low", "high"]}
    changes = {"levels": levels, "variants": variants, "declaration": declaration, "passed_over": 0}
    return plan.model_copy(update=changes)
