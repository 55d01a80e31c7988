"""Nested dissection: who is eliminated when."""

import numpy as np
import pytest

from repro.cases.medfe.structure.solver.dissection import dissect

SIZES = [(256, 256), (40, 48), (33, 17), (8, 8), (14, 13), (7, 7), (2, 3), (1, 9), (1, 1)]


def eliminated_at(height, width):
    """The level at which each vertex of the last cell is eliminated, and how often it is."""
    size, levels = dissect(height, width)
    when, times = (np.zeros((size[0] + 1, size[1] + 1), int) for _ in range(2))
    for number, level in enumerate(levels):
        for cell, corner in enumerate(level.corners):
            inside = np.array(level.kinds[cell % len(level.kinds)].inside, int).reshape(-1, 2) + corner
            np.add.at(times, tuple(inside.T), 1)
            when[tuple(inside.T)] = number
    return when, times


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_vertex_is_eliminated_once_and_the_image_is_covered(height, width):
    _, times = eliminated_at(height, width)
    assert (times == 1).all()
    assert times.shape[0] > height
    assert times.shape[1] > width


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_cell_knows_every_vertex_that_fill_can_reach(height, width):
    """The ring has all later neighbours of what is eliminated, directly or through what was eliminated before."""
    _, levels = dissect(height, width)
    when, _ = eliminated_at(height, width)
    for number, level in enumerate(levels):
        for cell, corner in enumerate(level.corners[:4]):
            kind = level.kinds[cell % len(level.kinds)]
            known = set(kind.ring) | set(kind.inside)
            for quarter in kind.quarters:
                assert set(quarter) <= known
            for y, x in kind.inside:
                for vertex in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
                    place = vertex[0] + corner[0], vertex[1] + corner[1]
                    if all(0 <= at < side for at, side in zip(place, when.shape, strict=True)):
                        assert vertex in known or when[place] < number


def test_little_lies_outside_the_image():
    for side in (8, 9, 57, 64, 65, 113, 225):
        (height, width), _ = dissect(side, 1)
        assert side <= height <= 1.25 * side
        assert width < height
