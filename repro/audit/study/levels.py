"""What a study varies: each detail with its options (its levels), the baseline's first, checked against the ledger."""

from typing import Any

from repro.audit.ledger.choice import Choice, show_value
from repro.audit.ledger.values import plain
from repro.audit.study.declaration import Study
from repro.audit.study.space import NotAllowedError, Space
from repro.errors import UserError


def choose_levels(study: Study, space: Space) -> dict[str, list[Any]]:
    """Returns each varied detail with its options as JSON holds them, the baseline's first.

    Raises:
        UserError: the study names a detail or an option that there is not, or one twice.
    """
    return {key: _options(key, options, space) for key, options in study.details.items()}


def canonical(key: str, option: Any, space: Space) -> Any:
    """Returns an option of a detail as the tree holds it, e.g. 1 as 1.0.

    Raises:
        UserError: the ledger has no such option, and the detail is not free or the tree refuses it.
    """
    choice = space.choices[key]
    for known in choice.options:
        if plain(known) == plain(option):
            return plain(known)
    if choice.free:
        try:
            return space.resolve({key: option})[key]
        except NotAllowedError as error:
            raise UserError(f"details: {key}={show_value(option)} is not allowed: {error}") from None
    raise UserError(f"details: {key} has no option {show_value(option)}; it has {_listed(choice)}")


def _options(key: str, options: list[Any] | None, space: Space) -> list[Any]:
    if key not in space.choices:
        what = "no detail of the ledger; put it under settings" if key in space.values else "not a parameter"
        raise UserError(f"details: {key} is {what}; `repro details` lists those that can be varied")
    choice, baseline = space.choices[key], space.values[key]
    if options is None:
        return [baseline, *(plain(option) for option in choice.options if plain(option) != baseline)]
    found: list[Any] = [baseline]
    for option in options:
        value = canonical(key, option, space)
        if value == baseline:
            raise UserError(f"details: {key}={show_value(value)} is the baseline's option already; leave it out")
        if value in found:
            raise UserError(f"details: {key}={show_value(value)} is named twice")
        found.append(value)
    if len(found) == 1:
        raise UserError(f"details: {key} names no option; it has {_listed(choice)}, or leave it empty for all")
    return found


def _listed(choice: Choice) -> str:
    return ", ".join(show_value(option) for option in choice.options)
