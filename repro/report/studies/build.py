"""The notebook of a study is run, and becomes one page that needs nothing from outside."""

from pathlib import Path

from repro import paths
from repro.audit.study.freezing import load_plan, locate_plan
from repro.report.build import render_page, run_notebook
from repro.storage import written_folder


def build_study_report(study: str, output: Path) -> None:
    """Writes the run notebook and the page of a study, from its frozen plan and the cells that there are.

    Args:
        study: its name.
        output: folder that is replaced.

    Raises:
        UserError: the study is not frozen, or its evidence is broken.
    """
    load_plan(locate_plan(paths.PLANS, study))  # refused before a kernel is started
    with written_folder(output) as partial:
        notebook = partial / paths.NOTEBOOK_OF_STUDIES.name
        run_notebook(paths.NOTEBOOK_OF_STUDIES, notebook, {"study": study})
        notebook.with_suffix(".html").write_text(render_page(notebook), encoding="utf-8")
