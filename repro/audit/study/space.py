"""The space that a study chooses from: a params tree, the baseline's values in it, and what the ledger rules out.

It tells of settings what all values amount to, or why they cannot be had together or change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from pydantic import BaseModel, ValidationError

from repro.audit.ledger.choice import Choice, show_value, walk_details
from repro.audit.ledger.conditions import find_disabling, find_forbidding, find_inert
from repro.audit.ledger.parsing import validate
from repro.audit.ledger.values import flatten, override_values
from repro.errors import UserError

Settings = Mapping[str, Any]
"""Dotted keys with the values by which something departs from the baseline."""


class NotAllowedError(Exception):
    """The tree does not allow a set of values; the message says why, in one line."""


@dataclass(frozen=True)
class Space:
    """A params tree and the baseline in it.

    Attributes:
        tree: root of the params tree.
        baseline: all values of the baseline under dotted keys.
    """

    tree: type[BaseModel]
    baseline: Settings

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """What the ledger knows of each detail, by dotted key."""
        return {detail.key: detail.choice for detail in walk_details(self.tree)}

    @cached_property
    def values(self) -> dict[str, Any]:
        """The baseline's values as JSON holds them, checked."""
        return self.resolve({})

    def resolve(self, settings: Settings) -> dict[str, Any]:
        """Returns all values under dotted keys, as JSON holds them, of the baseline with some settings.

        Raises:
            NotAllowedError: the tree does not allow them.
        """
        nested: dict[str, Any] = {}
        try:
            override_values(nested, {**self.baseline, **settings})
            checked = validate(self.tree, nested)
        except UserError as error:
            raise NotAllowedError(str(error)) from None
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise NotAllowedError(f"{where}: {problem['msg']}" if where else problem["msg"]) from None
        return flatten(checked.model_dump(mode="json"))

    def objection(self, settings: Settings) -> str | None:
        """Returns why settings cannot be had or why one of them changes nothing; None if nothing stands against them.

        An option changes nothing where the ledger calls it inert, or where the conditions of its detail (`only_if`,
        `unless`) do not hold among all values.
        """
        values = {**self.values, **settings}
        for key, choice in self.choices.items():
            if (other := find_forbidding(choice, values[key], values.__getitem__)) is not None:
                return f"{_shown(key, values[key])} is forbidden with {_shown(other, values[other])}"
        for key in settings.keys() & self.choices.keys():
            if (reason := find_inert(self.choices[key], settings[key])) is not None:
                return f"{_shown(key, settings[key])} changes nothing: {reason}"
            if (other := find_disabling(self.choices[key], values.__getitem__)) is not None:
                return f"{key} has no effect with {_shown(other, values[other])}"
        try:
            self.resolve(settings)
        except NotAllowedError as error:
            return str(error)
        return None

    def culprits(self, settings: Settings) -> dict[str, Any]:
        """Returns the one or two settings that draw an objection by themselves, or all where no pair does."""
        for size in (1, 2):
            for part in combinations(settings.items(), size):
                if self.objection(dict(part)) is not None:
                    return dict(part)
        return dict(settings)


def show_settings(settings: Settings) -> str:
    """Returns settings as one would type them after `-S`, in one line."""
    return ", ".join(_shown(key, value) for key, value in settings.items())


def _shown(key: str, value: Any) -> str:
    return f"{key}={show_value(value)}"
