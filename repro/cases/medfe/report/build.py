"""The report of the active variant: its notebook run, and the page that is made of it."""

from pathlib import Path

from repro import paths
from repro.audit.page.notebook import LOG, render_page, run_notebook
from repro.cases.medfe.case import CASE
from repro.evidence import read_evidence
from repro.refusals import check_folder
from repro.storage import written_folder


def build_report(output: Path) -> Path:
    """Writes the run notebook and the page, under the name of the source notebook; returns the page.

    Args:
        output: folder that is replaced.

    Raises:
        UserError: there are no results yet, or the tracking store cannot be opened.
    """
    names = {paths.NOTEBOOK.name, paths.NOTEBOOK.with_suffix(".html").name}
    check_folder(output, names)
    read_evidence(CASE, paths.RESULTS)  # refused before a kernel is started
    with written_folder(output) as partial:
        notebook = partial / paths.NOTEBOOK.name
        run_notebook(paths.NOTEBOOK, notebook, paths.state() / LOG)
        notebook.with_suffix(".html").write_text(render_page(notebook), encoding="utf-8")
    return output / paths.NOTEBOOK.with_suffix(".html").name
