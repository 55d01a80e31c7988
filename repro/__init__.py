"""Audits how far a machine-learning paper can be reproduced when it leaves details out.

`repro.audit` is the machinery and could audit any paper; `repro.cases.medfe` is the case; `repro.pipeline` are the
steps of the DVC pipeline; `repro.cli` is what people type. Imports point one way, in that order.
"""

__version__ = "0.1.0"
