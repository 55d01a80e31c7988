"""Nested dissection of a pixel grid: in which order its unknowns leave a system of equations.

The grid is cut into cells, and four cells make one of the next level. A cell of any level is a rectangle of vertices
that shares its ring with its neighbours. Its inside is eliminated from the lowest level up: first the inside of the
smallest cells, then the cross that is left in the middle of four cells when they are joined. The last four cells also
lose the sides that nobody shares.

Source: George 1973, "Nested dissection of a regular finite element mesh".
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LARGEST_LEAF_PX = 7
"""Longer side of the smallest cells: they have 4 to 7, so that little of the grid lies outside the image."""

Vertex = tuple[int, int]

_QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class Cell(NamedTuple):
    """What happens in a cell; vertices are (y, x) from its upper left corner."""

    inside: list[Vertex]
    """What is eliminated."""
    ring: list[Vertex]
    """What stays and has neighbours among what is eliminated here or was below."""
    quarters: list[list[Vertex]]
    """The rings of the four cells that it is made of; empty on the lowest level."""


class Level(NamedTuple):
    """The cells of a level."""

    kinds: list[Cell]
    """One that all cells are like, or one for each of the last four."""
    corners: npt.NDArray[np.int64]
    """(cells, 2): the upper left corner of each cell. Four that are joined follow each other."""


def dissect(height: int, width: int) -> tuple[Vertex, list[Level]]:
    """Returns size and levels, the lowest first, of a single last cell that covers an image of this size in pixels.

    Pixel (y, x) is vertex (y + 1, x + 1) of the last cell.
    """
    joins = 0
    while max(height, width) > LARGEST_LEAF_PX << joins:
        joins += 1
    rows, columns = -(-height >> joins), -(-width >> joins)  # rounded up
    levels: list[Level] = []
    for level in range(joins + 1):
        size = rows << level, columns << level
        below = levels[-1].kinds if levels else []
        kinds = _describe(size, below, joins - level)
        levels.append(Level(kinds, _number_cells(joins - level) * size))
    return (rows << joins, columns << joins), levels


def _describe(size: Vertex, below: list[Cell], joins_left: int) -> list[Cell]:
    height, width = size
    if not below and not joins_left:
        return [Cell([(y, x) for y in range(height + 1) for x in range(width + 1)], [], [])]
    middle, quarters = (_cross(*size), _place(below, size)) if below else (_all_inside(*size), [])
    if joins_left == 0:
        ends = [(0, width // 2), (height, width // 2), (height // 2, 0), (height // 2, width)]
        return [Cell(middle + ends, [], quarters)]
    if joins_left == 1:
        return [_trim(middle, size, quarters, place) for place in _QUARTERS]
    sides = _row(0, width) + _row(height, width) + _column(0, height) + _column(width, height)
    return [Cell(middle, sides, quarters)]


def _trim(middle: list[Vertex], size: Vertex, quarters: list[list[Vertex]], place: Vertex) -> Cell:
    """Returns one of the last four cells, which also loses the two sides on the border of the whole."""
    height, width = size
    border = place[0] * height, place[1] * width
    shared = height - border[0], width - border[1]
    outer = [*_row(border[0], width), *_column(border[1], height), border]
    inner = _row(shared[0], width) + _column(shared[1], height)
    return Cell(middle + outer, [*inner, (border[0], shared[1]), (shared[0], border[1])], quarters)


def _all_inside(height: int, width: int) -> list[Vertex]:
    return [vertex for y in range(1, height) for vertex in _row(y, width)]


def _cross(height: int, width: int) -> list[Vertex]:
    """Returns what is left inside four cells that make one of this size: the sides that they share."""
    return _column(width // 2, height) + [vertex for vertex in _row(height // 2, width) if vertex[1] != width // 2]


def _row(y: int, width: int) -> list[Vertex]:
    return [(y, x) for x in range(1, width)]


def _column(x: int, height: int) -> list[Vertex]:
    return [(y, x) for y in range(1, height)]


def _place(cells: list[Cell], size: Vertex) -> list[list[Vertex]]:
    """Returns the rings of four cells as vertices of the cell of this size that they make."""
    rings = [cell.ring for cell in cells] if len(cells) == 4 else [cells[0].ring] * 4
    shifts = [(row * size[0] // 2, column * size[1] // 2) for row, column in _QUARTERS]
    return [[(y + down, x + right) for y, x in ring] for ring, (down, right) in zip(rings, shifts, strict=True)]


def _number_cells(joins_left: int) -> npt.NDArray[np.int64]:
    """Returns (cells, 2): row and column of each cell of a level, such that those joined follow each other."""
    cells = np.zeros((1, 2), np.int64)
    for _ in range(joins_left):
        cells = (2 * cells[:, None] + np.array(_QUARTERS)).reshape(-1, 2)
    return cells
