"""Designs against known tables and against an independent implementation."""

from itertools import combinations, product

import numpy as np
import pytest

from repro.audit.study.designs import (
    code_options,
    fractional_factorial,
    full_factorial,
    one_at_a_time,
    plackett_burman,
    read_signs,
)
from repro.audit.study.optimal import d_optimal, list_candidates
from repro.errors import UserError

TABLE_12 = "++-+++---+-"
"""The first row of the design of 12 runs in Plackett & Burman (1946), of which the others are cyclic shifts."""


def test_one_at_a_time_takes_every_option_alone() -> None:
    assert one_at_a_time({"a": [1, 2, 3], "b": ["x", "y"]}) == [{"a": 2}, {"a": 3}, {"b": "y"}]
    assert one_at_a_time({}) == []


@pytest.mark.parametrize(("details", "rows"), [(3, 8), (7, 16), (11, 24), (12, 32), (15, 32), (19, 40), (23, 48)])
def test_plackett_burman_is_orthogonal_balanced_and_as_small_as_it_can_be(details: int, rows: int) -> None:
    signs = plackett_burman(details)
    assert signs.shape == (rows, details)
    assert np.array_equal(signs.T @ signs, rows * np.eye(details))
    assert not signs.sum(axis=0).any()
    assert (signs == -1).all(axis=1).sum() == 1  # the baseline


def test_plackett_burman_has_the_published_pairs_of_rows() -> None:
    """Equal up to the order of rows and columns: the counts of agreeing columns of any two rows do not depend on it."""
    row = np.array([1.0 if sign == "+" else -1.0 for sign in TABLE_12])
    published = np.vstack([*(np.roll(row, shift) for shift in range(11)), -np.ones(11)])
    ours = plackett_burman(11)[:12]
    for table in (published, ours):
        assert np.array_equal(table @ table.T - 12 * np.eye(12), -np.ones((12, 12)))
    triples = [
        sorted(abs((t[:, i] * t[:, j] * t[:, k]).sum()) for i, j, k in combinations(range(11), 3))
        for t in (published, ours)
    ]
    assert triples[0] == triples[1]


@pytest.mark.parametrize("details", [7, 11, 15])
def test_the_mirror_half_frees_main_effects_of_two_way_interactions(details: int) -> None:
    signs = plackett_burman(details)
    half = signs[: len(signs) // 2]

    def worst(table: np.ndarray) -> float:
        products = [table[:, i] * table[:, j] for i, j in combinations(range(details), 2)]
        return float(np.abs(table.T @ np.array(products).T).max() / len(table))

    assert worst(signs) == 0
    assert worst(half) >= 1 / 3  # without it this test can fail


def test_fractional_factorial_follows_its_generators() -> None:
    signs = fractional_factorial("a b c ab")
    assert sorted(map(tuple, signs[:, :3])) == sorted(product((-1.0, 1.0), repeat=3))
    assert np.array_equal(signs[:, 3], signs[:, 0] * signs[:, 1])
    with pytest.raises(UserError, match=r"ab and ba are the same column"):
        fractional_factorial("a b ab ba")
    with pytest.raises(UserError, match="generators"):
        fractional_factorial("a ??")


def test_full_factorial_has_every_combination_once() -> None:
    rows = full_factorial({"a": [1, 2, 3], "b": ["x", "y"]})
    assert len(rows) == 6
    assert rows[0] == {}
    assert {(row.get("a", 1), row.get("b", "x")) for row in rows} == set(product((1, 2, 3), "xy"))


def test_signs_become_settings_and_settings_signs() -> None:
    levels = {"a": [1, 2], "b": ["x", "y"]}
    signs = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    rows = read_signs(levels, signs)
    assert rows == [{"b": "y"}, {"a": 2, "b": "y"}, {}]
    assert np.array_equal(code_options(levels, rows)[1], signs)


LEVELS = {"a": [0, 1, 2], "b": [0, 1], "c": [0, 1], "d": [0, 1]}


def feasible(settings) -> bool:
    return not (settings.get("a") == 2 and settings.get("b") == 1)


def information(rows) -> float:
    columns = code_options(LEVELS, rows)[1]
    model = np.hstack([np.ones((len(columns), 1)), columns])
    return float(np.linalg.det(model.T @ model))


def test_candidates_are_feasible_distinct_and_the_same_every_time() -> None:
    found = list_candidates(LEVELS, feasible)
    assert len(found) == 3 * 8 - 4 - 1
    assert all(map(feasible, found))
    assert len({tuple(sorted(row.items())) for row in found}) == len(found)
    assert found == list_candidates(LEVELS, feasible)
    assert list_candidates(LEVELS, feasible, 5) == found[:5]
    many = {str(place): [0, 1] for place in range(20)}
    drawn = list_candidates(many, lambda _: True, 30)
    assert len({tuple(sorted(row.items())) for row in drawn}) == 30
    assert list_candidates(many, lambda _: True, 10) == drawn[:10]


def test_d_optimal_is_the_best_of_all_subsets_where_all_can_be_tried() -> None:
    candidates = list_candidates(LEVELS, feasible)
    best = max(information([{}, *rows]) for rows in combinations(candidates, 5))
    assert information([{}, *d_optimal(LEVELS, candidates, 5)]) == pytest.approx(best)


def test_d_optimal_takes_no_row_twice_and_beats_a_draw() -> None:
    candidates = list_candidates(LEVELS, feasible)
    chosen = d_optimal(LEVELS, candidates, 9)
    assert len({tuple(sorted(row.items())) for row in chosen}) == 9
    assert chosen == d_optimal(LEVELS, candidates, 9)
    draws = np.random.default_rng(1).permuted(np.tile(np.arange(len(candidates)), (200, 1)), axis=1)[:, :9]
    assert information([{}, *chosen]) > max(information([{}, *(candidates[i] for i in draw)]) for draw in draws)


def test_d_optimal_reaches_the_orthogonal_design_where_nothing_is_forbidden() -> None:
    levels = {name: [0, 1] for name in "abcdefg"}
    chosen = d_optimal(levels, list_candidates(levels, lambda _: True), 7)
    columns = code_options(levels, [{}, *chosen])[1]
    model = np.hstack([np.ones((8, 1)), columns])
    assert np.linalg.det(model.T @ model) == pytest.approx(8.0**8)
