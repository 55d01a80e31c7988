"""Two bundles of one study, e.g. from two machines: where they agree, run by run and verdict by verdict."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from repro.audit.page.subject import Subject
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import DIVERGED, FAILED, OK
from repro.bundle.tolerances import (
    DIFFERENT,
    IDENTICAL,
    WITHIN,
    allowed_distances,
    compare_rows,
    differing_runs,
)
from repro.bundle.verifying import check_bundle
from repro.errors import UserError
from repro.kept.study import KeptStudy

_LISTED = 10
"""So many runs, or differences, are named; the others are counted."""


class Agreement(NamedTuple):
    """What two bundles have in common.

    Attributes:
        holds: whether every run that both have is the same or within tolerance, and every verdict is the same.
        lines: what is said of it.
    """

    holds: bool
    lines: list[str]


def compare_bundles(first: Path, second: Path) -> Agreement:
    """Compares two bundles.

    Raises:
        UserError: one is no bundle or is damaged, or they are of different studies.
    """
    one, other = _open(first), _open(second)
    if one.plan.study != other.plan.study or one.case != other.case:
        raise UserError(
            f"these are two studies: {one.plan.study} of {one.case}, {other.plan.study} of {other.case}\n"
            "  expected two bundles of one study"
        )
    if first.read_bytes() == second.read_bytes():
        return Agreement(True, [f"{one.plan.study}: the same bytes"])
    lines = []
    if one.plan.fingerprint != other.plan.fingerprint:
        lines.append(f"plans: {one.plan.fingerprint[:12]} and {other.plan.fingerprint[:12]}; runs in both are compared")
    differs = {run: differing_runs(one.made[run], other.made[run]) for run in one.made if run in other.made}
    runs, verdicts = _compare_runs(one, other, differs), _compare_verdicts(one.analyse(), other.analyse())
    counts = Counter(verdict for verdict, _ in runs.values())
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (IDENTICAL, WITHIN, DIFFERENT) if counts[verdict])
    planned = [len(kept.plan.grown().runs) for kept in (one, other)]
    lines.append(f"runs: {told or 'none in common'}, of {planned[0]} and {planned[1]}")
    lines += _shorten([f"  {run}: {said}" for run, (verdict, said) in runs.items() if verdict == DIFFERENT])
    only = [_ok(kept) - _ok(rest) for kept, rest in ((one, other), (other, one))]
    lines += [
        f"  {len(more)} made in {file.name} only" for more, file in zip(only, (first, second), strict=True) if more
    ]
    same = sum(left == right for left, right in verdicts.values())
    lines.append(f"verdicts: {same} of {len(verdicts)} the same")
    lines += [f"  {name}: {left}, {right}" for name, (left, right) in verdicts.items() if left != right]
    machines = list(dict.fromkeys(f"  {line}" for said in differs.values() for line in said))
    lines += ["differs between the machines:", *_shorten(machines)] if machines else []
    return Agreement(not counts[DIFFERENT] and bool(counts) and same == len(verdicts), lines)


def _open(file: Path) -> KeptStudy:
    checked = check_bundle(file, numbers=False)
    if checked.changed or checked.kept is None:
        raise UserError(f"{file} is not as it was written: {checked.changed[0]}\n  `repro verify {file}` tells all")
    return checked.kept


def _ok(kept: KeptStudy) -> set[str]:
    return set(kept.results.runs.index[kept.results.runs["status"] == OK])


def _compare_runs(one: KeptStudy, other: KeptStudy, differs: Mapping[str, list[str]]) -> dict[str, tuple[str, str]]:
    """Returns how each run that was made in both stands: the verdict, and what there is to say.

    Args:
        one: the first study.
        other: the second.
        differs: what differs between what a run was made from in both; runs of which both tell it.
    """
    allowed, found = allowed_distances(one), {}
    variants = {run.id: run.variant for run in one.plan.grown().runs}
    rows = [dict(iter(kept.results.rows.groupby("run"))) for kept in (one, other)]
    for run, variant in variants.items():
        states = [kept.results.runs["status"].get(run, "not planned") for kept in (one, other)]
        if states == [OK, OK]:
            same = run in differs and not differs[run]
            distance = compare_rows(rows[0][run], rows[1][run], allowed[variant], same=same)
            found[run] = (distance.verdict, distance.show())
        elif OK in states and set(states) & {FAILED, DIVERGED}:
            found[run] = (DIFFERENT, f"{states[0]}, {states[1]}")
    return found


def _compare_verdicts(one: Subject, other: Subject) -> dict[str, tuple[str, str]]:
    """Returns the verdicts of both on each detail and outcome, each claim and each control."""
    tables = [_verdicts(subject) for subject in (one, other)]
    return {
        name: (tables[0].get(name, "none"), tables[1].get(name, "none"))
        for name in dict.fromkeys([*tables[0], *tables[1]])
    }


def _verdicts(subject: Subject) -> dict[str, str]:
    analysis = subject.analysis
    found = {f"{row['detail']} by {row['metric']}": str(row["verdict"]) for _, row in _whole(analysis.verdicts)}
    found |= {f"claim: {row['text']}": str(row["verdict"]) for _, row in analysis.claims.iterrows()}
    return found | {
        f"{row['control']} by {row['metric'] or 'all'}": "passed" if row["passed"] else "failed"
        for _, row in analysis.controls.iterrows()
    }


def _whole(table: pd.DataFrame) -> "list[tuple[Any, pd.Series[Any]]]":
    return list(table[table["train_fraction"] == FULL].iterrows()) if len(table) else []


def _shorten(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _LISTED else [*lines[:_LISTED], f"  and {len(lines) - _LISTED} more"]
