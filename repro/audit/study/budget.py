"""What an adaptive study may spend: hours of a clock, of cores or of GPUs, turned into runs once and for all.

Clocks never say the same twice, and whoever resumes a study should come to what an undisturbed one comes to. So a
budget in time is priced a single time, by the median of the runs that there are, and written to the plan; from then on
runs are counted. How long they take in the end may be another matter: a budget of 2 h is not a deadline.
"""

import re
from typing import NamedTuple

from repro.audit.study.plan import Budget
from repro.errors import UserError

UNITS = {"h": "hours of a clock", "min": "minutes of a clock", "coreh": "core-hours", "gpuh": "GPU-hours"}
RUNS = "runs"


class Machine(NamedTuple):
    """What a budget in time is spent on.

    Attributes:
        slots: runs at once.
        gpus_per_run: share of a GPU that a run has; 0: none.
    """

    slots: int
    gpus_per_run: float = 0.0


class Amount(NamedTuple):
    """A budget as somebody has asked for it.

    Attributes:
        number: positive.
        unit: one of `UNITS`, or `RUNS`.
    """

    number: float
    unit: str

    @property
    def said(self) -> str:
        """As one writes it.

        Example:
            >>> Amount(2.0, "h").said, Amount(40.0, RUNS).said
            ('2h', '40 runs')
        """
        return f"{self.number:g} {RUNS}" if self.unit == RUNS else f"{self.number:g}{self.unit}"


def parse_budget(text: str) -> Amount:
    """Reads a budget in time.

    Raises:
        UserError: it is none.

    Example:
        >>> parse_budget("1.5h"), parse_budget("40gpuh").unit
        (Amount(number=1.5, unit='h'), 'gpuh')
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", text.lower())
    if found is None or found[2] not in UNITS or not float(found[1]):
        known = ", ".join(f"2{unit} ({name})" for unit, name in UNITS.items())
        raise UserError(f"--budget {text}: expected a number with its unit, e.g. {known}; in runs: --runs 200")
    return Amount(float(found[1]), found[2])


def price_budget(amount: Amount, there: int, run_seconds: float | None, machine: Machine) -> Budget:
    """Turns what was asked for into runs.

    Args:
        amount: asked for.
        there: runs that have been made already.
        run_seconds: median wall-clock of a run; None: no run has shown it yet, and a budget in time waits for one.
        machine: that it is spent on.

    Raises:
        UserError: GPU-hours are to be spent by runs without a GPU.

    Example:
        >>> price_budget(Amount(2.0, "h"), there=92, run_seconds=15.0, machine=Machine(slots=2)).runs
        960
    """
    if amount.unit == RUNS:
        return Budget(said=amount.said, there=there, run_seconds=None, runs=int(amount.number))
    if amount.unit == "gpuh" and not machine.gpus_per_run:
        raise UserError(f"--budget {amount.said}: say what share of a GPU a run has: --gpus-per-run 0.25")
    if run_seconds is None:
        return Budget(said=amount.said, there=there, run_seconds=None, runs=None)
    each = {"h": 1 / machine.slots, "min": 1 / machine.slots, "coreh": 1.0, "gpuh": machine.gpus_per_run}[amount.unit]
    seconds = amount.number * (60 if amount.unit == "min" else 3600)
    runs = int(seconds / (max(run_seconds, 1e-9) * each) + 1e-9)
    return Budget(said=amount.said, there=there, run_seconds=run_seconds, runs=runs)
