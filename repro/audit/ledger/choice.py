"""The vocabulary of the ledger: a params field that carries a `Choice` is a detail.

A detail is one underspecified choice; an option is a value that it can take; a source says where an option was
read. Knows nothing of any paper: the case fills it in, and the ledger, the designs and the report read it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from repro.audit.ledger.source import Defensible, Source, Status

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
        only_if: other details (dotted keys) and the only values under which this one has any effect.
        unless: other details (dotted keys) and the values under which this one has none; an option that is added there
            later leaves this detail its effect.
        forbidden_with: options that cannot be had together with values of other details.
        visible: what else has to hold for the options to differ, in words.
        inert: options that change nothing, with the reason.
        before: of a detail that was added after runs had been made: the option that equals the behaviour before it.
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
        described["description"] = self.question
        if not self.free:
            described["enum"] = [list(v) if isinstance(v, tuple) else v for v in self.options]
        return described


def show_value(value: Any) -> str:
    """Returns a value as one would type it after `-S key=`."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple() | list():
            return "[" + ",".join(show_value(item) for item in value) + "]"
        case _:
            return str(value)


@dataclass(frozen=True)
class Detail:
    """A `Choice` with the place in the params tree where it was found."""

    key: str
    annotation: Any
    choice: Choice


def walk_details(tree: type[BaseModel], prefix: str = "") -> Iterator[Detail]:
    """Yields every detail of a params tree, in the order of its fields.

    Raises:
        TypeError: the `Literal` of a field and the options of its `Choice` differ.
    """
    for name, info in tree.model_fields.items():
        key = f"{prefix}{name}"
        choice = next((item for item in info.metadata if isinstance(item, Choice)), None)
        if choice is not None:
            named = _literal_members(info.annotation)
            if named is not None and set(named) != set(choice.options):
                raise TypeError(f"{key}: Literal and Choice differ in {set(named) ^ set(choice.options)}")
            yield Detail(key, info.annotation, choice)
        elif isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from walk_details(info.annotation, f"{key}.")


def _literal_members(annotation: Any) -> tuple[Any, ...] | None:
    if get_origin(annotation) is Annotated:
        return _literal_members(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) is Literal else None
