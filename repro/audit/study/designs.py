"""Designs: how the options of several details are combined into variants.

Levels are the options of each detail by its dotted key, the baseline's first. The settings of a row are its departures
from the baseline, so that the baseline itself has none.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.audit.study.randomisation import assign_columns
from repro.errors import UserError

Levels = Mapping[str, Sequence[Any]]
Signs = NDArray[np.float64]
"""(rows, details) float64: +1 where the option departs from the baseline's, -1 where it does not."""
MOST_FULL = 4
"""Parts of a stack up to which all their mixtures are run."""
MOST_COLUMNS = 45
"""Options beyond the baseline's that are fitted at once; pairs of them make a thousand interactions."""


def one_at_a_time(levels: Levels) -> list[dict[str, Any]]:
    """Returns every option but the baseline's, each alone.

    Example:
        >>> one_at_a_time({"loss": ["hinge", "wgan"], "width": [16, 32, 64]})
        [{'loss': 'wgan'}, {'width': 32}, {'width': 64}]
    """
    return [{key: option} for key, options in levels.items() for option in options[1:]]


def plackett_burman(details: int, spare: bool = False) -> Signs:
    """Returns a Plackett-Burman design with its mirror image below it (fold-over).

    The rows are the next multiple of four above the number of details, twice. The mirror image frees main effects of
    two-way interactions. A row of -1 is always there.

    Args:
        details: how many columns are needed.
        spare: whether columns that no detail needs are returned as well: rows / 2 - 1 in all.

    Source: Plackett & Burman, The design of optimum multifactorial experiments (1946); Box & Wilson (1951) for the
    fold-over; matrices by pyDOE.

    Example:
        >>> signs = plackett_burman(7)
        >>> signs.shape, bool((signs.T @ signs == 16 * np.eye(7)).all())  # columns are orthogonal
        ((16, 7), True)
    """
    from pydoe import pbdesign  # takes a second to import

    columns = 4 * (details // 4) + 3 if spare else details
    # pyDOE ends on a row of ones: turned, these are -1
    half = -np.asarray(pbdesign(columns), dtype=np.float64)[::-1, :columns]
    return np.vstack([half, -half])


def fractional_factorial(generators: str) -> Signs:
    """Returns the regular fraction that generators define, e.g. "a b c ab" for four details in eight rows.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapter 6; matrices by pyDOE's `fracfact`.

    Raises:
        UserError: they define no design, or two of them the same column.

    Example:
        >>> fractional_factorial("a b ab").tolist()  # the third detail is the interaction of the first two
        [[-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]
    """
    from pydoe import fracfact  # takes a second to import

    try:
        signs = np.asarray(fracfact(generators), dtype=np.float64)
    except (ValueError, IndexError, KeyError) as error:
        raise UserError(f"generators {generators!r}: {' '.join(str(error).split())}; expected e.g. a b c ab") from None
    words = generators.split()
    for first, second in zip(*np.nonzero(np.triu(np.abs(signs.T @ signs) == len(signs), 1)), strict=True):
        raise UserError(
            f"generators {generators!r}: {words[first]} and {words[second]} are the same column, so that their "
            "details could not be told apart; give each a word of its own"
        )
    return signs


def full_factorial(levels: Levels) -> list[dict[str, Any]]:
    """Returns every combination of all options; the baseline (no setting) is the first."""
    first = {key: options[0] for key, options in levels.items()}
    return [
        {key: option for key, option in zip(levels, row, strict=True) if option != first[key]}
        for row in product(*levels.values())
    ]


def read_signs(levels: Levels, signs: Signs) -> list[dict[str, Any]]:
    """Returns the settings of each row of a two-level design."""
    return [{key: levels[key][1] for key, sign in zip(levels, row, strict=True) if sign > 0} for row in signs]


def stack_mixtures(levels: Levels, seed: int | None, draw: int = 0) -> tuple[str, list[dict[str, Any]]]:
    """Returns the name of a stack's design and its rows: of each mixture, the parts taken out; the whole first.

    Up to four parts all mixtures, beyond that a Plackett-Burman design with its mirror image, so that pairs are not
    mixed into parts. Which column a part has is drawn; signs are not, as the whole has to be a row.

    Example:
        >>> name, rows = stack_mixtures({key: ["final", "base"] for key in "abcde"}, seed=1)
        >>> name, len(rows), rows[0]
        ('Plackett-Burman with its mirror image', 16, {})
    """
    if len(levels) <= MOST_FULL:
        return "full factorial", full_factorial(levels)
    table = plackett_burman(len(levels), spare=True)
    columns = assign_columns(list(levels), table.shape[1], seed, draw).columns
    return "Plackett-Burman with its mirror image", sorted(read_signs(levels, table[:, columns]), key=len)


def code_options(levels: Levels, rows: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, Any]], Signs]:
    """Returns the columns of a linear model: for each option but the baseline's, +1 in the rows that have it, else -1.

    Args:
        levels: the options.
        rows: settings of each design point.

    Returns:
        The (detail, option) of each column, and the columns (rows, columns).
    """
    names = [(key, option) for key, options in levels.items() for option in options[1:]]
    signs = [[1.0 if key in row and row[key] == option else -1.0 for key, option in names] for row in rows]
    return names, np.array(signs, dtype=np.float64).reshape(len(rows), len(names))
