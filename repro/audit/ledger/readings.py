"""Readings, scales and what all studies share, as YAML files, and how they make one set of values.

A case names the folder that holds `readings/`, `scales/` and perhaps `common.yaml`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.audit.ledger.parsing import read_values
from repro.audit.ledger.values import flatten, plain, shorten
from repro.errors import UserError

Values = dict[str, Any]

READINGS, SCALES, COMMON = "readings", "scales", "common.yaml"
INSTEAD_OF = "instead_of"
"""In a scale: for details whose option it cannot carry, what it takes instead."""


def list_readings(folder: Path) -> list[str]:
    """Returns the names of the readings."""
    return _names(folder / READINGS)


def load_reading(folder: Path, name: str) -> Values:
    """Returns the options of a reading, as nested values.

    Raises:
        UserError: there is no such reading.
    """
    return _load(folder / READINGS, name, "reading")


def load_common(folder: Path) -> Values:
    """Returns what all studies share, as nested values: what neither a reading nor a scale says; empty without one."""
    return _read_mapping(folder / COMMON) if (folder / COMMON).is_file() else {}


def merge_reading(folder: Path, name: str, scale: str) -> Values:
    """Returns what a reading at a scale sets, under dotted keys.

    A scale fixes the size of the experiment, and names what it takes instead of an option that it cannot carry.

    Raises:
        UserError: there is no such reading or scale.
    """
    fixed = _load(folder / SCALES, scale, "scale")
    instead = fixed.pop(INSTEAD_OF, {})
    values = flatten(load_reading(folder, name)) | flatten(fixed)
    if not isinstance(instead, Mapping) or not all(isinstance(others, Mapping) for others in instead.values()):
        raise UserError(f"scale {scale}: {INSTEAD_OF}: expected for each detail the options that it takes instead")
    if unknown := [key for key in instead if key not in values]:
        raise UserError(f"scale {scale}: {INSTEAD_OF}: the reading {name} says nothing of {shorten(str(unknown[0]))}")
    return values | {key: _replaced(values[key], others) for key, others in instead.items()}


def _load(folder: Path, name: str, what: str) -> Values:
    if name not in _names(folder):  # and so no path
        raise UserError(f"there is no {what} {shorten(name)}; there are: {', '.join(_names(folder)) or 'none'}")
    return _read_mapping(folder / f"{name}.yaml")


def _read_mapping(file: Path) -> Values:
    values = read_values(file)
    if values is not None and not isinstance(values, Mapping):
        raise UserError(f"{file}: expected groups of parameters, got {type(values).__name__}")
    return dict(values or {})


def _replaced(option: Any, others: Mapping[Any, Any]) -> Any:
    return next((other for one, other in others.items() if plain(one) == plain(option)), option)


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.yaml"))
