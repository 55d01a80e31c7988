"""A study as its author declares it: details to vary, design, seeds, outcomes with margins, claims, controls."""

import operator
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from repro.audit.ledger.identity import SEED
from repro.audit.ledger.parsing import describe_problem, validate
from repro.audit.ledger.values import shorten
from repro.audit.ledger.yaml_text import read_yaml
from repro.audit.study.metric import Direction, Metric
from repro.errors import UserError
from repro.storage import hash_json

Design = Literal[
    "one_at_a_time", "plackett_burman", "fractional_factorial", "full_factorial", "d_optimal", "random", "stack"
]
Expected = Literal["better", "worse"]
Scale = Literal["none", "per_task_sd", "baseline_ratio"]
"""What differences on several tasks are divided by before they are averaged; how: `statistics.task_scores`."""
Correction = Literal["Holm", "Benjamini-Hochberg"]
MOST_NAME = 100
"""Bytes of a study's name: what is called after it has to fit into a file's name."""
MOST_LETTERS = 1000
"""Of a question or a claim, which stand in a line on terminals and pages."""
_NAME = re.compile(r"\w[\w .+-]*")
RANDOMISED: tuple[Design, ...] = ("plackett_burman", "fractional_factorial", "d_optimal", "random", "stack")
"""Designs that leave something to chance: which columns and signs details get, which rows are chosen."""


Seed = Annotated[int, Field(ge=0)]


def _is_unsaid(value: Any) -> bool:
    """Says whether a field stays out of the declaration: so do those that older plans could not have, at no value."""
    return value in (None, "none", {})


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Outcome(_Declared):
    """An outcome.

    Attributes:
        direction: which way is better.
        margin: the difference below which two options count as the same, in the metric's unit.
        why: the reason for that margin.
        unit: as it is shown.
    """

    direction: Direction
    margin: float = Field(gt=0)
    why: str
    unit: str = ""


class Claim(_Declared):
    """A sentence that the study can hold or refute: one option of a detail is better than another.

    Attributes:
        text: the claim, as one would say it.
        metric: the outcome by which it is judged.
        detail: dotted key.
        better: the option that is claimed to be better.
        than: the option that it is compared with.
        reported: the value that the paper gives for the better option; None: not available.
        source: where the claim stands.
        scale: what differences are divided by where runs were measured on several tasks.
        units: of tasks, by their names; where all are named and alike, their mean is taken as it is.
        margin: the metric's, in the unit of a scale: declared with a scale and only with one.
    """

    text: str = Field(max_length=MOST_LETTERS)
    metric: str
    detail: str
    better: Any
    than: Any
    reported: float | None = None
    source: str
    scale: Scale = Field(default="none", exclude_if=_is_unsaid)
    units: dict[str, str] = Field(default={}, exclude_if=_is_unsaid)
    margin: float | None = Field(default=None, gt=0, exclude_if=_is_unsaid)

    @model_validator(mode="after")
    def _margin_of_scale(self) -> Self:
        if (self.scale == "none") != (self.margin is None):
            raise ValueError(
                f"claim {self.text!r}: a scale and a margin in its unit come together; for per_task_sd a margin of 1 "
                "is one SD over seeds, for baseline_ratio one of 0.01 is a hundredth of the other option's value"
            )
        return self


class PositiveControl(_Declared):
    """Settings whose effect is known beforehand."""

    settings: dict[str, Any]
    expected: Expected


class Controls(_Declared):
    """Arms by which the audit checks itself.

    Attributes:
        negative: settings that change nothing but the random stream.
        positive: settings that change the outcome for sure.
    """

    negative: dict[str, Any] | None = None
    positive: PositiveControl | None = None


class Found(_Declared):
    """That the runs were there before the study was: what it says is exploratory.

    Attributes:
        table: where the runs were read.
        paired: whether a seed is the same in every variant that has it; otherwise each run has a seed of its own, and
            its number is a place in a list that nothing is paired by.
        replicate: what the study calls a seed: the seed, or the task over which an effect is to hold.
    """

    table: str
    paired: bool
    replicate: str = "seed"


class Base(_Declared):
    """What a stack was built on: the study's baseline is the whole, and where this differs from it is its parts.

    Attributes:
        reading: name; None: that of the study.
        settings: dotted keys, beside and before the study's own; the whole's option takes a difference out.
        without: parts that the smallest stack lacks, which gets runs of its own and one test against the whole; empty:
            it is not known yet.
    """

    reading: str | None = None
    settings: dict[str, Any] = {}
    without: list[str] = Field(default=[], exclude_if=operator.not_)


class Sequential(_Declared):
    """A study that may be looked at while seeds are added.

    Attributes:
        most_seeds: verdicts hold at every look up to so many seeds.
    """

    most_seeds: int = Field(ge=2, le=100)


class Study(_Declared):
    """A declared set of runs with outcomes, claims and controls.

    Attributes:
        title: the question.
        reading: name of the baseline reading.
        scale: name of the scale.
        settings: dotted keys that every run has beside reading and scale.
        details: dotted key of each varied detail, with the options that are compared with the baseline's; None:
            every other option of the ledger. Of a stack they are found, and none is named.
        base: of a stack; None: the design is another.
        design: how options are combined.
        variants: how many `d_optimal` and `random` choose.
        generators: of `fractional_factorial`: the words that define it, one per detail, e.g. "a b c ab".
        randomisation: of the designs of `RANDOMISED`: the seed that says which detail goes to which column and which of
            its options is high, or where chosen rows start from; "none": in the order of the details, as plans were
            made before; None: a seed made from the study's name (`with_seed`).
        correction: for several comparisons; None: by design.
        sequential: None: it is looked at once, when all seeds are there.
        found: None: the runs were planned.
        seeds: every variant runs with the seeds 0 to seeds - 1.
        baseline_seeds: the baseline does so with at least these many, for the noise floor.
        metrics: the outcomes; the first is the main one.
        claims: sentences to hold or refute.
        controls: negative control and positive control.
    """

    title: str = Field(max_length=MOST_LETTERS)
    reading: str
    scale: str
    settings: dict[str, Any] = {}
    details: dict[str, list[Any] | None] = {}
    base: Base | None = Field(default=None, exclude_if=_is_unsaid)
    design: Design
    variants: int | None = Field(default=None, ge=2)
    generators: str | None = None
    randomisation: Seed | Literal["none"] | None = Field(default=None, exclude_if=_is_unsaid)
    correction: Correction | None = Field(default=None, exclude_if=_is_unsaid)
    sequential: Sequential | None = Field(default=None, exclude_if=_is_unsaid)
    found: Found | None = Field(default=None, exclude_if=_is_unsaid)
    seeds: int = Field(ge=1, le=1000)
    baseline_seeds: int = Field(default=0, ge=0, le=1000)
    metrics: dict[str, Outcome] = Field(min_length=1)
    claims: list[Claim] = []
    controls: Controls = Controls()

    @model_validator(mode="after")
    def _check_seeds(self) -> Self:
        if self.sequential is not None and self.seeds > self.sequential.most_seeds:
            raise ValueError(
                f"seeds: {self.seeds} are more than sequential: most_seeds: {self.sequential.most_seeds}, up to which "
                "verdicts hold"
            )
        return self

    @model_validator(mode="after")
    def _check_design(self) -> Self:
        if (self.design == "stack") != (self.base is not None):
            raise ValueError("base: a stack has one (reading, settings or both), and no other design has")
        if self.base is None and "details" not in self.model_fields_set:
            raise ValueError("details: Field required")
        return self

    def of_base(self) -> "Study":
        """Returns the study whose baseline is the base of this stack."""
        assert self.base is not None
        changes = {"reading": self.base.reading or self.reading, "settings": {**self.settings, **self.base.settings}}
        return self.model_copy(update=changes)

    @property
    def seed(self) -> int | None:
        """The seed of the randomisation; None: nothing was left to chance."""
        return self.randomisation if isinstance(self.randomisation, int) else None


class NamedStudy(NamedTuple):
    """A study and the name of its file, without the suffix."""

    name: str
    study: Study


def with_seed(named: NamedStudy) -> NamedStudy:
    """Returns a study whose randomisation is said: where it names none, and its design has one, a hash of its name.

    Example:
        >>> outcome = {"m": {"direction": "higher", "margin": 1, "why": "-"}}
        >>> study = Study(title="", reading="", scale="", details={}, design="random", seeds=2, metrics=outcome)
        >>> with_seed(NamedStudy("screening", study)).study.randomisation
        42482774
    """
    name, study = named
    if study.randomisation is not None or study.design not in RANDOMISED:
        return named
    return NamedStudy(name, study.model_copy(update={"randomisation": int(hash_json(["randomisation", name])[:8], 16)}))


def study_name(file: Path) -> str:
    """Returns what a study is called: its file without the suffix. Its plan, report and bundle are called after it.

    Raises:
        UserError: that would name another folder than its own, or nothing.

    Example:
        >>> study_name(Path("ablations/screening.yaml"))
        'screening'
    """
    name = file.stem
    if not _NAME.fullmatch(name) or name.endswith((" ", ".")) or len(name.encode(errors="replace")) > MOST_NAME:
        raise UserError(
            f"{shorten(str(file))!r}: no study can be called {shorten(name, 60)!r}: its plan and report bear its "
            f"name\n  expected letters, digits, - and _, at most {MOST_NAME}"
        )
    return name


def load_study(file: Path, metrics: Sequence[Metric] = ()) -> NamedStudy:
    """Reads a study, its randomisation made explicit.

    Args:
        file: YAML.
        metrics: of the case; what their records say of direction, unit and margin the study need not repeat.

    Raises:
        UserError: the file is missing, is no YAML, or does not declare a study.
    """
    name = study_name(file)
    values = read_yaml(file)
    if not isinstance(values, Mapping):
        raise UserError(f"{file} declares no study: expected `title:` and what else stands in {__name__}")
    try:
        study = validate(Study, _complete(values, metrics))
    except ValidationError as error:
        told = describe_problem(error.errors(include_url=False)[0], "what a study declares")
        raise UserError(f"{file}: {told}\n  what a study declares stands in {__name__}") from None
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None
    if vain := _find_vain(study):
        raise UserError(f"{file}: {vain}")
    return with_seed(NamedStudy(name, study))


def _find_vain(study: Study) -> str:
    """Says what a study declares without any effect; empty: nothing."""
    if not study.title.strip():
        return "title: it is empty; say the question that the study answers"
    if not study.title.isprintable():
        return "title: it holds letters that cannot be shown, which a terminal may take for orders; leave them out"
    if study.base is None and not study.details and study.controls == Controls():
        return "details: there is none, so nothing is compared; `repro details` lists those that can be varied"
    controls = study.controls
    places: dict[str, Mapping[str, Any]] = {
        "settings": study.settings,
        "details": study.details,
        "base: settings": study.base.settings if study.base else {},
        "controls: negative": controls.negative or {},
        "controls: positive": controls.positive.settings if controls.positive else {},
    }
    if found := next((where for where, keys in places.items() if SEED in keys), ""):
        return f"{found}: {SEED}: every run has one of its own, 0 to seeds - 1; leave it out"
    empty = [where for where, given in (("controls: negative", controls.negative),) if given == {}]
    empty += ["controls: positive"] if controls.positive and not controls.positive.settings else []
    return f"{empty[0]}: it sets nothing; name a parameter, or leave it out" if empty else ""


def _complete(values: Any, metrics: Sequence[Metric]) -> Any:
    """Returns what a study declares, its outcomes completed from the records of the metrics."""
    declared = values.get("metrics") if isinstance(values, Mapping) else None
    if not isinstance(declared, Mapping):
        return values
    return {**values, "metrics": {name: _outcome(str(name), given, metrics) for name, given in declared.items()}}


def _outcome(name: str, given: Any, metrics: Sequence[Metric]) -> Any:
    record = next((metric for metric in metrics if metric.name == name), None)
    if record is None or not (given is None or isinstance(given, Mapping)):
        return given
    outcome: dict[str, Any] = {"direction": record.direction, "unit": record.unit}
    if record.margin is not None and "margin" not in (given or {}):
        outcome |= {"margin": record.margin, "why": record.why}
    for key, value in (given or {}).items():
        if key in ("direction", "unit") and value != outcome[key]:
            raise ValueError(f"metrics: {name}: its {key} is {outcome[key]!r}, not {value!r}; leave it out")
        outcome[key] = value
    return outcome
