"""One-at-a-time studies of which everything is known, on top of the factorial ones."""

from typing import Any

from simulated_factorial import make_plan, two_levels

from repro.audit.study.plan import Plan


def arms_plan(details: int = 1, *, seeds: int = 8, margin: float = 0.1, **changes: Any) -> Plan:
    """Returns a plan in which each detail (a, b, ...) has one arm with the option "yes"; ids are v1, v2, ..."""
    plan = make_plan(
        levels := two_levels(details), "one_at_a_time", seeds=seeds, rows=[{k: "yes"} for k in levels], **changes
    )
    for metric in plan.declaration["metrics"].values():
        metric["margin"] = margin
    return plan
