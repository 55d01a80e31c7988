"""Tables with runs missing against dense least squares on dummy columns, and the error rates of their effects.

Tolerances are those of rounding (ten of sixteen digits); those of simulations are stated beside them.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from test_seed_replicates import baseline_first, plan_of, table_of

from benchmarks.factorial_error import draw_studies
from repro.audit.statistics.effects import contrast_effects
from repro.audit.statistics.incomplete_tables import find_imbalance, fit_by_seed, square_changes
from repro.audit.statistics.linear_model import Floats
from repro.audit.statistics.mean_squares import find_lack_of_fit, find_pure_error, split_pure_error
from repro.audit.study.designs import plackett_burman


def draw_table(seed: int, missing: float = 0.3) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    variants, seeds, width = generator.integers(3, 16), generator.integers(2, 6), generator.integers(1, 4)
    columns = generator.integers(0, 2, (variants, width)).astype(np.float64)
    values = 5 + generator.normal(size=(variants, seeds))
    values[generator.random(values.shape) < missing] = np.nan
    return columns, values


def dense(columns: Floats, values: Floats, common: tuple[int, ...] = ()) -> tuple[float, int]:
    """Returns residual and rank of the model variant + seed + column x seed by its dummies; common: not x seed."""
    variant, seed = np.nonzero(np.isfinite(values))
    seeds = np.eye(values.shape[1])[seed]
    parts = [np.eye(len(values))[variant], seeds]
    parts += [seeds * columns[variant, [k]][:, None] for k in range(columns.shape[1]) if k not in common]
    model, found = np.hstack(parts), values[variant, seed]
    left, scale, _ = np.linalg.svd(model, full_matrices=False)
    left = left[:, scale > 1e-9 * scale.max()]
    return float(((found - left @ (left.T @ found)) ** 2).sum()), left.shape[1]


@pytest.mark.parametrize("missing", [0.1, 0.3, 0.6])
def test_the_fit_is_that_of_all_dummies(missing: float) -> None:
    for seed in range(40):
        columns, values = draw_table(seed, missing)
        fit = fit_by_seed(columns, values)
        residual, rank = dense(columns, values)
        assert (fit.residual, fit.df) == pytest.approx((residual, np.isfinite(values).sum() - rank), abs=1e-12)
        pure, pure_rank = dense(columns[:, :0], values)
        found = find_pure_error(values)
        assert (found.total, found.df) == pytest.approx((pure, np.isfinite(values).sum() - pure_rank), abs=1e-12)


def test_a_square_of_a_column_is_what_one_coefficient_for_all_seeds_leaves() -> None:
    """Where every seed tells the column, or those that do not say nothing on it; disconnected tables included."""
    compared = 0
    for seed in range(80):
        columns, values = draw_table(seed, 0.2)
        fit = fit_by_seed(columns, values)
        residual, rank = dense(columns, values)
        for column in np.flatnonzero(fit.whole.all(axis=0)):
            square, df = square_changes(fit, int(column))
            less, less_rank = dense(columns, values, common=(int(column),))
            assert df == rank - less_rank
            assert square * df == pytest.approx(less - residual, abs=1e-10) if df else np.isnan(square)
            compared += df > 0
    assert compared > 60


def test_halves_of_a_design_with_seeds_of_their_own() -> None:
    """Nothing connects them: what differs between their seeds is no noise, and no degree of freedom is counted."""
    generator = np.random.default_rng(3)
    signs = plackett_burman(3)
    columns, values = (np.vstack([signs, signs]) + 1) / 2, np.full((2 * len(signs), 4), np.nan)
    for half in (0, 1):
        seeds = slice(2 * half, 2 * half + 2)
        values[half * len(signs) :, seeds][: len(signs)] = generator.normal(size=(len(signs), 2)) + 30 * half
    split, variants = split_pure_error(columns, values), len(values)
    assert find_pure_error(values).df == variants - 2
    assert split.details.df == 2 * 3
    assert split.own_df.tolist() == [2, 2, 2]
    assert find_lack_of_fit(columns, values, split.spare).square.df == variants - 2 - 3
    assert split.details.value < 10


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_imbalance_is_what_simulated_effects_show(share: float) -> None:
    """Columns that change with the seed and no noise: the variance of an estimate over that of the mean square.

    The first from 4,000 draws has a standard error of 2.2 %, the second, on 3 degrees of freedom from 1,500, one of
    2.1 %: three of both together are 9 %.
    """
    signs = plackett_burman(3)
    columns, present = (signs + 1) / 2, np.ones((len(signs), 2), dtype=bool)
    present[int(share * len(signs)) :, 1] = False
    values = np.where(present, 0.0, np.nan)
    changes = np.random.default_rng(0).standard_normal((4000, 3, 2)) / 2
    drawn = np.where(present, np.einsum("vk,nks->nvs", signs, changes), np.nan)
    split = [split_pure_error(columns, table) for table in drawn[:1500]]
    found = find_imbalance(columns, values, split[0].details.df)
    # by seeds as blocks, the weights of the runs are linear: apply them to all draws at once
    unit, weights = weigh_runs(columns, present)
    variance = ((weights.reshape(3, -1) @ np.nan_to_num(drawn).reshape(len(drawn), -1).T) ** 2).mean(axis=1)
    wanted = np.maximum(variance / unit / np.mean([each.details.value for each in split]), 1)
    np.testing.assert_allclose(found, wanted, rtol=0.09)
    assert (found == 1).all() if share == 1 else (found > 1.2).all()


def weigh_runs(columns: Floats, present: np.ndarray) -> tuple[Floats, Floats]:
    """Returns the variances (K,) of the effects where noise is 1, and the weights (K, V, S) of the runs in them."""
    variant, seed = np.nonzero(present)
    model = np.hstack([np.eye(present.shape[1])[seed], columns[variant]])
    inverse = np.linalg.inv(model.T @ model)[present.shape[1] :]
    weights = np.zeros((columns.shape[1], *present.shape))
    weights[:, variant, seed] = inverse @ model.T
    return np.diag(inverse[:, present.shape[1] :]), weights


def last_seed_stopped(share: float) -> Callable[[np.random.Generator, int, int], Floats]:
    """A sweep by seed that was stopped: the last seed has run on a share of the variants."""

    def draw(generator: np.random.Generator, variants: int, seeds: int) -> Floats:
        absent = np.zeros((variants, seeds), dtype=bool)
        absent[generator.choice(variants, int((1 - share) * variants), replace=False), -1] = True
        return absent

    return draw


def at_random(share: float) -> Callable[[np.random.Generator, int, int], Floats]:
    return lambda generator, variants, seeds: generator.random((variants, seeds)) < share


@pytest.mark.parametrize(
    ("missing", "seeds"), [(last_seed_stopped(0.4), 2), (at_random(0.1), 2), (at_random(0.1), 3), (at_random(0.5), 3)]
)
def test_error_rates_hold_with_runs_missing_and_effects_that_change_with_the_seed(
    missing: Callable[[np.random.Generator, int, int], Floats], seeds: int
) -> None:
    """120 studies of 15 details that do nothing on average, by an sd of detail x seed of one run.

    Without the factor of imbalance the first covers in 89 % and alarms in 16 %. The limits are those that a method at
    its level passes in all but one of ten thousand runs.
    """
    signs = baseline_first(plackett_burman(15))
    plan, generator = plan_of(signs, seeds), np.random.default_rng(9)
    covered, alarms = [], 0
    for table in draw_studies(signs, seeds, 1.0, 120, seed=4):
        table[missing(generator, *table.shape)] = np.nan
        found = contrast_effects(plan, [table_of(plan, table)])
        told = found[found["low"].notna()]
        covered.append(((told["low"] < 0) & (told["high"] > 0)).mean())
        alarms += bool((stats.false_discovery_control(told["p"]) < 0.05).any())
    assert np.mean(covered) > 0.95 - stats.norm.isf(1e-4) * np.std(covered) / np.sqrt(len(covered))
    assert stats.binomtest(alarms, len(covered), 0.05, "greater").pvalue > 1e-4


def test_lack_of_fit_is_carried_where_no_spare_is_left() -> None:
    """A second seed of nine variants tells no more than the columns; pairs leak into effects as balance is broken.

    150 studies; before lack of fit was carried here, intervals covered in 82 %.
    """
    signs = baseline_first(plackett_burman(9))
    plan, generator, covered = plan_of(signs, 2), np.random.default_rng(1), []
    for table in draw_studies(signs, 2, 0.5, 150, (1.0, 0.3, 0.0), seed=3):
        table[last_seed_stopped(0.4)(generator, *table.shape)] = np.nan
        found = contrast_effects(plan, [table_of(plan, table)])
        covered.append(((found["low"] < 0) & (found["high"] > 0)).mean())
    assert np.mean(covered) > 0.95 - stats.norm.isf(1e-4) * np.std(covered) / np.sqrt(len(covered))
