"""Writing params.yaml: a reading at a scale, with overrides; comments and keys that none of them sets are kept."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from repro.audit.ledger.parsing import Tree, parse_tree, read_values
from repro.audit.ledger.readings import merge_reading
from repro.audit.ledger.values import override_values
from repro.errors import UserError
from repro.storage import written_file


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
    round_trip = YAML()
    round_trip.width = 120
    values = read_values(file, round_trip)
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no parameters; get it back by: git checkout {file}")
    override_values(values, merge_reading(folder, reading, scale) | dict(overrides))
    params = parse_tree(tree, values, f"{reading} at scale {scale}")
    text = io.StringIO()
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
            raise UserError(f"{argument!r} is no key=value, such as loss.adv=hinge")
        try:
            overrides[key] = YAML(typ="safe", pure=True).load(text)
        except YAMLError:
            raise UserError(f"the value of {argument!r} is no YAML; write lists as [3,5,7]") from None
    return overrides
