"""From a file or plain values to a checked params tree, or to one message that says how to put it right.

Any tree will do; which one it is, the caller says.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails

from repro.audit.ledger.choice import show_value
from repro.audit.ledger.values import flatten, shorten
from repro.audit.ledger.yaml_text import read_yaml
from repro.errors import UserError

Tree = TypeVar("Tree", bound=BaseModel)

_MAX_PROBLEMS = 3
_MOST_NAME = 200


def read_values(file: Path, *, comments: bool = False) -> Any:
    """Returns the values of a YAML file that git holds, not checked yet.

    Args:
        file: e.g. params.yaml.
        comments: whether they are kept, to write the file again.

    Raises:
        UserError: the file is missing, is no YAML, or holds more than params can be.
    """
    back = f"get it back by: git checkout {file}"
    if not file.is_file() and not file.exists():
        raise UserError(f"{file} is missing; {back}")
    try:
        return read_yaml(file, comments=comments)
    except UserError as error:
        raise UserError(f"{error}\n  {back}") from None


def parse_tree(tree: type[Tree], values: Any, origin: str) -> Tree:
    """Returns the checked params of plain nested values; `origin` names them in the message.

    Raises:
        UserError: one line for each key that is wrong, and, of a file, one that says how to get it back.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{origin}: expected groups of parameters, got {type(values).__name__}")
    there = len(origin) < _MOST_NAME and Path(origin).is_file()
    remedy = [f"put it right in {origin}, or go back by: git checkout {origin}"] if there else []
    return parse_group(tree, values, origin, remedy)


def parse_group(tree: type[Tree], values: Any, origin: str, remedy: Sequence[str] = (), prefix: str = "") -> Tree:
    """Returns a checked group of params, e.g. that of a file of weights.

    Args:
        tree: the group's type.
        values: its plain values.
        origin: what they are called in the message.
        remedy: lines below the problems.
        prefix: of the keys in the message, e.g. "model.".

    Raises:
        UserError: one line for each key that is wrong, then the remedy.
    """
    try:
        checked = validate(tree, values)
        endless = [key for key, value in flatten(checked.model_dump()).items() if not _is_finite(value)]
        if not endless:
            return checked
        problems = [f"{prefix}{key} is no finite number, which no file of params can hold" for key in endless]
    except ValidationError as error:
        problems = [f"{prefix}{describe_problem(problem)}" for problem in error.errors(include_url=False)]
    shown = problems[:_MAX_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more")
    raise UserError(f"{origin}: " + "\n  ".join([*shown, *remedy]))


def validate(tree: type[Tree], values: Any) -> Tree:
    """Returns a checked tree of plain values, in which true and false are no numbers.

    Raises:
        ValidationError: something is not what the tree holds.
    """
    checked = tree.model_validate(values)
    held = flatten(checked.model_dump())
    counted = [
        InitErrorDetails(type="int_type", loc=tuple(key.split(".")), input=value)
        for key, value in flatten(values).items()
        if isinstance(value, bool) and type(held.get(key)) in (int, float)
    ]
    if counted:
        raise ValidationError.from_exception_data(tree.__name__, counted)
    return checked


def _is_finite(value: Any) -> bool:
    """Tells whether a value, or each one of several, is no infinite or undefined number."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def describe_problem(problem: ErrorDetails, noun: str = "a parameter") -> str:
    """Returns in one line which key is wrong, what it is, and what was expected; `noun` is what a key should be."""
    key = shorten(".".join(str(part) for part in problem["loc"])) or "it"
    if problem["type"] == "missing":
        return f"{key} is missing"
    if problem["type"] == "extra_forbidden":
        return f"{key} is not {noun}"
    if problem["type"] in ("constraint", "value_error"):
        return problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"{key} is {shorten(show_value(problem['input']))}; expected keys with values"
    message = problem["msg"].removeprefix("Input should be ")
    if problem["type"] == "literal_error":
        message = "allowed: " + message.replace("'", "").replace(" or ", ", ")
    elif not message.startswith("allowed"):
        message = f"expected {message[0].lower()}{message[1:]}"
    return f"{key} is {shorten(show_value(problem['input']))}; {shorten(message, 300)}"
