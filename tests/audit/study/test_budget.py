"""Budgets: what people type, and what it is in runs."""

import pytest

from repro.audit.study.budget import Amount, Machine, parse_budget, price_budget
from repro.errors import UserError


@pytest.mark.parametrize(
    ("text", "runs"), [("2h", 960), ("90min", 720), ("4coreh", 960), ("1 gpuh", 960), ("0.5H", 240)]
)
def test_hours_in_runs_of_fifteen_seconds(text: str, runs: int) -> None:
    assert price_budget(parse_budget(text), 0, 15.0, Machine(2, gpus_per_run=0.25)).runs == runs


@pytest.mark.parametrize("text", ["2", "h", "0h", "-1h", "2days", "2h30"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected a number with its unit"):
        parse_budget(text)


def test_gpu_hours_need_a_share() -> None:
    with pytest.raises(UserError, match="--gpus-per-run"):
        price_budget(Amount(1.0, "gpuh"), 0, 15.0, Machine(2))


def test_a_clock_waits_for_the_first_runs() -> None:
    assert price_budget(Amount(1.0, "h"), 3, None, Machine(2)).runs is None
