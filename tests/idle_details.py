"""Options that take the effect of other details away, as the ledger has it: a claim that the code has to bear out.

A list of conditions that forgets an option would leave details without effect that have one; here it shows, as they
change something.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from repro.audit.ledger.choice import Detail, show_value
from repro.audit.ledger.conditions import is_among

Result = TypeVar("Result")


class Idle(NamedTuple):
    """An option, and the details that have no effect under it; of each the first two options."""

    key: str
    option: Any
    first: Mapping[str, Any]
    second: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.key}={show_value(self.option)}"


def idle_details(details: Sequence[Detail]) -> Iterator[Idle]:
    """Yields each option of each detail that leaves others, which have two options or more, without effect."""
    for other in details:
        for option in other.choice.options:
            idle = {
                detail.key: list(detail.choice.options)
                for detail in details
                if _takes_away(other.key, option, detail) and len(detail.choice.options) > 1
            }
            if idle:
                first, second = ({key: options[place] for key, options in idle.items()} for place in (0, 1))
                yield Idle(other.key, option, first, second)


def find_active(
    idle: Idle, result: Callable[[Mapping[str, Any]], Result], same: Callable[[Result, Result], bool]
) -> str:
    """Returns which details do change the result of settings, and under which option; empty: none does."""
    at_first = {**idle.first, idle.key: idle.option}
    if same(result(at_first), result({**at_first, **idle.second})):
        return ""
    active = [key for key, value in idle.second.items() if not same(result(at_first), result({**at_first, key: value}))]
    return f"{', '.join(active)}: has an effect with {idle}, which its only_if forgets, or its unless is wrong about"


def _takes_away(key: str, option: Any, detail: Detail) -> bool:
    needed, disabling = detail.choice.only_if.get(key), detail.choice.unless.get(key, ())
    return (needed is not None and not is_among(option, needed)) or is_among(option, disabling)
