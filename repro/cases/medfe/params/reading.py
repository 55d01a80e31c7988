"""From params.yaml to the checked tree of this case, or to one message that says how to put the file right."""

from pathlib import Path
from typing import Any

from repro.audit.ledger.parsing import parse_group, parse_tree, read_values
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.tree import Params


def load_params(file: Path) -> Params:
    """Returns the checked params of a YAML file.

    Raises:
        UserError: the file is missing, is no YAML, lacks a key, or holds a key or a value that is not allowed.
    """
    return parse_tree(Params, read_values(file), str(file))


def parse_params(values: Any, origin: str) -> Params:
    """Returns the checked params of plain values; see `parse_tree`."""
    return parse_tree(Params, values, origin)


def parse_model(values: Any, origin: str) -> ModelParams:
    """Returns the checked model group alone, e.g. of a checkpoint.

    Raises:
        UserError: one line for each key that is wrong.
    """
    return parse_group(ModelParams, values, origin, prefix="model.")
