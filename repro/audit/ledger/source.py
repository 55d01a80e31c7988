"""Where an option was read, and the words for what the paper says. Nothing heavy is imported: `--help` shows them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["paper", "release", "related", "replication", "inference"]
Confidence = Literal["V", "C", "I"]
"""V: read in the named source; C: computed by running it; I: inferred."""

Status = Literal["stated", "ambiguous", "silent", "contradicted"]
"""What the paper says; contradicted: by its own figure or by the authors' code."""

Defensible = Literal["E", "N", "U"]
"""Del Giudice & Gangestad (2021): options are equivalent, non-equivalent, or it is uncertain."""


@dataclass(frozen=True)
class Source:
    """Where an option was read."""

    kind: Kind
    where: str
    confidence: Confidence = "V"

    def __str__(self) -> str:
        return f"{self.kind}: {self.where} [{self.confidence}]"


def paper(where: str, confidence: Confidence = "V") -> Source:
    """The paper itself, or a quotation of it."""
    return Source("paper", where, confidence)


def release(where: str, confidence: Confidence = "V") -> Source:
    """The authors' code: file @commit."""
    return Source("release", where, confidence)


def related(where: str, confidence: Confidence = "V") -> Source:
    """The code of another paper."""
    return Source("related", where, confidence)


def replication(where: str, confidence: Confidence = "V") -> Source:
    """An independent re-implementation."""
    return Source("replication", where, confidence)


def inference(where: str) -> Source:
    """Ours."""
    return Source("inference", where, "I")
