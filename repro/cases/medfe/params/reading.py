"""From params.yaml to the checked tree, or to one message that says how to put the file right."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from repro.audit.ledger.choice import show_value
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.tree import Params
from repro.errors import UserError

GroupType = TypeVar("GroupType", bound=Group)

_MAX_PROBLEMS = 3


def load_params(file: Path) -> Params:
    """Returns the checked params of a YAML file.

    Raises:
        UserError: the file is missing, is no YAML, lacks a key, or holds a key or a value that is not allowed.
    """
    return parse_params(read_values(file, YAML(typ="safe", pure=True)), str(file))


def read_values(file: Path, yaml: YAML) -> Any:
    """Returns the values of a params file, not checked yet.

    Raises:
        UserError: the file is missing, or is no YAML.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file} is missing; get it back by: git checkout {file}") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    except (YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise UserError(f"{file} is no YAML: {where}\n  get it back by: git checkout {file}") from None


def parse_params(values: Any, origin: str) -> Params:
    """Returns the checked params of plain values; `origin` names them in the message.

    Raises:
        UserError: one line for each key that is wrong, and one that says how to put it right.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{origin}: expected groups of parameters, got {type(values).__name__}")
    remedy = f"put it right in {origin}"
    if Path(origin).is_file():
        remedy += f", or go back by: git checkout {origin}"
    return _validate(Params, values, origin, [remedy])


def parse_model(values: Any, origin: str) -> ModelParams:
    """Returns the checked model group alone, e.g. of a checkpoint.

    Raises:
        UserError: one line for each key that is wrong.
    """
    return _validate(ModelParams, values, origin, [], "model.")


def _validate(tree: type[GroupType], values: Any, origin: str, remedy: list[str], prefix: str = "") -> GroupType:
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
