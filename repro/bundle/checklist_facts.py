"""What the evidence of a study says on the subjects of checklists: sentences, each with the files that it rests on.

Nothing is said that no file holds: a fact that the evidence lacks is left out, and its item stays open.
"""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.ledger.values import flatten
from repro.audit.page.subject import Subject
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.outcomes import FULL
from repro.bundle.contents import PROJECT_FILES
from repro.kept.folder import PAGE
from repro.kept.study import FOLDER, LEDGER, MADE, PLAN, ROWS, RUNS, KeptStudy

_TOLD: Final = ("processor", "device", "cpu", "instructions", "threads", "platform", "python")
"""Of an environment: what one reads first."""
_JOULES_PER_KWH: Final = 3.6e6
LICENCE, _, CREDITS = PROJECT_FILES
PROJECT: Final = "../../.."
"""From the folder of a report to the project."""


class Fact(NamedTuple):
    """A sentence or two, and the files that hold it, relative to the folder of the report."""

    text: str
    files: tuple[str, ...]


def gather_facts(kept: KeptStudy, subject: Subject, project_files: Collection[str]) -> dict[str, Fact]:
    """Returns the facts by the name of their subject.

    Args:
        kept: the study.
        subject: the same, analysed.
        project_files: which of the project's own files there are.
    """
    made: dict[str, Callable[[], Fact | None]] = {
        "claims": lambda: _claims(subject),
        "limits": lambda: _limits(subject),
        "reproduce": lambda: _reproduce(kept),
        "params": lambda: _params(kept),
        "chosen": lambda: _chosen(kept),
        "seeds": lambda: _seeds(subject),
        "errors": lambda: _errors(subject),
        "compute": lambda: _compute(kept, subject),
        "environment": lambda: _environment(kept),
        "code": lambda: _code(kept),
        "data": lambda: _data(kept),
        "units": lambda: _units(kept),
        "metrics": lambda: _metrics(kept),
        "failures": lambda: _failures(subject),
        "licences": lambda: _licences(project_files),
        "package": lambda: _package(kept),
    }
    return {name: fact for name, make in made.items() if (fact := make()) is not None}


def _evidence(*names: str) -> tuple[str, ...]:
    return tuple(f"{FOLDER}/{name}" for name in names)


def _claims(subject: Subject) -> Fact | None:
    claims = subject.analysis.claims
    if claims.empty:
        return None
    told = "; ".join(f"{row['text']}: {row['verdict']}" for _, row in claims.iterrows())
    frozen = (
        f"of the plan frozen {subject.plan.frozen[:10]}, {count_of(len(subject.plan.deviations), 'deviation')} since"
    )
    return Fact(f"{count_of(len(claims), 'claim')} {frozen}: {told}.", (PAGE, *_evidence(PLAN)))


def _limits(subject: Subject) -> Fact:
    verdicts = subject.take(subject.analysis.verdicts)
    undecided = int((verdicts["verdict"] == "undecided").sum()) if len(verdicts) else 0
    unseen = sum(key not in subject.plan.levels for key in subject.choices)
    study = subject.study
    return Fact(
        f"Holds for the scale {study.scale}, the reading {study.reading} and these seeds alone; {undecided} of "
        f"{count_of(len(subject.plan.levels), 'detail')} undecided, {unseen} further details of the ledger not varied; "
        f"deviations from the plan: {len(subject.plan.deviations)}.",
        (PAGE, *_evidence(PLAN, LEDGER)),
    )


def _reproduce(kept: KeptStudy) -> Fact:
    name = kept.plan.study
    return Fact(
        f"`repro sweep ablations/{name}.yaml` makes the runs, `repro report ablations/{name}.yaml` the results; "
        f"`repro verify {name}` rebuilds every number from the rows, with `--rerun K` it makes runs again.",
        _evidence(ROWS, RUNS, MADE),
    )


def _params(kept: KeptStudy) -> Fact:
    return Fact(
        f"All {count_of(len(kept.plan.values), 'parameter')} of the baseline and what each of the "
        f"{count_of(len(kept.plan.grown().variants), 'variant')} changes are in the plan.",
        _evidence(PLAN),
    )


def _chosen(kept: KeptStudy) -> Fact:
    declared, levels = kept.plan.declared, kept.plan.levels
    options = sum(len(values) for values in levels.values())
    sources = {
        source.kind
        for key in levels
        if key in kept.choices
        for told in kept.choices[key].options.values()
        for source in told
    }
    read = f", each with where it was read ({', '.join(sorted(sources))})" if sources else ""
    return Fact(
        f"Baseline: the reading {declared.reading} at the scale {declared.scale}"
        f"{', with settings of the study' if declared.settings else ''}. {count_of(len(levels), 'detail')} with "
        f"{options} options{read}, combined by the design {declared.design}, frozen {kept.plan.frozen[:10]} with "
        f"{count_of(len(kept.plan.looks), 'look')} noted.",
        _evidence(PLAN, LEDGER),
    )


def _seeds(subject: Subject) -> Fact:
    runs = subject.plan.grown().runs
    seeds = pd.Series([run.variant for run in runs]).value_counts()
    states = subject.results.runs["status"].value_counts()
    told = ", ".join(f"{number} {status}" for status, number in states.items())
    low, high = int(seeds.min()), int(seeds.max())
    many = f"{low}" if low == high else f"{low} to {high}"
    return Fact(
        f"{count_of(len(runs), 'run')}: {told}; {many} seeds a variant. "
        "The seed is the replicate, what is measured inside a run is not.",
        _evidence(PLAN, RUNS),
    )


def _errors(subject: Subject) -> Fact:
    noise = subject.analysis.noise
    told = noise[(noise["train_fraction"] == FULL) & noise["sd"].notna()]
    floor = ", ".join(
        f"{row['metric']} {row['sd']:.3g} {subject.metric(row['metric']).unit}".rstrip() for _, row in told.iterrows()
    )
    said = f" Standard deviation over seeds: {floor}." if floor else ""
    return Fact(
        "Intervals of 95 % over seeds, tests of difference and of equivalence, p-values corrected over the details "
        f"({correction_of(subject.study)}).{said}",
        (PAGE, *_evidence(ROWS)),
    )


def _compute(kept: KeptStudy, subject: Subject) -> Fact | None:
    cost = subject.analysis.cost
    if cost.empty or not cost["runs"].iloc[0]:
        return None
    row = cost.iloc[0]
    energy = f", {row['joules'] / _JOULES_PER_KWH:.3g} kWh" if pd.notna(row["joules"]) else ", energy not measured"
    return Fact(
        f"{row['hours']:.3g} hours of runs in all, {row['hours'] * 3600 / row['runs']:.3g} s a run, "
        f"{row['hours_lost']:.2g} hours in failed ones{energy}.{_machines(kept)}",
        _evidence(RUNS, MADE),
    )


def _machines(kept: KeptStudy) -> str:
    found: Counter[str] = Counter()
    for made in kept.made.values():
        told: dict[str, Any] = flatten(dict(made.environment))
        found[", ".join(f"{name} {told[name]}" for name in _TOLD if name in told)] += 1
    return "".join(f" {count_of(number, 'run')} on: {line}." for line, number in found.items() if line)


def _environment(kept: KeptStudy) -> Fact | None:
    if not (machines := _machines(kept)):
        return None
    return Fact(f"Versions of all that a run loads are recorded with it.{machines}", _evidence(MADE))


def _code(kept: KeptStudy) -> Fact | None:
    codes = sorted({made.code for made in kept.made.values()})
    if not codes:
        return None
    return Fact(
        f"SHA-256 over all code that can move a run's numbers: {', '.join(code[:16] for code in codes)}.",
        _evidence(MADE),
    )


def _data(kept: KeptStudy) -> Fact | None:
    inputs = sorted({f"{name} {digest[:16]}" for made in kept.made.values() for name, digest in made.inputs.items()})
    return Fact(f"SHA-256 of what the runs read: {', '.join(inputs)}.", _evidence(MADE)) if inputs else None


def _units(kept: KeptStudy) -> Fact:
    rows = kept.results.rows
    return Fact(f"{rows['unit'].nunique()} units measured in a run, {len(rows)} rows in all.", _evidence(ROWS))


def _metrics(kept: KeptStudy) -> Fact:
    declared = kept.plan.declared.metrics
    told = [
        f"{name} ({outcome.direction} is better, margin {outcome.margin:g} {outcome.unit}".rstrip()
        + ")"
        + (f": {kept.metrics[name].how}" if name in kept.metrics else "")
        for name, outcome in declared.items()
    ]
    return Fact(f"{'; '.join(told)}.", _evidence(PLAN, LEDGER))


def _failures(subject: Subject) -> Fact:
    failures = subject.analysis.failures
    told = failures["status"].value_counts().items() if len(failures) else ()
    said = ", ".join(f"{number} {status}" for status, number in told) or "none"
    return Fact(f"Runs that failed, diverged or are missing: {said}; counted, not dropped.", (PAGE, *_evidence(RUNS)))


def _licences(project_files: Collection[str]) -> Fact | None:
    found = [name for name in (LICENCE, CREDITS) if name in project_files]
    if not found:
        return None
    return Fact(f"Stated in {' and '.join(found)}.", tuple(f"{PROJECT}/{name}" for name in found))


def _package(kept: KeptStudy) -> Fact:
    return Fact(
        f"`repro export {kept.plan.study} -o bundle.zip` writes plan, params, rows, figures, environment and hashes "
        "as an RO-Crate 1.2, which `repro verify bundle.zip` checks without anything else.",
        (PAGE, *_evidence(PLAN, LEDGER, ROWS)),
    )
