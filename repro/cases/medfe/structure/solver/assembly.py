"""Assembly of the frontal matrices of a dissected grid: which terms each of their entries is the sum of.

This symbolic part depends on the size of the images alone and is kept; by its lists of places the numbers of all cells
of a level are gathered at once.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from repro.cases.medfe.structure.solver.dissection import Cell, Level, Vertex, dissect

FIELDS = 3
"""What a vertex brings along beside its right-hand sides: its diagonal entry, and those of its edges right and down."""

_Places = npt.NDArray[np.int64]


class Assembly(NamedTuple):
    """How the blocks of a level are put together; places are int64. A level has one kind of cells, or four.

    Each cell has a buffer: what its four quarters passed on, (4, ring, C + ring) of the level below, then the fields
    and right-hand sides of its own vertices, (inside + ring, FIELDS + C), then a zero. The front of a cell is the
    columns of the vertices inside, (inside + C + ring, inside); its middle rows are the right-hand sides.
    """

    inside: int
    ring: int
    rows: int
    """inside + C + ring."""
    vertices: Tensor
    """(cells, inside + ring): places of each cell's vertices in the flat last cell."""
    front: Tensor
    """(kinds, (inside + C + ring) * inside): places in the buffer of the first term of each entry."""
    further: list[Tensor]
    """(2, kinds, terms) each: places in the front and in the buffer of the terms that are added to those. No entry is
    twice in one, so that the order of summation is fixed on any device."""
    passed: Tensor
    """(kinds, ring * (C + ring)): places in the buffer of what the quarters pass on beyond this level."""


class Plan(NamedTuple):
    """The levels, the lowest first, and the size of the last cell, which covers the image."""

    height: int
    width: int
    levels: list[Assembly]


@lru_cache(maxsize=4)
def plan_assembly(height: int, width: int, channels: int, device: torch.device) -> Plan:
    """Returns the plan for images of this size in pixels and with this number of right-hand sides."""
    whole, levels = dissect(height, width)
    return Plan(*whole, [_assemble(level, whole, channels, device) for level in levels])


def _assemble(level: Level, whole: Vertex, channels: int, device: torch.device) -> Assembly:
    inside, ring = len(level.kinds[0].inside), len(level.kinds[0].ring)
    kinds = [np.array(kind.inside + kind.ring, np.int64).reshape(-1, 2) for kind in level.kinds]
    vertices = level.corners.reshape(-1, len(kinds), 1, 2) + np.stack(kinds)
    places = (vertices @ [whole[1] + 1, 1]).reshape(len(level.corners), -1)
    front, further, passed = zip(*(_find_terms(kind, channels) for kind in level.kinds), strict=True)
    return Assembly(
        inside,
        ring,
        inside + channels + ring,
        torch.from_numpy(places).to(device),
        torch.from_numpy(np.stack(front)).to(device),
        [torch.from_numpy(np.stack(terms, axis=1)).to(device) for terms in zip(*further, strict=True)],
        torch.from_numpy(np.stack(passed)).to(device),
    )


def _find_terms(cell: Cell, channels: int) -> tuple[_Places, list[_Places], _Places]:
    """Returns front, further and passed of one kind of cells."""
    numbers = {vertex: number for number, vertex in enumerate(cell.inside + cell.ring)}
    inside, ring = len(cell.inside), len(cell.ring)
    front, passed = _Terms((inside + channels + ring, inside)), _Terms((ring, channels + ring))
    start = 0
    for quarter in cell.quarters:
        block = start + np.arange(len(quarter) * (channels + len(quarter))).reshape(len(quarter), -1)
        start += block.size
        _add_quarter(front, passed, np.array([numbers[vertex] for vertex in quarter], np.int64), block, inside)
    own = start + np.arange(len(numbers) * (FIELDS + channels)).reshape(-1, FIELDS + channels)
    _add_own(front, own, numbers, inside)
    zero = start + own.size
    return front.first(zero), front.further(), passed.first(zero)


class _Terms:
    """The places in the buffer of the terms of each entry of a matrix."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._first = np.full(shape, -1)
        self._count = np.zeros(shape, np.int64)
        self._further: list[tuple[_Places, _Places, _Places]] = []

    def add(self, rows: _Places, columns: _Places, places: _Places) -> None:
        """Adds one term, given by its place in the buffer, to each of these entries; the shapes broadcast."""
        before, entries = self._count[rows, columns], rows * self._count.shape[1] + columns
        taken = before > 0
        self._further.append((before[taken], entries[taken], places[taken]))
        self._first[rows, columns] = np.where(taken, self._first[rows, columns], places)
        self._count[rows, columns] += 1

    def first(self, zero: int) -> _Places:
        """Returns the place of the first term of each entry, `zero` where there is none."""
        return np.where(self._count, self._first, zero).ravel()

    def further(self) -> list[_Places]:
        """Returns the places of the second, third, ... terms, (2, terms): in the matrix and in the buffer."""
        before, entries, places = np.concatenate([np.stack(terms) for terms in self._further], axis=1)
        return [np.stack([entries, places])[:, before == count] for count in range(1, self._count.max(initial=0))]


def _add_quarter(front: _Terms, passed: _Terms, quarter: _Places, block: _Places, inside: int) -> None:
    """Adds what a quarter passes on.

    Args:
        front: takes the columns of the vertices inside.
        passed: takes what lies between right-hand sides and ring.
        quarter: (its ring,): the numbers of its vertices in the cell.
        block: (its ring, C + its ring): places in the buffer.
        inside: how many vertices are eliminated.
    """
    channels = block.shape[1] - len(quarter)
    rows = np.r_[inside : inside + channels, np.where(quarter < inside, quarter, quarter + channels)]
    eliminated, kept, beyond = quarter < inside, quarter >= inside, rows >= inside
    front.add(rows[:, None], quarter[eliminated], block[eliminated].T)
    passed.add(quarter[kept, None] - inside, rows[beyond] - inside, block[kept][:, beyond])


def _add_own(front: _Terms, own: _Places, numbers: dict[Vertex, int], inside: int) -> None:
    """Adds the fields and right-hand sides of the vertices inside; `own`, (inside + ring, FIELDS + C), is places."""
    channels, eliminated = own.shape[1] - FIELDS, np.arange(inside)
    front.add(eliminated, eliminated, own[:inside, 0])
    front.add(np.arange(inside, inside + channels)[:, None], eliminated, own[:inside, FIELDS:].T)
    for field, (down, right) in ((1, (0, 1)), (2, (1, 0))):
        pairs = [(number, numbers.get((y + down, x + right), -1)) for (y, x), number in numbers.items()]
        start, end = np.array([pair for pair in pairs if pair[1] >= 0], np.int64).reshape(-1, 2).T
        for one, other in ((start, end), (end, start)):
            enters = one < inside
            rows = np.where(other < inside, other, other + channels)[enters]
            front.add(rows, one[enters], own[start[enters], field])
