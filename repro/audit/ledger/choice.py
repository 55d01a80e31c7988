"""The vocabulary of the ledger: a params field that carries a `Choice` is a detail.

A detail is one underspecified choice; an option is a value that it can take; a source says where an option was
read. A case declares them; the ledger, the designs and the report find them by walking its params tree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from repro.audit.ledger.conditions import describe_conditions, find_problems, is_among
from repro.audit.ledger.source import Defensible, Source, Status
from repro.audit.ledger.values import plain, show_value

__all__ = ["NEW", "Choice", "Detail", "Value", "show_value", "walk_details"]

Value = str | int | float | bool | None | tuple[Any, ...]


class _New:
    """Marks a detail that has been there from the start."""

    def __repr__(self) -> str:
        return "NEW"


NEW = _New()
"""Of a detail that was not added later; None is a value that a detail can have."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What is known of one detail; attach it to a params field with `Annotated`.

    Attributes:
        question: the open question, in one line.
        gap: the group of the ledger that it belongs to.
        paper: what the paper says about it.
        options: each value with the sources that take it.
        defensible: whether the options are equally defensible.
        free: values beside the options are allowed (numbers, as a rule).
        only_if: other parameters (dotted keys) and the only values under which this detail has any effect; an option
            that is added there later takes the effect away.
        unless: other parameters (dotted keys) and the values under which this detail has none; an option that is added
            there later leaves it its effect.
        forbidden_with: options that cannot be had together with values of other details.
        visible: what else has to hold for the options to differ, in words.
        inert: options that change nothing, with the reason.
        before: of a detail that was added after runs had been made: the option that equals the behaviour before it;
            while it has this value, ids of variants and params files of runs leave it out.
    """

    question: str
    gap: str
    paper: Status
    options: Mapping[Any, tuple[Source, ...]]
    defensible: Defensible = "U"
    free: bool = False
    only_if: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    forbidden_with: Mapping[Any, Mapping[str, tuple[Value, ...]]] = field(default_factory=dict)
    visible: str = ""
    inert: Mapping[Any, str] = field(default_factory=dict)
    before: Any = NEW

    def describe(self) -> list[str]:
        """Returns the conditions, and what an option equals that was added later, as sentences."""
        told = [f"Added later; before it, all was as with {show_value(self.before)}."] if self.before is not NEW else []
        return describe_conditions(self) + told

    def check(self, value: Any) -> Any:
        """Returns the value if it is an option or the detail is free; raises pydantic's error otherwise."""
        if not self.free and value not in self.options:
            allowed = ", ".join(show_value(option) for option in self.options)
            raise PydanticCustomError("option", "allowed: {allowed}", {"allowed": allowed})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        described["description"] = " ".join([self.question, *self.describe()])
        if not self.free:
            described["enum"] = [list(v) if isinstance(v, tuple) else v for v in self.options]
        return described


@dataclass(frozen=True)
class Detail:
    """A `Choice` with the place in the params tree where it was found."""

    key: str
    annotation: Any
    choice: Choice


@cache
def walk_details(tree: type[BaseModel]) -> tuple[Detail, ...]:
    """Returns every detail of a params tree, in the order of its fields.

    Raises:
        TypeError: the `Literal` of a field and the options of its `Choice` differ, a condition names a parameter or a
            value that there is not, or `before` is none of the options.
    """
    fields = dict(_walk_fields(tree))
    found = {key: choice for key, info in fields.items() if (choice := _choice_of(info)) is not None}

    def can_have(key: str, value: Any) -> bool | None:
        if key not in fields:
            return None
        closed = key in found and not found[key].free
        return is_among(value, found[key].options) if closed else _accepts(fields[key], value)

    for key, choice in found.items():
        named = _literal_members(fields[key].annotation)
        if named is not None and set(named) != set(choice.options):
            raise TypeError(f"{key}: Literal and Choice differ in {set(named) ^ set(choice.options)}")
        for problem in find_problems(choice, key, can_have):
            raise TypeError(f"{key}: {problem}")
        if choice.before is not NEW and not can_have(key, choice.before):
            raise TypeError(f"{key}: before is {show_value(choice.before)}, which it cannot be")
    return tuple(Detail(key, fields[key].annotation, choice) for key, choice in found.items())


def _walk_fields(tree: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yields the parameters of a tree by dotted key; a field with a `Choice` is one, whatever its type."""
    for name, info in tree.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, BaseModel) and _choice_of(info) is None:
            yield from _walk_fields(group, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info


def _choice_of(info: FieldInfo) -> Choice | None:
    return next((item for item in info.metadata if isinstance(item, Choice)), None)


def _accepts(info: FieldInfo, value: Any) -> bool:
    """Returns whether a field takes a value as it is, and not as another value that it reads it as."""
    whole: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    try:
        return bool(plain(TypeAdapter[Any](whole).validate_python(value)) == plain(value))
    except ValidationError:
        return False


def _literal_members(annotation: Any) -> tuple[Any, ...] | None:
    if get_origin(annotation) is Annotated:
        return _literal_members(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) is Literal else None
