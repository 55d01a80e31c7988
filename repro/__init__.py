"""Audits how far a machine-learning paper can be reproduced when it leaves details out.

What a case, a study of one's own or a notebook needs can be imported from here; it is loaded when it is first used:

- the ledger: `Choice`, `Source`
- a case: `Case`, `PaperCase`, `Metric`, `Input`, `Job`, `Row`, `ProtocolRow`, `Measurements`, `Section`
- a study: `Study`, `plan_study`
- the statistics: `Results`, `analyse`
- errors that a user is meant to read: `UserError`, `DivergedError`

Example:
    >>> from repro import Choice, Source
    >>> paper = Source("paper", "section 3")
    >>> Choice("Which loss?", gap="loss", paper="silent", options={"hinge": (paper,)}).check("hinge")
    'hinge'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repro.audit.ledger.choice import Choice as Choice
    from repro.audit.ledger.source import Source as Source
    from repro.audit.page.section import Section as Section
    from repro.audit.statistics.analysis import analyse as analyse
    from repro.audit.statistics.results import Results as Results
    from repro.audit.study.declaration import Study as Study
    from repro.audit.study.metric import Metric as Metric
    from repro.case import Case as Case
    from repro.case import Input as Input
    from repro.case import Job as Job
    from repro.case import Measurements as Measurements
    from repro.case import ProtocolRow as ProtocolRow
    from repro.case import Row as Row
    from repro.case import plan_study as plan_study
    from repro.errors import DivergedError as DivergedError
    from repro.errors import UserError as UserError
    from repro.paper_case import PaperCase as PaperCase

__version__ = "0.2.0"

_PUBLIC = {
    "Case": "repro.case",
    "Choice": "repro.audit.ledger.choice",
    "DivergedError": "repro.errors",
    "Input": "repro.case",
    "Job": "repro.case",
    "Measurements": "repro.case",
    "Metric": "repro.audit.study.metric",
    "PaperCase": "repro.paper_case",
    "ProtocolRow": "repro.case",
    "Results": "repro.audit.statistics.results",
    "Row": "repro.case",
    "Section": "repro.audit.page.section",
    "Source": "repro.audit.ledger.source",
    "Study": "repro.audit.study.declaration",
    "UserError": "repro.errors",
    "analyse": "repro.audit.statistics.analysis",
    "plan_study": "repro.case",
}
"""Public names, and where they are defined; as text, so that no stage depends on code that it does not use."""

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
