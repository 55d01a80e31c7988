"""Values of a params tree, nested or under dotted keys: what counts as the same value, and how one is typed."""

from collections.abc import Mapping
from typing import Any

from repro.errors import UserError


def flatten(tree: Mapping[str, Any], separator: str = ".", prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested values by their joined keys; lists are leaves."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        leaves |= flatten(value, separator, f"{key}{separator}") if isinstance(value, Mapping) else {key: value}
    return leaves


def override_values(values: dict[str, Any], overrides: Mapping[str, Any]) -> None:
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


def plain(value: Any) -> Any:
    """Returns a value as JSON holds it: tuples become lists."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def show_value(value: Any) -> str:
    """Returns a value as one would type it after `-S key=`."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple() | list():
            return "[" + ",".join(show_value(item) for item in value) + "]"
        case _:
            return str(value)


def shorten(text: str, most: int = 120) -> str:
    """Returns a text in one line that says the same, or begins and ends alike."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    return line if len(line) <= most else f"{line[: most - 30]} ... {line[-25:]}"
