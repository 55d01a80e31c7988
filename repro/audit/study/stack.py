"""The parts of a stack as the details of a study: where the whole, which is its baseline, differs from the base."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from repro.audit.study.declaration import Study
from repro.audit.study.designs import MOST_COLUMNS
from repro.audit.study.plan import LeftOut
from repro.audit.study.space import Space
from repro.errors import UserError


class Parts(NamedTuple):
    """What becomes of a declared stack.

    Attributes:
        study: whose details are named.
        left_out: differences that cannot be taken out of the whole alone, or change nothing there: they stay.
    """

    study: Study
    left_out: list[LeftOut]


def find_parts(study: Study, space: Space, base: Mapping[str, Any]) -> Parts:
    """Names the details of a study of the design `stack`.

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
    objections = {key: space.objection({key: option}) for key, option in parts.items()}
    left_out = [
        LeftOut(settings={key: parts[key]}, reason=reason) for key, reason in objections.items() if reason is not None
    ]
    parts = {key: option for key, option in parts.items() if objections[key] is None}
    if not parts:
        raise UserError(f"base: no difference can be taken out of the whole: {left_out[0].reason}")
    if len(parts) > MOST_COLUMNS:
        raise UserError(
            f"base: it differs from the whole in {len(parts)} details, more than {MOST_COLUMNS}\n"
            "  give some of them the whole's option under base: settings"
        )
    if unknown := [key for key in study.base.without if key not in parts]:
        raise UserError(f"base: without: {unknown[0]} is no part; there are {', '.join(parts)}")
    return Parts(study.model_copy(update={"details": {key: [option] for key, option in parts.items()}}), left_out)
