"""The settings that a study's design asks for, and what the ledger's constraints rule out among them.

A balanced design with a forbidden row is drawn again, as it would be balanced no more, and refused where no draw does
without; one at a time and the designs that choose their rows leave out what cannot be had, with the reason.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod
from typing import Any, Literal, NamedTuple, assert_never

from repro.audit.study.declaration import RANDOMISED, Study
from repro.audit.study.designs import (
    Levels,
    Signs,
    fractional_factorial,
    full_factorial,
    one_at_a_time,
    plackett_burman,
    read_signs,
    stack_mixtures,
)
from repro.audit.study.optimal import MAX_CANDIDATES, d_optimal, list_candidates
from repro.audit.study.plan import LeftOut
from repro.audit.study.randomisation import DRAWS, assign_columns
from repro.audit.study.space import Space, show_settings
from repro.errors import UserError

TWO_LEVELS = ("plackett_burman", "fractional_factorial")
MAX_ROWS = 4096

Chosen = Literal["d_optimal", "random"]


class Combined(NamedTuple):
    """What a design asks for.

    Attributes:
        settings: of the variants, the baseline not among them.
        left_out: what was asked for and cannot be had.
        passed_over: draws of the randomisation before the one taken.
    """

    settings: list[dict[str, Any]]
    left_out: list[LeftOut]
    passed_over: int = 0


class TwoLevels(NamedTuple):
    """A two-level design: columns of the details in their order (rows, K), and those that no detail has (rows, C)."""

    signs: Signs
    spare: Signs


def combine(study: Study, levels: Levels, space: Space) -> Combined:
    """Returns the settings that a study's design asks for.

    Raises:
        UserError: the design does not fit the details, or a balanced design holds a forbidden combination.
    """
    _check_design(study, levels)
    match study.design:
        case "one_at_a_time":
            return _each_alone(levels, space)
        case "plackett_burman" | "fractional_factorial" | "full_factorial" | "stack":
            found = _balanced(study, levels, space)
            return found._replace(settings=_with_smallest(study, levels, found.settings))
        case "d_optimal" | "random":
            return _feasible(study, study.design, levels, space)
        case _:
            assert_never(study.design)


def design_rows(study: Study, levels: Levels, draw: int = 0) -> list[dict[str, Any]]:
    """Returns the settings of every row of a balanced design, the baseline's among them where it is a row.

    Args:
        study: with the seed of its randomisation.
        levels: the options.
        draw: which of the draws that the seed gives.
    """
    if study.design == "full_factorial":
        return full_factorial(levels)
    if study.design == "stack":
        return stack_mixtures(levels, study.seed, draw)[1]
    return read_signs(levels, two_level_design(study, levels, draw).signs)


def two_level_design(study: Study, levels: Levels, draw: int = 0) -> TwoLevels:
    """Returns the columns of a two-level design as they were drawn."""
    match study.design:
        case "plackett_burman":
            table = plackett_burman(len(levels), spare=True)
        case "fractional_factorial":
            table = fractional_factorial(study.generators or "")
        case _:
            raise ValueError(f"{study.design} is no two-level design")
    given = assign_columns(list(levels), table.shape[1], study.seed, draw)
    count = len(levels)
    return TwoLevels(
        table[:, given.columns] * given.signs[:count],
        table[:, given.spare] * given.signs[count:],
    )


def occurring(levels: Levels, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Returns the details and options that some row departs to, each detail with its baseline's option first."""
    kept = {
        key: [options[0], *(option for option in options[1:] if any(key in row and row[key] == option for row in rows))]
        for key, options in levels.items()
    }
    return {key: options for key, options in kept.items() if len(options) > 1}


def _each_alone(levels: Levels, space: Space) -> Combined:
    objections = [(settings, space.objection(settings)) for settings in one_at_a_time(levels)]
    return Combined(
        [settings for settings, reason in objections if reason is None],
        [LeftOut(settings=settings, reason=reason) for settings, reason in objections if reason is not None],
    )


def _balanced(study: Study, levels: Levels, space: Space) -> Combined:
    """Returns the rows of the first draw that can be had as a whole: no row forbidden, and none there twice."""
    drawn = study.seed is not None
    for draw in range(DRAWS if drawn else 1):
        rows = design_rows(study, levels, draw)
        if all(space.objection(row) is None for row in rows) and not (drawn and _repeats(levels, rows)):
            return Combined([row for row in rows if row], [], draw)
    rows = design_rows(study, levels)
    forbidden = next((row for row in rows if space.objection(row) is not None), None)
    if forbidden is None:  # it is for a repeated row alone that no draw was taken: a smaller design then
        return Combined([row for row in rows if row], [])
    culprits = space.culprits(forbidden)
    tried = f" in any of {DRAWS} draws of columns and signs" if drawn else ""
    remedy = "take one of these out, name another option, or use design: d_optimal"
    if study.base is not None:
        remedy = "give one of these the whole's option under base: settings"
    raise UserError(
        f"{study.design} needs every combination of its rows, but {show_settings(culprits)} cannot be had{tried}: "
        f"{space.objection(culprits)}\n  {remedy}"
    )


def _with_smallest(study: Study, levels: Levels, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds the smallest stack that a stack is to test."""
    if study.base is None or not study.base.without:
        return rows
    smallest = {key: options[1] for key, options in levels.items() if key in study.base.without}
    return rows if smallest in rows else [*rows, smallest]


def _repeats(levels: Levels, rows: Sequence[Mapping[str, Any]]) -> bool:
    return len({tuple(name in row for name in levels) for row in rows}) < len(rows)


def _feasible(study: Study, design: Chosen, asked: Levels, space: Space) -> Combined:
    count, start = study.variants or 0, study.seed or 0
    left_out = _ruled_out(asked, space)
    wanted = count if design == "random" else MAX_CANDIDATES
    candidates = list_candidates(asked, lambda settings: space.objection(settings) is None, wanted, start)
    levels = occurring(asked, candidates)
    needed = sum(len(options) - 1 for options in levels.values())
    if not needed <= count <= len(candidates):
        raise UserError(
            f"variants: {design} takes {needed} here, one for each option, to {len(candidates)}, which is all that "
            f"can be had beside the baseline; got {count}"
        )
    chosen = d_optimal(levels, candidates, count, start) if design == "d_optimal" else candidates
    said = [item.settings for item in left_out]
    left_out += [
        LeftOut(settings=option, reason=f"none of these {count} variants has it")
        for option in one_at_a_time(asked)
        if option not in said and not any(option.items() <= row.items() for row in chosen)
    ]
    return Combined(chosen, left_out)


def _ruled_out(levels: Levels, space: Space) -> list[LeftOut]:
    """Returns the options, and the pairs of options, that the ledger rules out beside the baseline's of all others."""
    alone = one_at_a_time(levels)
    pairs = [one | other for one, other in combinations(alone, 2) if one.keys() != other.keys()]
    found: list[LeftOut] = []
    for settings in [*alone, *pairs]:
        told = any(item.settings.items() <= settings.items() for item in found)
        reason = None if told else space.objection(settings)
        if reason is not None:
            found.append(LeftOut(settings=settings, reason=reason))
    return found


def _check_design(study: Study, levels: Levels) -> None:
    design = study.design
    if not levels and design != "one_at_a_time":
        raise UserError(f"design: {design} needs details; with none, for controls only, use one_at_a_time")
    if design in TWO_LEVELS:
        for key, options in levels.items():
            if len(options) > 2:
                raise UserError(
                    f"details: {design} compares two options of each detail, and {key} has {len(options)} with the "
                    "baseline's; name one, or use design: d_optimal"
                )
    if design == "full_factorial" and prod(map(len, levels.values())) > MAX_ROWS:
        raise UserError(
            f"design: full_factorial has {prod(map(len, levels.values()))} combinations here, more than {MAX_ROWS}; "
            "use plackett_burman or d_optimal"
        )
    _check_size(study, levels)


def _check_size(study: Study, levels: Levels) -> None:
    chooses = study.design in ("d_optimal", "random")
    if chooses and study.variants is None:
        raise UserError(f"variants: say how many {study.design} chooses")
    if not chooses and study.variants is not None:
        raise UserError(f"variants belongs to d_optimal and random; {study.design} has as many as it has, leave it out")
    words = len((study.generators or "").split())
    if study.design == "fractional_factorial" and words != len(levels):
        raise UserError(f"generators: expected one word for each of the {len(levels)} details, got {words}")
    if study.seed is not None and study.design not in RANDOMISED:
        raise UserError(f"randomisation: {study.design} leaves nothing to chance; leave it out")
    if study.design != "fractional_factorial" and study.generators is not None:
        raise UserError(f"generators belongs to fractional_factorial; leave it out of {study.design}")
