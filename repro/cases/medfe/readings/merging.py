"""Readings, scales and overrides, and how they make one tree of values."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from repro.audit.ledger.values import flatten
from repro.errors import UserError
from repro.paths import COMMON, READINGS, SCALES

Values = dict[str, Any]


def load_reading(name: str) -> Values:
    """Returns the options of a reading, as nested values.

    Raises:
        UserError: there is no such reading.
    """
    return _load(READINGS, name, "reading")


def load_common() -> Values:
    """Returns what all studies share, as nested values: what neither a reading nor a scale says."""
    return _load(COMMON.parent, COMMON.stem, "file")


def merge_reading(name: str, scale: str) -> dict[str, Any]:
    """Returns what a reading at a scale sets, under dotted keys.

    A scale fixes its budget, and names what it takes instead of an option that it cannot carry.

    Raises:
        UserError: there is no such reading or scale.
    """
    fixed = _load(SCALES, scale, "scale")
    instead = fixed.pop("instead_of", {})
    values = flatten(load_reading(name)) | flatten(fixed)
    return values | {key: others.get(values[key], values[key]) for key, others in instead.items()}


def _load(folder: Path, name: str, what: str) -> Values:
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(item.stem for item in folder.glob("*.yaml")))
        raise UserError(f"there is no {what} {name}; there are: {known}")
    values: Values = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    return values
