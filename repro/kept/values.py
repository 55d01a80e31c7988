"""A value as runs write it, and as what is kept of them repeats it: the same digits, so that none is rounded twice."""

from math import isfinite
from typing import Final

DIGITS: Final = 10
"""Significant digits of a value: more than any measurement carries, fewer than rounding errors reach."""


def show(value: float) -> str:
    """Returns a value as text; empty where there is no number."""
    return f"{value:.{DIGITS}g}" if isfinite(value) else ""
