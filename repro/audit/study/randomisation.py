"""Randomisation at planning: which column of a design each detail gets, and which of its two options is high.

A design in a few rows mixes interactions into main effects. Which ones, and with which sign, depends on the column and
the sign that each detail has. Drawn at random, the mixing is a random error, as large as lack of fit says and as often
up as down, whatever interactions the details have; in the order in which the details were written down it is a bias of
this order. What the designs and the plan know of it is this draw, which can be made again from its seed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repro.storage import hash_json

DRAWS = 64
"""How many draws are tried before a design is given up for the combinations that it needs and cannot have."""


class Assignment(NamedTuple):
    """What a draw decides.

    Attributes:
        columns: (K,) of the design, for each detail.
        spare: (C - K,) columns that no detail has.
        signs: (C,) 1 or -1, for each of these columns, details' first: whether its high rows take the other option
            or the baseline's.
    """

    columns: NDArray[np.int64]
    spare: NDArray[np.int64]
    signs: NDArray[np.float64]


def assign_columns(details: Sequence[str], columns: int, seed: int | None, draw: int = 0) -> Assignment:
    """Draws the column and the sign of each detail, each assignment as likely as any other.

    Columns are put in the order of hashes of the seed and their places, and signs are the last bits of such hashes: a
    generator's stream may change with its version, and the rows of a frozen plan have to stay those of its runs.
    Details are taken in the order of their names, so that the order in which a study lists them changes nothing.

    Args:
        details: their keys.
        columns: of the design, as many as details or more.
        seed: of the plan; None: nothing is drawn, and details take the first columns in their order.
        draw: which of the draws that the seed gives.

    Source: Fisher, The Design of Experiments (1935), chapter 2, on randomisation as the ground of the test; Wu &
    Hamada, Experiments (2009), section 5.2, on the assignment of factors to the columns of a fraction.

    Example:
        >>> given = assign_columns(["b", "a"], columns=3, seed=1)
        >>> sorted([*given.columns.tolist(), *given.spare.tolist()]), len(given.signs)
        ([0, 1, 2], 3)
        >>> swapped = assign_columns(["a", "b"], columns=3, seed=1)
        >>> given.columns.tolist() == swapped.columns.tolist()[::-1]
        True
    """
    if seed is None:
        return Assignment(np.arange(len(details)), np.arange(len(details), columns), np.ones(columns))
    order = np.argsort(_hash_places(seed, draw, "column", columns))
    signs = np.where(_hash_places(seed, draw, "sign", columns) % 2 == 0, 1.0, -1.0)
    places = np.array([sorted(details).index(detail) for detail in details], dtype=np.int64)
    taken = np.concatenate([places, np.arange(len(details), columns)])
    return Assignment(order[places], order[len(details) :], signs[taken])


def _hash_places(seed: int, draw: int, purpose: str, count: int) -> NDArray[np.uint64]:
    hashes = [hash_json([seed, draw, purpose, place]) for place in range(count)]
    return np.array([int(each[:16], 16) for each in hashes], dtype=np.uint64)


def describe_randomisation(declaration: Mapping[str, Any]) -> str:
    """Says of a study's declaration, as values, what was left to chance."""
    seed, design = declaration.get("randomisation"), declaration["design"]
    if design in ("plackett_burman", "fractional_factorial"):
        if seed is None:
            return (
                "Columns and signs were not randomised: details have the columns of the design in their order, and how "
                "interactions mix into effects is that of this order, not of chance."
            )
        return f"Randomised with the seed {seed}: which detail has which column, and which of its options is high."
    if design == "stack":
        return f"Beyond four parts, which of them has which column was drawn with the seed {seed}."
    if design in ("d_optimal", "random"):
        return f"Rows were chosen by chance, with the seed {0 if seed is None else seed}."
    if design == "full_factorial":
        return "All combinations are run: there is nothing to randomise, as no interaction mixes into an effect."
    return ""
