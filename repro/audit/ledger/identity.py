"""What makes a variant the same variant: all values but the seed, less those of details that were added later.

A detail that enters the ledger after runs have been made says in `Choice.before` which of its options equals the
behaviour before it. While it has that value it is left out: of the variant's id, and of the params file of a run, so
that a new detail makes no run anew and no frozen plan invalid.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from repro.audit.ledger.choice import NEW, walk_details
from repro.audit.ledger.values import flatten, plain
from repro.storage import hash_json

SEED = "seed"
ID_LENGTH = 10


def variant_id(tree: type[BaseModel], values: Mapping[str, Any]) -> str:
    """Returns the id of a variant: a hash of all nested values that can change a result, but for the seed."""
    told = leave_out_before(tree, values)
    return hash_json({key: value for key, value in told.items() if key != SEED})[:ID_LENGTH]


def leave_out_before(tree: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested values without the later-added details that have the value before them.

    Example:
        A tree whose detail `model.dropout` was added later, with `before=0.0`: `{"model": {"width": 8,
        "dropout": 0.0}}` becomes `{"model": {"width": 8}}`, and with 0.5 it stays as it is.
    """
    told = copy.deepcopy(dict(values))
    flat = flatten(values)
    for key, before in _added_later(tree).items():
        if key in flat and plain(flat[key]) == plain(before):
            _remove(told, key.split("."))
    return told


def fill_before(tree: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested values with the later-added details that they lack at the value before them."""
    whole = copy.deepcopy(dict(values))
    for key, before in _added_later(tree).items():
        *groups, name = key.split(".")
        place: Any = whole
        for group in groups:
            place = place.setdefault(group, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):  # else the tree refuses it, and says so
            place.setdefault(name, plain(before))
    return whole


def _added_later(tree: type[BaseModel]) -> dict[str, Any]:
    return {detail.key: detail.choice.before for detail in walk_details(tree) if detail.choice.before is not NEW}


def _remove(values: dict[str, Any], path: Sequence[str]) -> None:
    """Removes a leaf, and the groups that are empty without it: they were added later, too."""
    name, *deeper = path
    if deeper:
        _remove(values[name], deeper)
    if not deeper or not values[name]:
        del values[name]
