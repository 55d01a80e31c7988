"""The typed tree of parameters: params.yaml says what is chosen, this tree what is allowed.

A field that carries a `Choice` is a detail of the ledger. No field has a default: DVC could not see it.
"""

from repro.cases.medfe.params.reading import load_params, parse_params
from repro.cases.medfe.params.tree import Params

__all__ = ["Params", "load_params", "parse_params"]
