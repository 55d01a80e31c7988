"""What a plan is expected to cost: the median of the runs at the same scale that have been run already."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from repro.audit.study.freezing import load_plan
from repro.audit.study.plan import Plan
from repro.errors import UserError

RECORD = "run.json"
"""In each run's folder: `status` and `seconds`."""


class Cost(NamedTuple):
    """An estimate.

    Attributes:
        missing: runs that have not been run.
        measured: runs that the estimate rests on.
        seconds: median wall-clock of one of them; None: none is known.
        bytes_each: median size of one of them; None likewise.
    """

    missing: int
    measured: int
    seconds: float | None
    bytes_each: int | None


def estimate_cost(plan: Plan, plans: Path, runs: Path) -> Cost:
    """Returns what the missing runs of a plan are expected to cost.

    Args:
        plan: the plan.
        plans: folder of the frozen plans, by which a run's scale is known.
        runs: folder of the runs, one folder each.
    """
    scale, settings = plan.declaration["scale"], plan.declaration["settings"]
    others = list(_readable_plans(plans))
    alike = [
        item
        for item in [plan, *others]
        if (item.declaration["scale"], item.declaration["settings"]) == (scale, settings)
    ]
    known = sorted({run.id for item in alike for run in item.grown().runs if (runs / run.id / RECORD).is_file()})
    seconds, sizes = [], []
    for run in known:
        try:
            record = json.loads((runs / run / RECORD).read_text(encoding="utf-8"))
            taken = float(record["seconds"]) if record["status"] == "ok" else None
        except (OSError, ValueError, LookupError, TypeError):  # damaged: it tells of no cost
            continue
        if taken is not None:
            seconds.append(taken)
            sizes.append(sum(file.stat().st_size for file in (runs / run).rglob("*") if file.is_file()))
    missing = sum(not (runs / run.id / RECORD).is_file() for run in plan.grown().runs)
    if not seconds:
        return Cost(missing, 0, None, None)
    return Cost(missing, len(seconds), median(seconds), int(median(sizes)))


def _readable_plans(plans: Path) -> Iterator[Plan]:
    for file in sorted(plans.glob("*.json")):
        with suppress(UserError):
            yield load_plan(file)
