"""Writing params.yaml: a reading at a scale, with overrides; comments and keys that none of them sets are kept."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from repro.audit.ledger.parsing import Tree, parse_tree, read_values
from repro.audit.ledger.readings import merge_reading
from repro.audit.ledger.values import override_values, shorten
from repro.audit.ledger.yaml_text import parse_yaml
from repro.errors import UserError
from repro.storage import written_file

MOST_LETTERS = 10_000
"""Of an override."""


def use_reading(
    tree: type[Tree], folder: Path, file: Path, reading: str, scale: str, overrides: Mapping[str, Any]
) -> Tree:
    """Writes a reading at a scale into a params file, in the style that `dvc exp run -S` writes.

    What the scale sets goes before the reading, and overrides before both.

    Args:
        tree: root of the params tree.
        folder: of readings and scales.
        file: the params file.
        reading: its name.
        scale: its name.
        overrides: dotted keys with values.

    Raises:
        UserError: there is no such reading or scale, the file is broken, or the result is not allowed; the file is then
            left as it was.
    """
    values = read_values(file, comments=True)
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no parameters; get it back by: git checkout {file}")
    override_values(values, merge_reading(folder, reading, scale) | dict(overrides))
    params = parse_tree(tree, values, f"{reading} at scale {scale}")
    text, round_trip = io.StringIO(), YAML()
    round_trip.width = 120
    round_trip.dump(values, text)
    with written_file(file) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
    return params


def parse_overrides(arguments: Iterable[str]) -> dict[str, Any]:
    """Returns dotted keys with their values from `key=value` arguments; values are read as YAML.

    Raises:
        UserError: an argument is no `key=value`, or its value is no YAML.
    """
    overrides = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key:
            raise UserError(f"{shorten(argument)!r} is no key=value, such as loss.adv=hinge")
        if key in overrides:
            raise UserError(f"{shorten(key)} is given twice; give it once")
        if len(argument) > MOST_LETTERS:
            raise UserError(f"the value of {shorten(key)} has more than {MOST_LETTERS} letters; expected such as 0.1")
        try:
            overrides[key] = parse_yaml(text, shorten(key))
        except UserError as error:
            said = shorten(str(error).partition(": ")[2])
            raise UserError(
                f"the value of {shorten(argument)!r} is no YAML ({said})\n  write lists as [3,5,7]"
            ) from None
    return overrides
