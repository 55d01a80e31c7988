"""Readings, scales and overrides, and how they make one tree of values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from repro.errors import UserError
from repro.paths import READINGS, SCALES

Values = dict[str, Any]


def merge_reading(name: str) -> Values:
    """Returns the options of a reading, as nested values.

    Raises:
        UserError: there is no such reading.
    """
    return _load(READINGS, name, "reading")


def merge_scale(name: str) -> Values:
    """Returns what a scale fixes, as nested values.

    Raises:
        UserError: there is no such scale.
    """
    return _load(SCALES, name, "scale")


def override_values(values: Values, overrides: Mapping[str, Any]) -> None:
    """Sets dotted keys in nested values, in place.

    Raises:
        UserError: a key has no group in the tree.
    """
    for key, value in overrides.items():
        *groups, name = key.split(".")
        place = values
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise UserError(f"{key} is not a parameter; `repro details` lists those that are")
        place[name] = value


def _load(folder: Path, name: str, what: str) -> Values:
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(item.stem for item in folder.glob("*.yaml")))
        raise UserError(f"there is no {what} {name}; there are: {known}")
    values: Values = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    return values
