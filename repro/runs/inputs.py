"""What runs share: each input made once for all runs that agree in the params that it depends on.

Such a set of params is named by its hash, the key; a run names the key of each of its inputs.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from repro import paths
from repro.audit.ledger.identity import fill_before, leave_out_before
from repro.audit.ledger.parsing import read_values
from repro.audit.ledger.values import flatten, override_values
from repro.case import Case, Input, import_attribute
from repro.errors import UserError
from repro.storage import hash_json, written_folder

KEY_LENGTH = 10

Keys = Mapping[str, str]
"""The key of each input of a run, by the input's name."""


def find_keys(case: Case, params: Any) -> dict[str, str]:
    """Returns which inputs the run with these params reads."""
    return {name: hash_json(values)[:KEY_LENGTH] for name, values in input_params(case, params).items()}


def input_params(case: Case, params: Any) -> dict[str, dict[str, Any]]:
    """Returns, for each input of a run, the nested params that it depends on, those of what it needs included."""
    whole = flatten(leave_out_before(case.params, params.model_dump(mode="json")))
    leaves: dict[str, dict[str, Any]] = {}
    for item in case.inputs:
        needed = {key: value for name in item.needs for key, value in leaves[name].items()}
        leaves[item.name] = needed | {key: value for key, value in whole.items() if is_below(key, item.params)}
    return {name: _nest(own) for name, own in leaves.items()}


def folder_of(name: str, key: str) -> Path:
    """Returns where an input lies."""
    return paths.INPUTS / key / name


def make_inputs(case: Case, params: Any, root: Path = paths.INPUTS) -> dict[str, Path]:
    """Makes the inputs of a run that are not there yet, each at once; returns the folders of all by name.

    Args:
        case: under audit.
        params: of the run, checked.
        root: where inputs lie, and are found by the next run that has the same.
    """
    keys, values = find_keys(case, params), input_params(case, params)
    found: dict[str, Path] = {}
    for item in case.inputs:
        folder = root / keys[item.name] / item.name
        if not folder.is_dir():
            make = import_attribute(item.make, f"input {item.name}")
            with written_folder(folder) as partial:
                partial.rmdir()
                make(values[item.name], {name: found[name] for name in item.needs}, partial)
        found[item.name] = folder
    return found


def folders_of(keys: Keys) -> dict[str, Path]:
    """Returns where all inputs of a run lie."""
    return {name: folder_of(name, key) for name, key in keys.items()}


def input_named(case: Case, name: str) -> Input:
    """Returns an input by its name."""
    return next(item for item in case.inputs if item.name == name)


def params_file(name: str, key: str = "") -> Path:
    """Returns the params file of a run (by its id), or of an input with a key."""
    return paths.RUN_PARAMS / (f"{name}-{key}.yaml" if key else f"{name}.yaml")


def read_params(case: Case, file: Path) -> dict[str, Any]:
    """Returns the nested values of the params file of a run or input, later-added details at the value before them.

    Raises:
        UserError: the file is missing, is no YAML, or holds no params.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; `repro sweep STUDY` writes it")
    values = read_values(file)
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no params; `repro sweep STUDY` writes it")
    return fill_before(case.params, values)


def is_below(key: str, groups: Collection[str]) -> bool:
    """Tells whether a dotted key is one of some keys and groups, or lies in one."""
    return any(key == group or key.startswith(f"{group}.") for group in groups)


def _nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    override_values(nested, leaves)
    return nested
