"""The JSON Schema of params.yaml, by which editors complete it and explain its keys."""

import json
from pathlib import Path

from repro.cases.medfe.params.tree import Params
from repro.storage import written_file


def make_schema() -> str:
    """Returns the schema as JSON."""
    return json.dumps(Params.model_json_schema(), indent=2) + "\n"


def write_schema(file: Path) -> None:
    """Writes the schema atomically."""
    with written_file(file) as partial:
        partial.write_text(make_schema())
