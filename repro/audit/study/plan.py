"""The plan of a study: its variants and runs, frozen with a fingerprint before anything runs.

`planning` makes one, `freezing` keeps it and finds how a later plan deviates from it.
"""

import operator
from collections.abc import Collection
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from repro.audit.study.declaration import Study

Role = Literal["baseline", "arm", "negative control", "positive control"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(_Frozen):
    """One set of options.

    Attributes:
        id: stable hash of all that can change a result but the seed.
        role: what it is in the study.
        settings: dotted keys by which it departs from the baseline; empty for the baseline.
    """

    id: str
    role: Role
    settings: dict[str, Any]


class Run(_Frozen):
    """One variant with one seed; its id is `<variant>-s<seed>`."""

    id: str
    variant: str
    seed: int


class LeftOut(_Frozen):
    """A combination that the design asked for and the constraints forbid, or under which an option has no effect."""

    settings: dict[str, Any]
    reason: str


class Look(_Frozen):
    """That somebody has looked at the results of a study: a page was built of them.

    Attributes:
        date: ISO date (UTC).
        seeds: with which every variant of the design had been run.
        runs: of the plan that had been run, failed ones included.
        settled: the verdict of each detail that has another than `undecided`, by the main metric.
    """

    date: str
    seeds: int
    runs: int
    settled: dict[str, str]


class Plan(_Frozen):
    """What a study runs.

    Attributes:
        study: name of the study.
        fingerprint: SHA-256 over the declaration, the baseline's values, the variants and the runs.
        frozen: ISO date and time (UTC) at which it was frozen first.
        declaration: the study as plain values.
        values: all values of the baseline under dotted keys, as JSON holds them; a run has these, its variant's
            settings and its seed.
        levels: dotted key of each varied detail with its options, the baseline's first, as values.
        variants: the baseline first.
        runs: every variant with every seed.
        left_out: what was asked for and cannot be had.
        deviations: dated sentences: how the plan was changed after it had been frozen.
        passed_over: draws of the randomisation that the constraints of the ledger did not allow, before the one taken.
        looks: oldest first; no part of the fingerprint.
    """

    study: str
    fingerprint: str
    frozen: str
    declaration: dict[str, Any]
    values: dict[str, Any] = {}
    levels: dict[str, list[Any]]
    variants: list[Variant]
    runs: list[Run]
    left_out: list[LeftOut]
    deviations: list[str]
    # left out while empty, so that files of plans that were frozen before stay as they are
    passed_over: int = Field(default=0, exclude_if=operator.not_)
    looks: list[Look] = Field(default=[], exclude_if=operator.not_)

    @property
    def declared(self) -> Study:
        """The declaration, read."""
        return Study.model_validate(self.declaration)

    def baseline(self) -> Variant:
        """Returns the baseline's variant."""
        return self.variants[0]

    def count_complete_seeds(self, missing: Collection[str]) -> int:
        """Returns with how many seeds baseline and arms have been run, given the ids of the runs that were not."""
        design = {variant.id for variant in self.variants if variant.role in ("baseline", "arm")}
        planned = [run for run in self.runs if run.variant in design and run.seed < self.declaration["seeds"]]
        return len({run.seed for run in planned} - {run.seed for run in planned if run.id in missing})

    def seeds_looked_at(self) -> list[int]:
        """Returns the numbers of seeds at which verdicts have been seen, ascending; below two there is none to see."""
        return sorted({look.seeds for look in self.looks if look.seeds > 1})

    def is_sequential(self, seeds: int) -> bool:
        """Says whether verdicts at a number of seeds are one look of several, declared so or not."""
        return self.declared.sequential is not None or bool(set(self.seeds_looked_at()) - {seeds})
