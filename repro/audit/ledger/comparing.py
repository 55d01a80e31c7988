"""Two sets of params side by side."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from repro.audit.ledger.choice import Detail, walk_details
from repro.audit.ledger.readings import Values
from repro.audit.ledger.values import flatten
from repro.errors import UserError


class Difference(NamedTuple):
    """One key with two values; `detail` where it stands in the ledger."""

    key: str
    first: Any
    second: Any
    detail: Detail | None

    @property
    def question(self) -> str:
        """What the detail asks."""
        return self.detail.choice.question if self.detail is not None else ""


def compare_params(tree: type[BaseModel], first: Values, second: Values) -> list[Difference]:
    """Returns the keys that both hold, with different values; details first, in the order of the ledger.

    Raises:
        UserError: they have no key in common.
    """
    details = {detail.key: detail for detail in walk_details(tree)}
    one, other = ({key: _hashable(value) for key, value in flatten(values).items()} for values in (first, second))
    shared = [key for key in details if key in one and key in other]
    shared += sorted((one.keys() & other.keys()) - details.keys())
    if not shared:
        raise UserError("the two have no parameter in common: one of them is no params file")
    return [Difference(key, one[key], other[key], details.get(key)) for key in shared if one[key] != other[key]]


def _hashable(value: Any) -> Any:
    """Returns a value as the ledger's options are keyed: lists become tuples."""
    return tuple(_hashable(item) for item in value) if isinstance(value, list | tuple) else value
