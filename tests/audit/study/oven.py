"""A case that is not the project's: a params tree with constraints of every kind, and a study of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference
from repro.audit.study.declaration import NamedStudy, Study
from repro.audit.study.plan import Plan
from repro.audit.study.planning import make_plan
from repro.storage import hash_json

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = (inference("a guess"),)


def choice(*options: Any, **more: Any) -> Choice:
    return Choice("Which?", "oven", "silent", dict.fromkeys(options, SOURCE), **more)


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heat(Group):
    source: Annotated[Literal["gas", "wood", "none"], choice("gas", "wood", "none")]
    fan: Annotated[bool, choice(True, False, only_if={"heat.source": ("gas", "wood")})]
    degrees: Annotated[float, choice(180.0, 200.0, 220.0, free=True)]


class Oven(Group):
    heat: Heat
    tray: Annotated[Literal["steel", "stone", "glass"], choice("steel", "stone", "glass", inert={"glass": "same"})]
    racks: Annotated[tuple[int, ...], choice((1, 2), (3,), forbidden_with={(3,): {"tray": ("stone",)}}, defensible="E")]
    salt: Annotated[int, choice(1, 2)]
    rise: Annotated[int, choice(1, 2)]
    clock: int
    seed: int

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.heat.degrees > 250:
            raise ValueError("too hot")
        if self.salt == 2 and self.rise == 2:
            raise ValueError("too much")
        return self


BASELINE = {
    "heat.source": "gas",
    "heat.fan": True,
    "heat.degrees": 180,
    "tray": "steel",
    "racks": [1, 2],
    "salt": 1,
    "rise": 1,
    "clock": 0,
    "seed": 0,
}


def identify(values: Mapping[str, Any]) -> str:
    return hash_json({key: value for key, value in values.items() if key != "seed"})[:8]


def study(details: dict[str, Any], **more: Any) -> Study:
    declared = {
        "title": "Which oven?",
        "reading": "plain",
        "scale": "small",
        "design": "one_at_a_time",
        "seeds": 3,
        "metrics": {"crust": {"direction": "higher", "margin": 0.5, "why": "a bite", "unit": "mm"}},
    }
    return Study.model_validate(declared | {"details": details} | more)


def plan(details: dict[str, Any], baseline: Mapping[str, Any] | None = None, now: datetime = NOW, **more: Any) -> Plan:
    return make_plan(NamedStudy("oven", study(details, **more)), Oven, baseline or BASELINE, identify, now)


def arms(made: Plan) -> list[dict[str, Any]]:
    return [variant.settings for variant in made.variants if variant.role == "arm"]
