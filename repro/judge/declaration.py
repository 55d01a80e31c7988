"""`judge.yaml`: what a table of runs is taken to say, written beside every output, to be edited and given back."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from repro.audit.ledger.parsing import describe_problem, validate
from repro.audit.ledger.yaml_text import read_yaml
from repro.audit.study.declaration import Correction, Scale
from repro.audit.study.metric import Direction
from repro.errors import UserError
from repro.judge.columns import Asked, Column, check_asked, of_role
from repro.judge.source import check_source, find_header
from repro.judge.table_header import list_numbers
from repro.storage import written_file

NAME = "judge.yaml"
_WIDE = re.compile(r"\d| - ")


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(_Declared):
    """An outcome.

    Attributes:
        direction: which way is better.
        margin: the difference below which two options count as the same; None: nothing is called equivalent.
        why: the reason for that margin.
        unit: as it is shown.
    """

    direction: Direction
    margin: float | None = Field(default=None, gt=0)
    why: str = ""
    unit: str = ""


class Absent(_Declared):
    """What a blank in a column stands for.

    Attributes:
        value: the default that these runs had.
        source: where that was read.
    """

    value: str | bool | int | float
    source: str


class Declaration(_Declared):
    """How a table is read.

    Attributes:
        table: file, or `mlflow:EXPERIMENT`.
        outcomes: the first is the main one.
        seed: column of the replicate; empty: there is none, and rows of the same options are repeats.
        paired: whether a seed is the same thing in every variant; None: as its name says.
        unit: column of what is measured inside a run.
        task: column of data sets or environments over which an effect is to hold.
        scale: what differences on several tasks are divided by before they are averaged.
        details: columns that are compared; None: inferred.
        baseline: options of the baseline; None: the most frequent combination.
        absent: of a detail, what a blank stands for.
        left_out: columns that are none of these.
        correction: of the p-values for several comparisons; None: by design, as in a study.
    """

    table: str
    outcomes: dict[str, Measured] = {}
    seed: str | None = None
    paired: bool | None = None
    unit: str | None = None
    task: str | None = None
    scale: Scale = "none"
    details: list[str] | None = None
    baseline: dict[str, Any] | None = None
    absent: dict[str, Absent] = {}
    left_out: list[str] = []
    correction: Correction | None = None

    def asked(self) -> Asked:
        """Returns what is said of columns."""
        ways = {name: outcome.direction for name, outcome in self.outcomes.items()}
        return Asked(ways, self.seed, self.unit, self.task, self.details, self.left_out)


class Flags(NamedTuple):
    """What people change every time; None: as the declaration says.

    Attributes:
        outcome: "NAME:lower" or "NAME:higher", one or more.
        margin: of the first outcome.
        seed: column.
        unit: column.
        task: column.
        details: columns, separated by commas.
        baseline: "DETAIL=OPTION", one or more.
    """

    outcome: tuple[str, ...] = ()
    margin: float | None = None
    seed: str | None = None
    unit: str | None = None
    task: str | None = None
    details: str | None = None
    baseline: tuple[str, ...] = ()


def read_declaration(source: str, flags: Flags) -> Declaration:
    """Returns the declaration of a table, or that in a file of it, with what flags say in its place.

    Raises:
        UserError: the file declares nothing, or a flag cannot be read.
    """
    declared = _load(Path(source)) if source.endswith((".yaml", ".yml")) else Declaration(table=source)
    changes: dict[str, Any] = {}
    if flags.outcome:
        ways = dict(_split_outcome(text) for text in flags.outcome)
        before = declared.outcomes
        changes["outcomes"] = {
            name: before[name].model_copy(update={"direction": way}) if name in before else Measured(direction=way)
            for name, way in ways.items()
        }
    outcomes = dict(changes.get("outcomes", declared.outcomes))
    if flags.margin is not None:
        if not 0 < flags.margin < float("inf"):
            raise UserError(f"--margin {flags.margin:g}: expected a number above 0, in the outcome's unit")
        if not outcomes:
            raise UserError("--margin: of which outcome? add --outcome NAME:lower or NAME:higher")
        first = next(iter(outcomes))
        outcomes[first] = outcomes[first].model_copy(update={"margin": flags.margin, "why": "given as --margin"})
        changes["outcomes"] = outcomes
    for role in ("seed", "unit", "task"):
        if getattr(flags, role) is not None:
            changes[role] = getattr(flags, role)
    if flags.details is not None:
        names = [name.strip() for name in flags.details.split(",") if name.strip()]
        changes["details"] = names
        changes["left_out"] = [name for name in declared.left_out if name not in names]
    if flags.baseline:
        changes["baseline"] = (declared.baseline or {}) | dict(_split_option(text) for text in flags.baseline)
    return declared.model_copy(update=changes)


def check_declaration(declared: Declaration) -> None:
    """Checks a declaration against the header of its table, without loading what reads and judges tables.

    Raises:
        UserError: there is no such table, it lacks a column, or no outcome is declared.
    """
    check_source(declared.table)
    found = find_header(declared.table)
    if found is None or _may_be_wide(found.names, declared):
        return
    check_asked(found.names, list_numbers(found), declared.asked())


def _may_be_wide(names: Sequence[str], declared: Declaration) -> bool:
    """Says whether an outcome may have a column a run, which `wide` finds or refuses."""
    return any(name not in names for name in declared.outcomes) and any(_WIDE.search(name) for name in names)


def _split_outcome(text: str) -> tuple[str, str]:
    name, _, way = text.rpartition(":")
    if not name or way not in ("lower", "higher"):
        raise UserError(f"--outcome {text}: which way is better?\n  expected {(name or text)}:lower or :higher")
    return name, way


def _split_option(text: str) -> tuple[str, str]:
    name, sign, option = text.partition("=")
    if not sign or not name:
        raise UserError(f"--baseline {text}: expected DETAIL=OPTION")
    return name, option


def _load(file: Path) -> Declaration:
    values = read_yaml(file)
    if not isinstance(values, Mapping) or "table" not in values:
        raise UserError(f"{file} declares no table\n  expected `table: FILE`, as `repro judge FILE` writes it")
    try:
        found = validate(Declaration, values)
    except ValidationError as error:
        told = describe_problem(error.errors(include_url=False)[0], "what a table is declared by")
        raise UserError(f"{file}: {told}") from None
    beside = file.parent / found.table
    inside = not Path(found.table).is_file() and beside.is_file()
    return found.model_copy(update={"table": str(beside)}) if inside else found


def freeze(declared: Declaration, columns: list[Column], paired: bool, baseline: Mapping[str, Any]) -> Declaration:
    """Returns a declaration in which everything that was inferred is said."""
    return declared.model_copy(
        update={
            "seed": next(iter(of_role(columns, "seed")), ""),
            "unit": next(iter(of_role(columns, "unit")), None),
            "task": next(iter(of_role(columns, "task")), None),
            "paired": paired,
            "details": of_role(columns, "detail", "numeric detail"),
            "baseline": dict(baseline) or None,
            "left_out": of_role(columns, "left out", "copy"),
        }
    )


def write_declaration(declared: Declaration, file: Path) -> None:
    """Writes a declaration as YAML, with a line that says what it is."""
    yaml = YAML()
    yaml.default_flow_style = False
    with written_file(file) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write("# What a table of runs was taken to say. Edit it, then: repro judge judge.yaml\n")
        yaml.dump(declared.model_dump(mode="json"), stream)
