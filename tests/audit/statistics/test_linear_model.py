"""The normal equations give what a dense decomposition of all runs gives, complete or not, of full rank or not.

Tolerances are those of rounding: products of columns square the condition of a table, which is below a thousand in
these, so that ten of sixteen digits stay.
"""

import numpy as np
import pytest
from simulated_factorial import make_plan, two_levels

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.linear_model import (
    Floats,
    code_details,
    fit_effects,
    stack_runs,
    take_off_base,
)


def draw_table(seed: int) -> tuple[Floats, Floats]:
    """Returns columns (V, K) and values (V, S): options or numbers, now and then one column twice, runs missing."""
    generator = np.random.default_rng(seed)
    variants, seeds, width = generator.integers(2, 20), generator.integers(1, 7), generator.integers(0, 6)
    columns = generator.integers(0, 2, (variants, width)).astype(np.float64)
    if seed % 3 == 0:
        columns = generator.normal(size=(variants, width))
    if width > 2 and seed % 4 == 0:
        columns[:, 0] = columns[:, 1]
    values = 10 + generator.normal(size=(variants, seeds))
    values[generator.random(values.shape) < (0, 0.1, 0.3, 0.6)[seed % 5 % 4]] = np.nan
    return columns, values


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_effects_are_those_of_a_dense_decomposition(start: int) -> None:
    for seed in range(start, start + 50):
        columns, values = draw_table(seed)
        fit = fit_effects(columns, values)
        design, found = stack_runs(columns, values)
        left, scale, right = np.linalg.svd(design, full_matrices=False)
        kept = scale > 1e-10 * scale.max(initial=0.0)
        left, scale, right = left[:, kept], scale[kept], right[kept]
        effects = slice(values.shape[1], None)
        estimable = ((right**2).sum(axis=0) > 1 - 1e-8)[effects]
        np.testing.assert_array_equal(np.isfinite(fit.estimates), estimable)
        coefficients = right.T @ ((left.T @ found) / scale)
        np.testing.assert_allclose(fit.estimates[estimable], coefficients[effects][estimable], rtol=1e-7, atol=1e-9)
        unit = ((right.T / scale**2) @ right)[effects, effects]
        where = np.ix_(estimable, estimable)
        np.testing.assert_allclose(fit.unit[where], unit[where], rtol=1e-7, atol=1e-9)
        assert fit.residual == pytest.approx(((found - design @ coefficients) ** 2).sum(), rel=1e-9, abs=1e-18)
        assert fit.rank == len(scale) - np.isfinite(values).any(axis=0).sum()


def test_two_options_that_differ_in_one_run_of_a_thousand_are_told_apart() -> None:
    columns = np.repeat((np.arange(1000) % 2).astype(np.float64)[:, None], 2, axis=1)
    columns[0, 1] = 1
    values = columns @ [[2.0], [-3.0]] + [[0.0, 5.0]]
    np.testing.assert_allclose(fit_effects(columns, values).estimates, [2, -3])
    assert np.isnan(fit_effects(columns[:, [0, 0]], values).estimates).all()


@pytest.mark.parametrize("seed", range(12))
def test_what_the_base_leaves_gives_the_models_of_base_and_columns(seed: int) -> None:
    base, values = draw_table(seed)
    others = np.random.default_rng(seed).integers(0, 2, (len(base), 4)).astype(np.float64)
    rows, targets = take_off_base(base, others, values)
    for chosen in ([0], [1], [2, 3]):
        fit = fit_effects(np.hstack([base, others[:, chosen]]), values)
        if np.isfinite(fit.estimates[-len(chosen) :]).all():
            found, _, _, _ = np.linalg.lstsq(rows[:, chosen], targets[:, 0])
            np.testing.assert_allclose(found, fit.estimates[-len(chosen) :], rtol=1e-7, atol=1e-9)
            inverse = np.linalg.inv(rows[:, chosen].T @ rows[:, chosen])
            np.testing.assert_allclose(inverse, fit.unit[-len(chosen) :, -len(chosen) :], rtol=1e-7, atol=1e-9)
        elif len(chosen) == 1:
            assert rows[:, chosen[0]] @ rows[:, chosen[0]] == pytest.approx(0, abs=1e-7)


def test_options_are_coded_as_they_are_written() -> None:
    """Numbers, lists and words; an option that the study does not name is no column, and its row none of the design."""
    levels = {"a": ["no", "yes"], "b": [1, 2.5, [3, 4]], "c": [None, True]}
    rows = [{"a": "yes", "b": 2.5}, {"b": [3, 4], "c": True}, {"b": 7}, {"a": "no", "c": True}]
    plan = make_plan(levels, "full_factorial", rows=rows, controls=True)
    coding = code_details(plan)
    for variant, row in zip(plan.variants, coding.matrix, strict=True):
        taken = [show_value(variant.settings.get(detail)) == option for detail, option in coding.options]
        assert row.tolist() == taken
    assert coding.points.tolist() == [True, True, True, False, True, False, False]
    assert code_details(make_plan(two_levels(3))).points.all()
