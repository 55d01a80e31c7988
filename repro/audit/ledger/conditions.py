"""Under which values of other details a detail or one of its options has an effect: evaluated, described, checked.

A `Choice` declares it in five fields: `only_if` and `unless` of the whole detail, `forbidden_with` and `inert` of
single options, and `visible` in words. `only_if` and `unless` differ once an option is added to the other detail: the
first takes this detail's effect away, the second leaves it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from repro.audit.ledger.values import plain, show_value

if TYPE_CHECKING:
    from repro.audit.ledger.choice import Choice

ValueOf = Callable[[str], Any]
"""Gives the value of a dotted key."""


def find_disabling(choice: "Choice", value_of: ValueOf) -> str | None:
    """Returns the key of a detail whose value leaves this one without any effect; None: it has one."""
    for key, needed in choice.only_if.items():
        if not is_among(value_of(key), needed):
            return key
    return next((key for key, disabling in choice.unless.items() if is_among(value_of(key), disabling)), None)


def find_forbidding(choice: "Choice", option: Any, value_of: ValueOf) -> str | None:
    """Returns the key of a detail whose value an option cannot be had together with; None: it can be had."""
    forbidden = _entry(choice.forbidden_with, option) or {}
    return next((key for key, values in forbidden.items() if is_among(value_of(key), values)), None)


def find_inert(choice: "Choice", option: Any) -> str | None:
    """Returns the reason why an option changes nothing; None: it changes something."""
    reason: str | None = _entry(choice.inert, option)
    return reason


def describe_conditions(choice: "Choice") -> list[str]:
    """Returns the conditions of a detail and of its options, as sentences."""
    return [
        *(f"Only if {key} is {_either(values)}." for key, values in choice.only_if.items()),
        *(f"No effect if {key} is {_either(values)}." for key, values in choice.unless.items()),
        *([f"Visible where {choice.visible}."] if choice.visible else []),
        *(
            f"Option {show_value(option)} is forbidden with {key}={show_value(value)}."
            for option, others in choice.forbidden_with.items()
            for key, values in others.items()
            for value in values
        ),
        *(f"Option {show_value(option)} changes nothing: {reason}." for option, reason in choice.inert.items()),
    ]


def find_problems(choice: "Choice", own: str, can_have: Callable[[str, Any], bool | None]) -> Iterator[str]:
    """Yields what is wrong with the conditions of a detail, e.g. a misspelt key or value.

    Args:
        choice: of the detail.
        own: its dotted key.
        can_have: tells of a key and a value whether the parameter can have it; None: there is no such parameter.
    """
    others = [("only_if", choice.only_if), ("unless", choice.unless)]
    others += [("forbidden_with", values) for values in choice.forbidden_with.values()]
    for name, condition in others:
        for key, values in condition.items():
            yield from _problems_of_one(f"{name}[{key!r}]", key, values, own, can_have)
    for key in choice.only_if.keys() & choice.unless.keys():
        yield f"{key} stands in only_if and in unless; one of them says it all"
    for name, options in (("forbidden_with", choice.forbidden_with), ("inert", choice.inert)):
        yield from (f"{name}: it cannot be {show_value(value)}" for value in options if not can_have(own, value))


def is_among(value: Any, others: Iterable[Any]) -> bool:
    """Returns whether a value is among others, lists and tuples taken as the same."""
    return plain(value) in [plain(item) for item in others]


def _problems_of_one(
    where: str, key: str, values: Any, own: str, can_have: Callable[[str, Any], bool | None]
) -> Iterator[str]:
    if not isinstance(values, tuple) or not values:
        yield f"{where} is {values!r}; it takes a tuple of at least one value"
    elif key == own:
        yield f"{where} is the detail itself"
    else:
        for value in values:
            match can_have(key, value):
                case None:
                    yield f"{where}: {key} is not a parameter"
                    return
                case False:
                    yield f"{where}: {key} cannot be {show_value(value)}"


def _entry(table: Mapping[Any, Any], option: Any) -> Any:
    return next((entry for value, entry in table.items() if plain(value) == plain(option)), None)


def _either(values: Iterable[Any]) -> str:
    return " or ".join(show_value(value) for value in values)
