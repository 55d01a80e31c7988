"""The parts of a stack as the details of a study: where the whole, which is its baseline, differs from the base."""

from collections.abc import Mapping
from typing import Any

from repro.audit.study.declaration import Study
from repro.audit.study.space import Space
from repro.errors import UserError

MOST_PARTS = 45
"""As many as are fitted at once."""


def find_parts(study: Study, space: Space, base: Mapping[str, Any]) -> Study:
    """Returns a study of the design `stack` whose details are named.

    Args:
        study: as it was declared.
        space: with the whole as its baseline.
        base: all values of the base under dotted keys.

    Raises:
        UserError: they do not differ, or in too much, or in what is no detail, or a part is named that there is not.
    """
    assert study.base is not None
    if study.details:
        raise UserError("details: a stack has its own, where base and whole differ; leave them out")
    parts = {key: base[key] for key, option in space.values.items() if key in base and base[key] != option}
    if not parts:
        raise UserError("base: it is the same as the whole; give it another reading, or settings")
    if other := [key for key in parts if key not in space.choices]:
        raise UserError(
            f"base: it differs from the whole in {other[0]}, which is no detail of the ledger\n"
            "  put it under settings, for both"
        )
    if len(parts) > MOST_PARTS:
        raise UserError(
            f"base: it differs from the whole in {len(parts)} details, more than {MOST_PARTS}\n"
            "  give some of them the whole's option under base: settings"
        )
    if unknown := [key for key in study.base.without if key not in parts]:
        raise UserError(f"base: without: {unknown[0]} is no part; there are {', '.join(parts)}")
    return study.model_copy(update={"details": {key: [option] for key, option in parts.items()}})
