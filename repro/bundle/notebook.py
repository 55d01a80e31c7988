"""The notebook of a bundle: it rebuilds the page from the bundle's own evidence, and holds the outputs of the page."""

from typing import Any

from repro.kept.folder import AUDIT_SECTIONS
from repro.kept.page import find_sections
from repro.kept.study import encode_json

_START = """\
# pip install repro-audit; in the folder that the bundle was unpacked to
from pathlib import Path
from IPython.display import HTML
from repro.kept.folder import read_kept, read_report
from repro.kept.rebuilding import rebuild_sections

sections = rebuild_sections(read_kept(read_report(Path()), "this folder").analyse())"""
_ARTEFACTS = "# made from artefacts of the runs, which the bundle does not hold; shown as it was"


def make_notebook(page: str, title: str) -> bytes:
    """Returns the notebook as JSON: a cell for each section of the page, with its output."""
    cells = [_code("start", _START)]
    for name, source in find_sections(page).items():
        section = AUDIT_SECTIONS.get(name)
        if section is not None and section.heading:
            cells.append(
                {"cell_type": "markdown", "id": f"head-{name}", "metadata": {}, "source": f"## {section.heading}"}
            )
        cells.append(_code(name, f"HTML(sections[{name!r}])" if section is not None else _ARTEFACTS, source))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel, "title": title}, "nbformat": 4, "nbformat_minor": 5}
    return encode_json(notebook)


def _code(name: str, source: str, output: str = "") -> dict[str, Any]:
    shown = [{"output_type": "display_data", "data": {"text/html": output}, "metadata": {}}] if output else []
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "source": source,
        "outputs": shown,
    }
