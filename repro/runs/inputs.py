"""What runs share: each input made once for all runs that agree in the params that it depends on.

Such a set of params is named by its hash, the key; a run names the key of each of its inputs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro import paths
from repro.audit.ledger.identity import leave_out_before
from repro.case import Case, Input
from repro.storage import hash_json

KEY_LENGTH = 10

Keys = Mapping[str, str]
"""The key of each input of a run, by the input's name."""


def find_keys(case: Case, params: Any) -> dict[str, str]:
    """Returns which inputs the run with these params reads."""
    return {name: hash_json(values)[:KEY_LENGTH] for name, values in input_params(case, params).items()}


def input_params(case: Case, params: Any) -> dict[str, dict[str, Any]]:
    """Returns, for each input of a run, the nested params that it depends on, those of what it needs included."""
    whole = leave_out_before(case.params, params.model_dump(mode="json"))
    found: dict[str, dict[str, Any]] = {}
    for item in case.inputs:
        own: dict[str, Any] = {}
        for needed in item.needs:
            own |= found[needed]
        for key in item.params:
            _copy(key.split("."), whole, own)
        found[item.name] = own
    return found


def folder_of(name: str, key: str) -> Path:
    """Returns where an input lies."""
    return paths.INPUTS / key / name


def folders_of(keys: Keys) -> dict[str, Path]:
    """Returns where all inputs of a run lie."""
    return {name: folder_of(name, key) for name, key in keys.items()}


def input_named(case: Case, name: str) -> Input:
    """Returns an input by its name."""
    return next(item for item in case.inputs if item.name == name)


def params_file(name: str, key: str = "") -> Path:
    """Returns the params file of a run (by its id), or of an input with a key."""
    return paths.RUN_PARAMS / (f"{name}-{key}.yaml" if key else f"{name}.yaml")


def _copy(key: list[str], source: Mapping[str, Any], target: dict[str, Any]) -> None:
    name, *rest = key
    if name not in source:
        return  # added later, and left out
    if rest:
        _copy(rest, source[name], target.setdefault(name, {}))
    else:
        target[name] = source[name]
