"""Two sets of params side by side; each may be a reading, a file, an experiment, a commit or a logged variant."""

from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from repro.audit.choice import Detail, walk_details
from repro.errors import UserError
from repro.medfe.params.tree import Params, flatten
from repro.medfe.readings.merging import Values, merge_reading
from repro.paths import READINGS


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


def find_params(name: str) -> Values:
    """Returns the nested values that a name stands for.

    Raises:
        UserError: nothing goes by that name.
    """
    if (READINGS / f"{name}.yaml").is_file():
        return merge_reading(name)
    if Path(name).is_file():
        values: Values = YAML(typ="safe", pure=True).load(Path(name).read_text(encoding="utf-8"))
        return values
    raise UserError(f"no reading and no file goes by the name {name}")


def compare_params(first: Values, second: Values) -> list[Difference]:
    """Returns the keys that both hold, with different values; details first, in the order of the ledger."""
    details = {detail.key: detail for detail in walk_details(Params)}
    one, other = ({key: _plain(value) for key, value in flatten(values).items()} for values in (first, second))
    shared = [key for key in details if key in one and key in other]
    shared += sorted((one.keys() & other.keys()) - details.keys())
    return [Difference(key, one[key], other[key], details.get(key)) for key in shared if one[key] != other[key]]


def _plain(value: Any) -> Any:
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value
