"""What the runs of the study's notebook call: one function per section, in the order of the page.

A study's name flows in, fragments of the page flow out. Everything generic is done by `repro.audit`; this room adds
the case: its params tree, its runs on disk, its pictures.
"""

from pathlib import Path

from repro import paths
from repro.audit.ledger.choice import walk_details
from repro.audit.page import claims, design, effects, ledger, runs, stability, uncertainty
from repro.audit.page.fragment import Fragment
from repro.audit.page.notebook import render_page, run_notebook
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import analyse
from repro.audit.study.freezing import load_plan, locate_plan
from repro.cases.medfe.params import Params
from repro.cases.medfe.report.fills import show_fills
from repro.runs.collection import read_results
from repro.storage import written_folder

SECTIONS = {
    "title": claims.show_title,
    "opening": claims.show_opening,
    "verdicts": claims.show_claim_verdicts,
    "claims": claims.show_claims,
    "ledger": ledger.show_ledger,
    "curve": effects.show_curve,
    "effects": effects.show_effects,
    "stability": stability.show_stability,
    "interactions": effects.show_interactions,
    "variance": uncertainty.show_variance,
    "protocols": uncertainty.show_protocols,
    "pictures": show_fills,
    "design": design.show_design,
    "failures": runs.show_failures,
    "cost": runs.show_cost,
    "questions": uncertainty.show_questions,
    "runs": runs.show_runs,
}
"""The sections of the page by name, in its order."""


def load_subject(study: str) -> Subject:
    """Reads the frozen plan of a study and its runs, and analyses them.

    Raises:
        UserError: it is not frozen, or evidence is broken.
    """
    plan = load_plan(locate_plan(paths.PLANS, study))
    results = read_results(plan)
    choices = {detail.key: detail.choice for detail in walk_details(Params)}
    return Subject(plan, results, analyse(plan, results, choices), choices)


def show(subject: Subject, section: str) -> Fragment:
    """Returns a section of the page."""
    return Fragment(SECTIONS[section](subject))


def build_study_report(study: str, output: Path) -> None:
    """Writes the run notebook and the page of a study, from its frozen plan and the runs that there are.

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
