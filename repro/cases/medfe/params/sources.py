"""Sources that several details share."""

from repro.audit.ledger.source import replication

PROBABLY_THE_PAPERS = replication("RKlazinga training/loss.py @215a824: from the paper alone, probably its value", "I")
"""The paper's sections 3 and 4 were not available; this loss was written from them, without the authors' code."""
