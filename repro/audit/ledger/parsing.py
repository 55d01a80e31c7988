"""From a file or plain values to a checked params tree, or to one message that says how to put it right.

Any tree will do; which one it is, the caller says.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from repro.audit.ledger.choice import show_value
from repro.errors import UserError

Tree = TypeVar("Tree", bound=BaseModel)

_MAX_PROBLEMS = 3


def read_values(file: Path, yaml: YAML | None = None) -> Any:
    """Returns the values of a YAML file, not checked yet.

    Args:
        file: e.g. params.yaml.
        yaml: how it is read; None: as plain values.

    Raises:
        UserError: the file is missing, or is no YAML.
    """
    try:
        return (yaml or YAML(typ="safe", pure=True)).load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file} is missing; get it back by: git checkout {file}") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    except (YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise UserError(f"{file} is no YAML: {where}\n  get it back by: git checkout {file}") from None


def parse_tree(tree: type[Tree], values: Any, origin: str) -> Tree:
    """Returns the checked params of plain nested values; `origin` names them in the message.

    Raises:
        UserError: one line for each key that is wrong, and one that says how to put it right.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{origin}: expected groups of parameters, got {type(values).__name__}")
    remedy = f"put it right in {origin}"
    if Path(origin).is_file():
        remedy += f", or go back by: git checkout {origin}"
    return parse_group(tree, values, origin, [remedy])


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
        return tree.model_validate(values)
    except ValidationError as error:
        problems = [f"{prefix}{_describe(problem)}" for problem in error.errors(include_url=False)]
    shown = problems[:_MAX_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more")
    raise UserError(f"{origin}: " + "\n  ".join([*shown, *remedy]))


def _describe(problem: ErrorDetails) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{key} is missing"
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a parameter"
    if problem["type"] == "constraint":
        return problem["msg"]
    message = problem["msg"].removeprefix("Input should be ")
    if problem["type"] == "literal_error":
        message = "allowed: " + message.replace("'", "").replace(" or ", ", ")
    elif not message.startswith("allowed"):
        message = f"expected {message[0].lower()}{message[1:]}"
    return f"{key} is {show_value(problem['input'])}; {message}"
