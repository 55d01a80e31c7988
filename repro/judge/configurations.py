"""Two configurations, base and final: where they differ, and how their options are spelt as a table's.

What is no difference is shared and is not tested. A key that one configuration lacks is the same as one that is null:
a blank in the table.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from repro.audit.ledger.values import flatten, show_value
from repro.audit.ledger.yaml_text import read_yaml
from repro.audit.study.designs import MOST_COLUMNS
from repro.errors import UserError
from repro.judge.column_names import BLANK


class Difference(NamedTuple):
    """A part of the stack.

    Attributes:
        key: dotted.
        base: option of the base, as text of a table; `(blank)`: it has none.
        final: likewise of the final configuration.
    """

    key: str
    base: str
    final: str


class Stack(NamedTuple):
    """Two configurations.

    Attributes:
        differences: in the order of the final configuration.
        shared: options that both have.
    """

    differences: list[Difference]
    shared: dict[str, str]


def read_stack(base: str | Path, final: str | Path) -> Stack:
    """Reads two configurations and finds where they differ.

    Raises:
        UserError: one cannot be read or is no mapping, or they do not differ, or in too much.
    """
    one, other = (_read_options(Path(file)) for file in (base, final))
    keys = list(dict.fromkeys([*other, *one]))
    pairs = {key: (one.get(key, BLANK), other.get(key, BLANK)) for key in keys}
    differences = [Difference(key, *pair) for key, pair in pairs.items() if pair[0] != pair[1]]
    if not differences:
        raise UserError(f"{base} and {final} do not differ: no part to judge\n  expected two configurations")
    if len(differences) > MOST_COLUMNS:
        raise UserError(
            f"{base} and {final} differ in {len(differences)} keys, more than {MOST_COLUMNS}\n"
            "  judge a step between them first"
        )
    return Stack(differences, {key: pair[1] for key, pair in pairs.items() if pair[0] == pair[1]})


def _read_options(file: Path) -> dict[str, str]:
    values = read_yaml(file)
    if not isinstance(values, Mapping) or not values:
        raise UserError(f"{file} is no mapping\n  expected a configuration: `key: value`, nested or dotted")
    return {key: text_of(value) for key, value in flatten(values).items()}


def text_of(value: Any) -> str:
    """Returns an option as text that is the same however a configuration or a table spells it.

    Example:
        >>> text_of(True), text_of("1e-3"), text_of(2.0), text_of(None), text_of([1, 2]), text_of("[1, 2]")
        ('true', '0.001', '2', '(blank)', '[1,2]', '[1,2]')
    """
    if value is None or value != value:
        return BLANK
    text = " ".join(show_value(value).split())
    if text.lower() in ("true", "false"):
        return text.lower()
    if text in ("", "null", "None", "~"):
        return BLANK
    if text.startswith("["):
        return re.sub(r"\s*,\s*", ",", text).replace("'", "").replace('"', "")
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text
