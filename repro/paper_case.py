"""A case as one declaration: a params tree, metrics, and the names of the functions that do the work.

Everything that a `Case` needs beside these is the same for every paper and stands here: readings and scales are YAML
files, a variant is identified by its values, and what is named as "module:function" is imported when first called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from repro.audit.ledger.choice import show_value
from repro.audit.ledger.identity import SEED, fill_before, variant_id
from repro.audit.ledger.parsing import parse_tree
from repro.audit.ledger.readings import load_common, merge_reading
from repro.audit.ledger.values import flatten, override_values
from repro.case import ACTIVE_RUN, Input, Job, Measurements, ResultFiles, UnitGroups, import_attribute

if TYPE_CHECKING:
    from repro.audit.page.section import Section
    from repro.audit.study.declaration import Study
    from repro.audit.study.metric import Metric

_MAX_NAMED = 3
"""So many settings name a variant in a message."""


@dataclass(frozen=True)
class PaperCase:
    """A paper under audit, declared.

    Attributes:
        name: short, in lower case.
        title: heading of the ledger.
        params: root of the params tree, with a field `seed: int`.
        metrics: what a run measures, the headline first.
        folder: where `readings/`, `scales/` and perhaps `common.yaml` lie.
        make_run: "module:function"; takes a `Job`, returns `Measurements`.
        inputs: what runs share.
        more_sections: "module:NAME" of a sequence of the case's own `Section`s; empty: none.
        vocabulary: modules or packages that name options and compute nothing, so that their edits move no number.
        preload: modules that are slow to import, which a sweep loads once for all its runs; their import starts no
            thread, opens no GPU and draws no random number.
        threads_key: dotted key of the params that says how many threads a run uses; empty: one.
        unit_groups: where a run says which units come from one source; None: each is a source of its own.
        results: where the pipeline of the active variant leaves its results.
        build_report: "module:function" that builds the report of the active variant in a folder, and returns its page;
            empty: there is none.

    Example:
        A whole project that uses it is what `repro new DIR` writes.
    """

    name: str
    title: str
    params: type[BaseModel]
    metrics: "tuple[Metric, ...]"
    folder: Path
    make_run: str
    inputs: tuple[Input, ...] = ()
    more_sections: str = ""
    vocabulary: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    threads_key: str = ""
    unit_groups: UnitGroups | None = None
    results: ResultFiles = ACTIVE_RUN
    build_report: str = ""

    def __post_init__(self) -> None:
        if SEED not in self.params.model_fields:
            raise TypeError(f"{self.params.__name__} has no field `{SEED}: int`; the seed is the replicate")
        made: set[str] = set()
        for item in self.inputs:
            unknown = [key for key in item.params if not _has_key(self.params, key)]
            unknown += [f"input {name}" for name in item.needs if name not in made]
            if unknown:
                raise TypeError(f"input {item.name} depends on {unknown[0]}, which there is not, or not before it")
            made.add(item.name)

    @property
    def code(self) -> Sequence[str]:
        """See `Case`."""
        return [reference.partition(":")[0] for reference in (self.make_run, *(item.make for item in self.inputs))]

    def sections(self) -> "Sequence[Section]":
        """See `Case`."""
        return import_attribute(self.more_sections, f"sections of {self.name}") if self.more_sections else ()

    def baseline(self, study: "Study") -> dict[str, Any]:
        """Returns all values of a study's baseline under dotted keys; see `Case`.

        The study's settings go before the scale, the scale before the reading, and all of them before common.yaml,
        which holds what none of them says: params.yaml has no say in it.
        """
        values = flatten(load_common(self.folder)) | merge_reading(self.folder, study.reading, study.scale)
        origin = f"the study's baseline ({study.reading} at scale {study.scale}, with its settings)"
        return flatten(self._parse(values | study.settings, origin).model_dump(mode="json"))

    def resolve(self, baseline: Mapping[str, Any], settings: Mapping[str, Any], seed: int) -> BaseModel:
        """See `Case`."""
        shown = [f"{key}={show_value(value)}" for key, value in list(settings.items())[:_MAX_NAMED]]
        named = ", ".join([*(shown or ["the baseline"]), *(["..."] if len(settings) > len(shown) else [])])
        return self._parse({**baseline, **settings, SEED: seed}, f"the study, at {named}")

    def identify(self, values: Mapping[str, Any]) -> str:
        """See `Case`."""
        return variant_id(self.params, self._parse(values, "the study").model_dump(mode="json"))

    def threads(self, params: BaseModel) -> int:
        """See `Case`."""
        return int(reduce(getattr, self.threads_key.split("."), params)) if self.threads_key else 1  # type: ignore[call-overload]

    def run(self, job: Job) -> Measurements:
        """See `Case`."""
        measured: Measurements = import_attribute(self.make_run, f"{self.name}: make_run")(job)
        return measured

    def _parse(self, values: Mapping[str, Any], origin: str) -> BaseModel:
        nested: dict[str, Any] = {}
        override_values(nested, values)
        return parse_tree(self.params, fill_before(self.params, nested), origin)


def _has_key(tree: Any, key: str) -> bool:
    """Tells whether a params tree has a group or field; what is below a field that is no group it cannot tell."""
    name, _, rest = key.partition(".")
    if not (isinstance(tree, type) and issubclass(tree, BaseModel)):
        return True
    return name in tree.model_fields and (not rest or _has_key(tree.model_fields[name].annotation, rest))
