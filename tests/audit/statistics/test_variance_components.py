"""The mixed model against contrasts, moments and known components."""

from typing import Any

import numpy as np
import pytest

from repro.audit.statistics.error_terms import find_pure_error
from repro.audit.statistics.linear_model import fit_effects
from repro.audit.statistics.variance_components import fit_mixed, fit_moments

COLUMNS = np.array([[a, b] for a in (0, 1) for b in (0, 1)], dtype=np.float64)
SATURATED = np.eye(4)[:, 1:]


def draw(seeds: int, seed_sd: float, noise_sd: float, stream: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Draws 4 variants by seeds, with effects 2 and -1."""
    generator = np.random.default_rng(stream)
    shared = seed_sd * generator.standard_normal(seeds)
    return (COLUMNS @ [2, -1])[:, None] + shared + noise_sd * generator.standard_normal((4, seeds))


def test_effects_agree_with_contrasts_in_a_complete_table() -> None:
    values = draw(6, 3, 1)
    mixed = fit_mixed(COLUMNS, values)
    assert mixed.method == "REML"
    np.testing.assert_allclose(mixed.effects, fit_effects(COLUMNS, values).estimates, rtol=1e-6)


def test_variances_and_errors_agree_with_moments_in_a_complete_table() -> None:
    """With a mean for each variant, REML's variances are those of the analysis of variance."""
    values = draw(6, 3, 1)
    mixed, moments = fit_mixed(SATURATED, values), fit_moments(SATURATED, values)
    assert (mixed.method, moments.method) == ("REML", "moments")
    assert mixed.noise == pytest.approx(moments.noise, rel=1e-3)
    assert mixed.noise == pytest.approx(find_pure_error(values).variance, rel=1e-3)
    between = values.mean(axis=0).var(ddof=1)
    assert mixed.seed == pytest.approx(between - mixed.noise / 4, rel=1e-2)
    np.testing.assert_allclose(mixed.errors, moments.errors, rtol=1e-3)


def test_components_are_recovered_where_seeds_are_missing() -> None:
    """One variant with 12 seeds, the others with 3: the mean over 40 draws, by either method."""
    found: dict[str, list[tuple[float, float]]] = {"any": [], "moments": []}
    for stream in range(40):
        values = draw(12, 2, 1, stream)
        values[1:, 3:] = np.nan
        for name, mixed in (("any", fit_mixed(SATURATED, values)), ("moments", fit_moments(SATURATED, values))):
            found[name].append((mixed.seed, mixed.noise))
    for pairs in found.values():
        seed, noise = np.mean(pairs, axis=0)
        assert seed == pytest.approx(4, rel=0.3)
        assert noise == pytest.approx(1, rel=0.2)


def test_at_the_border_moments_take_over_without_a_warning() -> None:
    """Seeds that share nothing: the likelihood has its maximum at 0, or the search ends there."""
    values = draw(5, 0, 1)
    values -= values.mean(axis=0) - values.mean()
    mixed = fit_mixed(SATURATED, values)
    assert mixed.method == "moments"
    assert mixed.seed == 0
    assert mixed.noise == pytest.approx(find_pure_error(values).variance)


def test_one_variant_cannot_split_seed_from_noise() -> None:
    values = draw(8, 2, 1)[:1]
    mixed = fit_mixed(np.empty((1, 0)), values)
    assert np.isnan(mixed.seed)
    assert mixed.noise == pytest.approx(values.var(ddof=1))
