"""The seam between the audit and the paper under audit: what a case gives, and how it is found.

Studies, runs, tracking and the command line know this file and no case. The project's own setting names the case, in
its pyproject.toml:

    [tool.repro]
    case = "package.module:NAME"

`repro.paper_case.PaperCase` is all that most papers need; whatever has the attributes of `Case` will do.
"""

import importlib
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from repro.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from repro.audit.page.section import Section
    from repro.audit.study.declaration import Study
    from repro.audit.study.metric import Metric
    from repro.audit.study.plan import Plan

PROJECT_FILE = Path("pyproject.toml")
REMEDY = f'name it in {PROJECT_FILE}, [tool.repro], as case = "package.module:NAME"; a new project: repro new DIR'


class Row(NamedTuple):
    """One measurement of a run.

    Attributes:
        unit: what was measured, e.g. a test image; nested in the run, and never a replicate.
        metric: name of one of the case's metrics.
        value: in the metric's unit; NaN where it could not be computed, which fails the run for this metric.
        train_fraction: share of the training after which it was measured; every run has rows at 1.
    """

    unit: str | int
    metric: str
    value: float
    train_fraction: float = 1.0


class ProtocolRow(NamedTuple):
    """What another way to evaluate makes of the same run.

    Attributes:
        protocol: the choices of the evaluation protocol, by name; the same names in every row.
        metric: name of one of the case's metrics.
        value: mean over the units.
    """

    protocol: Mapping[str, str]
    metric: str
    value: float


class Job(NamedTuple):
    """One run to be made: a variant with a seed.

    Attributes:
        params: the checked params tree; its field `seed` is the seed.
        inputs: the folder of each shared input, by name.
        folder: exists and is empty; what is written there stays with the run, as its artefacts.
        work: survives a kill, so that a training can resume; removed once the run has ended. May not exist yet.
    """

    params: Any
    inputs: Mapping[str, Path]
    folder: Path
    work: Path


class Measurements(NamedTuple):
    """What a run measured.

    Attributes:
        rows: at least one for each metric that a study names.
        protocols: other ways to evaluate the same run, the case's own first; may be empty.
        earlier_s: wall-clock seconds that earlier, killed attempts have spent on what this one went on from.
        environment: what the numbers may depend on, e.g. versions and the instruction set.
    """

    rows: Iterable[Row]
    protocols: Iterable[ProtocolRow] = ()
    earlier_s: float = 0.0
    environment: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Input:
    """What several runs share, made once: prepared data, for instance.

    Attributes:
        name: of the input, e.g. "prepared".
        make: "module:function"; it is called with the nested values of these params, the folders of the inputs that
            it needs, by name, and the folder to be written, which does not exist yet.
        params: dotted keys or groups of the params that it depends on; runs that agree in them share the folder.
        needs: names of other inputs that it reads.
        check: "module:function", which raises a `UserError` where what is to be read is not as these values say; it is
            called with them before `make`, changes no number, and is no code of the runs; empty: nothing.
    """

    name: str
    make: str
    params: tuple[str, ...]
    needs: tuple[str, ...] = ()
    check: str = ""


class ResultFiles(NamedTuple):
    """Where the pipeline of the active variant leaves its results, relative to the folder of results.

    Attributes:
        rows: CSV, one row per unit.
        figures: JSON, flat: the headline figures.
        record: JSON: `environment`, and what else the run wrote down about itself.
        folders: all that belongs to the results of one variant.
        history: CSV, one row per logged step with a column `step`; empty: there is none.
        text: columns of the rows that are text, whatever they look like.
    """

    rows: str
    figures: str
    record: str
    folders: tuple[str, ...]
    history: str = ""
    text: tuple[str, ...] = ("unit", "metric")

    @property
    def numbers(self) -> tuple[str, ...]:
        """What the content key of the results is made of, beside the params."""
        return (*((self.history,) if self.history else ()), self.rows)

    @property
    def loose(self) -> tuple[str, ...]:
        """Needed files that lie in none of the folders."""
        return tuple(name for name in self.needed if name.partition("/")[0] not in self.folders)

    @property
    def needed(self) -> tuple[str, ...]:
        """Without these files there is nothing to publish."""
        return (*self.numbers, self.record, self.figures)


ACTIVE_RUN = ResultFiles("active/rows.csv", "metrics.json", "active/run.json", ("active",))
"""Of a project whose pipeline makes one run, by `python -m repro.runs.active`."""


class UnitGroups(NamedTuple):
    """Where a run says which of its units were cut from one source, and so are no independent sample of such units.

    Attributes:
        file: CSV in the run's folder.
        unit: column that names the unit as the rows do.
        group: column that names its source.
    """

    file: str
    unit: str
    group: str


class Case(Protocol):
    """A paper under audit.

    Whoever implements it by hand rather than by `PaperCase` gives these attributes and methods. Everything that is
    slow to import is named as "module:attribute" and imported when it is first needed, so that `--help` is fast.
    """

    @property
    def name(self) -> str:
        """A short name in lower case; experiments in the tracking store are called after it."""
        ...

    @property
    def title(self) -> str:
        """The heading of the ledger, e.g. "What the paper leaves open"."""
        ...

    @property
    def params(self) -> "type[BaseModel]":
        """The root of the params tree; a field that carries a `Choice` is a detail. It has a field `seed: int`."""
        ...

    @property
    def metrics(self) -> "Sequence[Metric]":
        """What a run measures, the headline first."""
        ...

    @property
    def folder(self) -> Path:
        """Where `readings/`, `scales/` and, if there is one, `common.yaml` lie."""
        ...

    @property
    def inputs(self) -> Sequence[Input]:
        """What runs share, each after those that it needs."""
        ...

    @property
    def code(self) -> Sequence[str]:
        """The modules whose code, with all that they import, can move the numbers of a run."""
        ...

    @property
    def vocabulary(self) -> Sequence[str]:
        """Packages or modules that name options and compute nothing, left out of `code` wherever they are imported."""
        ...

    @property
    def preload(self) -> Sequence[str]:
        """Modules that are slow to import, which a sweep loads once for all its runs; may be empty.

        Their import must start no thread, open no GPU and draw no random number.
        """
        ...

    @property
    def build_report(self) -> str:
        """What builds the report of the active variant in a folder and returns its page; empty: nothing does."""
        ...

    @property
    def results(self) -> ResultFiles:
        """Where the pipeline of the active variant leaves its results."""
        ...

    @property
    def unit_groups(self) -> UnitGroups | None:
        """Where a run says which units come from one source; None: each is a source of its own."""
        ...

    def sections(self) -> "Sequence[Section]":
        """Returns the case's own sections of the page."""
        ...

    def baseline(self, study: "Study") -> dict[str, Any]:
        """Returns all values of a study's baseline under dotted keys, as JSON holds them.

        Raises:
            UserError: there is no such reading or scale, or the result is not allowed.
        """
        ...

    def resolve(self, baseline: Mapping[str, Any], settings: Mapping[str, Any], seed: int) -> Any:
        """Returns the checked params of one run.

        Args:
            baseline: of `baseline`, under dotted keys.
            settings: dotted keys by which the variant departs from it.
            seed: of the run.

        Raises:
            UserError: the combination is not allowed.
        """
        ...

    def identify(self, values: Mapping[str, Any]) -> str:
        """Returns the id of the variant with these values under dotted keys; the seed does not count."""
        ...

    def threads(self, params: Any) -> int:
        """Returns how many threads a run with these params uses."""
        ...

    def run(self, job: Job) -> Measurements:
        """Makes one run.

        Raises:
            DivergedError: its numbers are no longer finite, which is a result.
            UserError: it cannot be made; the run has failed.
        """
        ...


def plan_study(file: Path, case: Case) -> "Plan":
    """Returns the plan of a study: its variants and runs; nothing is frozen and nothing written.

    Args:
        file: the study, YAML.
        case: under audit.

    Raises:
        UserError: the file declares no study, or one that cannot be had.
    """
    from datetime import UTC, datetime

    from repro.audit.study.declaration import load_study
    from repro.audit.study.planning import make_plan

    named = load_study(file, case.metrics)
    try:
        baseline = case.baseline(named.study)
        base = case.baseline(named.study.of_base()) if named.study.base else None
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    return make_plan(named, case.params, baseline, case.identify, datetime.now(UTC), case.metrics, base)


def load_case() -> Case:
    """Returns the case that the pyproject.toml of the working folder names.

    Raises:
        UserError: the file names none, or what it names cannot be imported.
    """
    case: Case = import_attribute(_case_reference(), f"{PROJECT_FILE}: [tool.repro] case")
    return case


def case_module() -> str:
    """Returns the dotted name of the module that holds the case."""
    return _case_reference().partition(":")[0]


def _case_reference() -> str:
    file = PROJECT_FILE
    try:
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["repro"]["case"])
    except OSError:
        raise UserError(f"there is no {PROJECT_FILE} in {Path.cwd()}, so no paper under audit\n  {REMEDY}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is no TOML: {error}") from None
    except (KeyError, TypeError):
        raise UserError(f"{file} names no paper under audit\n  {REMEDY}") from None


def import_attribute(reference: str, origin: str) -> Any:
    """Returns what "module:attribute" names.

    Args:
        reference: as above.
        origin: where it stands, for the message.

    Raises:
        UserError: there is no such module or attribute.
    """
    module, colon, attribute = str(reference).partition(":")
    if not (module and colon and attribute):
        raise UserError(f'{origin} = {reference!r}: expected "package.module:NAME"')
    here = str(Path.cwd())
    if here not in sys.path:  # a project need not be installed
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UserError(f"{origin} = {reference!r}: there is no module {error.name}") from None
    except AttributeError as error:
        raise UserError(f"{origin} = {reference!r}: {error}") from None
