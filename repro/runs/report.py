"""The notebook and the page of a study: what its notebook calls, and how both are built from the list of sections.

Whoever builds a page has looked at the results, which is kept with the study's plan.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from repro import paths
from repro.audit.ledger.choice import walk_details
from repro.audit.page.fragment import Fragment
from repro.audit.page.notebook import LOG, render_page, run_notebook
from repro.audit.page.section import Section, arrange_sections
from repro.audit.page.subject import Subject
from repro.audit.statistics.completion import take_look
from repro.audit.statistics.results import MISSING
from repro.audit.study.freezing import is_new, load_plan, locate_plan, record_look
from repro.audit.study.plan import Look
from repro.case import import_attribute, load_case
from repro.kept.folder import describe_statistics, write_report_evidence
from repro.kept.page import mark_section
from repro.kept.study import KeptStudy, Made, MetricNote
from repro.runs.collection import read_results
from repro.runs.record import read_record
from repro.storage import written_folder


def load_subject(study: str, *, links: bool = True) -> Subject:
    """Reads the frozen plan of a study and its runs, and analyses them.

    Args:
        study: its name.
        links: whether to look the runs up in the tracking store.

    Raises:
        UserError: it is not frozen, or evidence is broken.
    """
    return collect_study(study, links=links).analyse()


def show(subject: Subject, section: str) -> Fragment:
    """Returns a section of the page, as a notebook displays it."""
    found = next(item for item in arrange_sections(load_case().sections()) if item.name == section)
    return Fragment(mark_section(section, import_attribute(found.show, f"section {section}")(subject)))


def build_study_report(study: str, output: Path) -> None:
    """Writes the run notebook and the page of a study, and beside them the evidence that both can be rebuilt from.

    Args:
        study: its name.
        output: folder that is replaced.

    Raises:
        UserError: the study is not frozen, or its evidence is broken.
    """
    kept = collect_study(study)  # refused before a kernel is started
    title = kept.plan.declared.title
    with written_folder(output) as partial:
        notebook = partial / paths.STUDY_NOTEBOOK
        run_notebook(
            make_notebook(study, title, arrange_sections(load_case().sections())), notebook, paths.state() / LOG
        )
        notebook.with_suffix(".html").write_text(render_page(notebook), encoding="utf-8")
        write_report_evidence(partial, kept)


def collect_study(study: str, *, links: bool = False) -> KeptStudy:
    """Returns a study as it is kept: its frozen plan, its runs, and what they were made from.

    Args:
        study: its name.
        links: whether to look the runs up in the tracking store; nothing that is kept needs them.

    Raises:
        UserError: the study is not frozen, or its evidence is broken.
    """
    case = load_case()
    plan = load_plan(locate_plan(paths.PLANS, study))
    results = read_results(case, plan, links=links)
    records = {run: read_record(run) for run in results.runs.index[results.runs["status"] != MISSING]}
    return KeptStudy(
        case.name,
        plan,
        results,
        {detail.key: detail.choice for detail in walk_details(case.params)},
        {item.name: MetricNote(item.title, item.unit, item.direction, item.how) for item in case.metrics},
        {
            run: Made(record.key, record.given.code, record.given.inputs, record.environment)
            for run, record in records.items()
            if record is not None
        },
        describe_statistics(),
    )


def keep_look(study: str) -> Look | None:
    """Adds a look at the runs that there are to the frozen plan of a study; returns it, or None if it shows no new run.

    Raises:
        UserError: the study is not frozen, or its evidence is broken.
    """
    subject = load_subject(study, links=False)
    look = take_look(subject.plan, subject.results, subject.analysis.verdicts, datetime.now(UTC))
    if not look.runs or not is_new(subject.plan, look):
        return None
    record_look(subject.plan, look, paths.PLANS)
    return look


def make_notebook(study: str, title: str, sections: list[Section]) -> Any:
    """Returns the notebook of a study, not run yet: a heading and one line of code for each section."""
    from nbformat import v4

    start = f"from repro.runs.report import load_subject, show\n\nsubject = load_subject({study!r})"
    cells: list[Any] = [v4.new_code_cell(start)]  # type: ignore[no-untyped-call]
    for section in sections:
        if section.heading:
            cells.append(v4.new_markdown_cell(f"## {section.heading}"))  # type: ignore[no-untyped-call]
        cells.append(v4.new_code_cell(f"show(subject, {section.name!r})"))  # type: ignore[no-untyped-call]
    return v4.new_notebook(cells=cells, metadata={"title": title})  # type: ignore[no-untyped-call]
