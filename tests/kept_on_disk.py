"""A kept study in its real form: the paper of `mean_case`, its runs made in milliseconds, its page by no kernel."""

import os
from pathlib import Path

import pandas as pd

from case_project import STUDY, write_mean_files
from mean_case import CASE, make_numbers
from repro.audit.ledger.choice import walk_details
from repro.audit.statistics.results import Results, tabulate_variants
from repro.audit.study.plan import Plan
from repro.case import Job, plan_study
from repro.kept.folder import PAGE, describe_statistics, write_report_evidence
from repro.kept.page import mark_section
from repro.kept.rebuilding import rebuild_sections
from repro.kept.study import KeptStudy, Made, MetricNote
from repro.runs.inputs import input_params

OWN = '<p>made of <img alt="artefacts" src="data:image/png;base64,AAAA"></p>'
ENVIRONMENT = {"python": "3.11.7", "threads": "1", "modules": {"numpy": "2.4.6"}}
FAILED = 3
"""The place of the run that has failed."""


def make_kept(project: Path, environment: dict[str, object] = ENVIRONMENT, shift: float = 0.0) -> KeptStudy:
    """Writes the files of the project, makes its runs, and returns them as a kept study.

    Args:
        project: folder, may be empty.
        environment: of every run.
        shift: added to every value, as if rounding had been amplified.
    """
    write_mean_files(project)
    before = Path.cwd()
    os.chdir(project)
    try:
        plan = plan_study(Path(STUDY), CASE)
        results = _run(plan, project, shift)
    finally:
        os.chdir(before)
    made = {
        run: Made(f"{place:064x}", "c" * 64, {"numbers": "d" * 64}, environment)
        for place, run in enumerate(results.runs.index)
    }
    choices = {detail.key: detail.choice for detail in walk_details(CASE.params)}
    notes = {item.name: MetricNote(item.title, item.unit, item.direction, item.how) for item in CASE.metrics}
    return KeptStudy(CASE.name, plan, results, choices, notes, made, describe_statistics())


def write_kept_report(folder: Path, kept: KeptStudy) -> Path:
    """Writes page and evidence into a folder, which is made; returns it."""
    sections = rebuild_sections(kept.analyse()) | {"own": OWN}
    body = "".join(mark_section(name, source) for name, source in sections.items())
    folder.mkdir(parents=True)
    (folder / PAGE).write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    write_report_evidence(folder, kept)
    return folder


def _run(plan: Plan, project: Path, shift: float) -> Results:
    rows, states = [], []
    settings = {variant.id: variant.settings for variant in plan.variants}
    numbers = project / "numbers"
    for place, run in enumerate(plan.runs):
        params = CASE.resolve(plan.values, settings[run.variant], run.seed)
        if not numbers.is_dir():
            make_numbers(input_params(CASE, params)["numbers"], {}, numbers)
        reason = f"no file {project}/data, 3 more" if place == FAILED else ""
        states.append(
            {
                "run": run.id,
                "variant": run.variant,
                "seed": run.seed,
                "status": "failed" if reason else "ok",
                "reason": reason,
                "seconds": 1.25,
                "joules": float("nan"),
                "link": f"http://127.0.0.1:5000/#/runs/{run.id}",
                "path": f"results/runs/{run.id}",
            }
        )
        if not reason:
            measured = CASE.run(Job(params, {"numbers": numbers}, project, project))
            rows += [(run.id, 1, row.unit, row.metric, float(f"{row.value + shift:.10g}")) for row in measured.rows]
    table = pd.DataFrame(rows, columns=["run", "train_fraction", "unit", "metric", "value"])
    protocols = pd.DataFrame({"run": [], "metric": [], "value": []})
    return Results(tabulate_variants(plan), pd.DataFrame(states).set_index("run"), table, protocols)
