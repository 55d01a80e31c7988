"""The ranges of hole ratio that masks are made and results reported for."""

from typing import NamedTuple


class Bucket(NamedTuple):
    """Masks whose share of hole pixels lies in (low, high]."""

    name: str
    low: float
    high: float


BUCKETS = (
    Bucket("01-10", 0.01, 0.1),
    Bucket("10-20", 0.1, 0.2),
    Bucket("20-30", 0.2, 0.3),
    Bucket("30-40", 0.3, 0.4),
    Bucket("40-50", 0.4, 0.5),
    Bucket("50-60", 0.5, 0.6),
)
"""Source: the test masks of Liu et al. 2018, which the paper names."""
