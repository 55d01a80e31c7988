"""Which colour says what: verdicts and kinds of source, distinguishable without colour vision (Okabe & Ito 2008)."""

from typing import Final

from repro.audit.statistics.claims import DEPENDS, FAILS, HOLDS
from repro.audit.statistics.verdicts import EQUIVALENT, IN_INTERACTION, MATTERS, ONLY_IN_INTERACTION, UNDECIDED

VERDICT: Final = {
    MATTERS: "#d55e00",
    EQUIVALENT: "#0072b2",
    ONLY_IN_INTERACTION: "#cc79a7",
    IN_INTERACTION: "#8c5a78",
    UNDECIDED: "#7b8794",
    HOLDS: "#0072b2",
    FAILS: "#d55e00",
    DEPENDS: "#cc79a7",
}
"""Verdicts on details and on claims; both say undecided by one word."""

SOURCE: Final = {
    "paper": "#0072b2",
    "release": "#009e73",
    "related": "#e69f00",
    "replication": "#56b4e9",
    "inference": "#7b8794",
}
"""Where an option was read; of several kinds the one that stands first here counts."""

MARGIN, NOISE, NULL, STRIPE = "#cfe0ec", "#f3e9d2", "#e8e4ee", "#f3f5f7"
"""Bands: the declared margin, the noise floor, what permuted labels give, and every second detail of a strip."""
