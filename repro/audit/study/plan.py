"""The plan of a study: its variants and runs, frozen with a fingerprint before anything runs.

`planning` makes one, `freezing` keeps it and finds how a later plan deviates from it.
"""

import operator
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from repro.audit.study.declaration import RANDOMISED, Study
from repro.storage import hash_json

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


class Batch(_Frozen):
    """Runs that were added to a frozen plan because of what those before had shown; written before one of them starts.

    Attributes:
        variants: that the plan did not have.
        runs: of these variants and of those that it had.
        why: one sentence.
    """

    variants: list[Variant]
    runs: list[Run]
    why: str


class Budget(_Frozen):
    """What batches may spend, in runs: what it was in time was turned into runs once, as clocks never say the same.

    Attributes:
        said: as it was asked for, e.g. "2h".
        there: runs that had been made before; they cost nothing.
        run_seconds: median of a run by which it was turned into runs; None: it was asked for in runs.
        runs: that it pays in all; None: it is in time, and no run has shown yet what one takes.
    """

    said: str
    there: int
    run_seconds: float | None
    runs: int | None

    def left(self, plan: "Plan") -> int:
        """Returns the runs that it still pays beyond all that a plan and its batches have."""
        return max(0, (self.runs or 0) + self.there - len(plan.grown().runs))


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
        batches: of an adaptive sweep, oldest first; no part of the fingerprint, nor of `variants` and `runs`.
        budget: of these batches.
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
    batches: list[Batch] = Field(default=[], exclude_if=operator.not_)
    budget: Budget | None = Field(default=None, exclude_if=operator.not_)

    @property
    def declared(self) -> Study:
        """The declaration, read."""
        return Study.model_validate(self.declaration)

    def baseline(self) -> Variant:
        """Returns the baseline's variant."""
        return self.variants[0]

    @property
    def draws_fractions(self) -> bool:
        """Whether batches bring rows of their own, drawn by chance, rather than further seeds of the plan's rows."""
        return self.declaration["design"] in RANDOMISED

    def grown(self) -> "Plan":
        """Returns the plan with the variants and runs of all batches among its own: what there is to run."""
        variants = {variant.id: variant for variant in self.variants}
        runs = {run.id: run for run in self.runs}
        for batch in self.batches:
            variants |= {variant.id: variant for variant in batch.variants if variant.id not in variants}
            runs |= {run.id: run for run in batch.runs}
        return self.model_copy(update={"variants": list(variants.values()), "runs": list(runs.values())})

    def tabulated(self) -> "Plan":
        """Returns the plan whose rows and seeds make one table: without batches that bring rows of their own."""
        return self if self.draws_fractions else self.grown()

    def count_complete_seeds(self, missing: Collection[str]) -> int:
        """Returns with how many seeds verdicts are seen, given the ids of the runs that were not run.

        Those with which baseline and all arms have been run; where batches bring fractions, the seeds of these.
        """
        fresh = {run.seed for batch in self.batches for run in batch.runs} if self.draws_fractions else set()
        runs = self.grown().runs
        if not fresh:
            design = {variant.id for variant in self.variants if variant.role in ("baseline", "arm")}
            having: dict[int, set[str]] = {}
            for run in runs:
                having.setdefault(run.seed, set()).add(run.variant)
            fresh = {seed for seed, variants in having.items() if design <= variants}
            runs = [run for run in runs if run.variant in design]
        return len(fresh - {run.seed for run in runs if run.id in missing})

    def seeds_looked_at(self) -> list[int]:
        """Returns the numbers of seeds at which verdicts have been seen, ascending; below two there is none to see."""
        return sorted({look.seeds for look in self.looks if look.seeds > 1})

    def is_sequential(self, seeds: int) -> bool:
        """Says whether verdicts at a number of seeds are one look of several, declared so or not."""
        return self.declared.sequential is not None or bool(set(self.seeds_looked_at()) - {seeds})


def fingerprint_of(
    declaration: Mapping[str, Any], values: Mapping[str, Any], variants: Collection[Variant], runs: Collection[Run]
) -> str:
    """Returns a hash in which no order counts but that of the metrics, whose first is the main one."""
    return hash_json(
        {
            "declaration": declaration,
            "main metric": next(iter(declaration["metrics"])),
            "values": values,
            "variants": sorted((variant.model_dump(mode="json") for variant in variants), key=lambda item: item["id"]),
            "runs": sorted(run.id for run in runs),
        }
    )
