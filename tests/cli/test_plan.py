"""`repro plan` as a user types it, in a folder of its own."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from case_project import name_case
from repro import paths
from repro.audit.study.cost import estimate_cost
from repro.audit.study.freezing import load_plan, locate_plan, record_look
from repro.audit.study.plan import Look
from repro.case import Row
from repro.cases.medfe.case import CASE
from repro.cli import app
from repro.errors import UserError
from repro.runs import report as study_report
from repro.runs.layout import write_runs
from repro.runs.record import Given, RunRecord, write_evidence
from repro.runs.tables import write_rows

ABLATIONS = Path(__file__).parents[2] / "ablations"


def call(*arguments: str) -> str:
    """Returns what a command prints; what it raises goes on."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return result.output


def write_run(folder: Path, seed: int) -> None:
    """Writes what planning reads of a finished run whose hole PSNR is 15 dB and a half for each seed."""
    metrics = [metric.name for metric in CASE.metrics]
    rows = [
        Row(image, name, 15 + seed / 2, fraction) for fraction in (1.0, 0.5) for name in metrics for image in range(2)
    ]
    write_rows(rows, metrics, folder / paths.ROWS)
    (folder / "weights").write_bytes(bytes(1_000_000))
    write_evidence(folder, RunRecord("ok", "", "key", Given("", {}), 30.0 + seed, None))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ablations").mkdir()
    name_case(tmp_path)
    (tmp_path / "smoke.yaml").write_text((ABLATIONS / "smoke.yaml").read_text())
    return tmp_path


@pytest.mark.usefixtures("project")
def test_a_plan_is_shown_and_frozen_and_tells_dvc_of_no_run_before_there_is_one() -> None:
    shown = call("plan", "smoke.yaml")
    frozen = load_plan(locate_plan(paths.PLANS, "smoke"))
    assert frozen.fingerprint[:12] in shown
    assert f"{len(frozen.runs)} of {len(frozen.runs)} runs are still to be run; how long" in shown
    assert "7 seeds could" in shown
    assert not paths.RUN_PIPELINE.exists(), "DVC would miss the outputs"
    before = locate_plan(paths.PLANS, "smoke").read_bytes()
    call("plan", "smoke.yaml")
    assert locate_plan(paths.PLANS, "smoke").read_bytes() == before


def test_a_later_change_is_a_deviation(project) -> None:
    call("plan", "smoke.yaml")
    file = project / "smoke.yaml"
    file.write_text(file.read_text().replace("seeds: 3", "seeds: 7"))
    assert "deviation" not in call("plan", "smoke.yaml", "--dry-run")
    assert ": seeds 3 became 7" in call("plan", "smoke.yaml")


@pytest.mark.usefixtures("project")
def test_a_dry_run_writes_nothing() -> None:
    assert "nothing frozen" in call("plan", "smoke.yaml", "--dry-run")
    assert not paths.PLANS.exists()
    assert not paths.RUN_PARAMS.exists()


def test_an_alias_table_names_each_group_once(project) -> None:
    (project / "screening.yaml").write_text((ABLATIONS / "screening.yaml").read_text())
    shown = call("plan", "screening.yaml", "--dry-run", "--aliases")
    rows = [line for line in shown.splitlines() if line.rstrip().endswith("1.00")]
    assert len(rows) == 15  # 105 interactions of 15 details in groups of seven
    assert "without the mirror half" in shown


@pytest.mark.usefixtures("project")
def test_measured_runs_give_noise_time_and_disk() -> None:
    call("plan", "smoke.yaml")
    frozen = load_plan(locate_plan(paths.PLANS, "smoke"))
    made = [run for run in frozen.runs if run.variant == frozen.baseline().id]
    for run in made:
        write_run(paths.RUNS / run.id, run.seed)
    cost = estimate_cost(frozen, paths.PLANS, paths.RUNS)
    assert (cost.missing, cost.measured, cost.seconds) == (15, 3, 31.0)
    shown = call("plan", "smoke.yaml", "-j", "2")
    assert "15 of 18 runs are still to be run: about 4 minutes with -j 2 and 15 MB" in shown
    row = next(line for line in shown.splitlines() if "psnr_hole_db" in line)
    assert row.split()[-1] == "0.5"  # of 15.0, 15.5 and 16.0 dB


def test_what_is_no_study_is_refused(project) -> None:
    for name in ("nowhere.yaml", "bad.yaml"):
        (project / "bad.yaml").write_text("title: x\n")
        with pytest.raises(UserError, match=name):
            call("plan", name)


def test_the_randomisation_and_how_verdicts_are_read_are_told(project) -> None:
    declared = (ABLATIONS / "screening.yaml").read_text()
    assert "sequential: {most_seeds: 60}\n" in declared
    text = declared.replace("sequential: {most_seeds: 60}\n", "randomisation: none\n")
    (project / "screening.yaml").write_text(text)
    shown = call("plan", "screening.yaml", "--dry-run")
    assert "Columns and signs were not randomised" in shown
    assert "Correction over its details: Benjamini-Hochberg, by its design, plackett_burman." in shown
    assert "Its verdicts hold for one look" in shown
    drawn = text.replace("randomisation: none", "randomisation: 5\ncorrection: Holm\nsequential: {most_seeds: 6}\n")
    (project / "screening.yaml").write_text(drawn)
    shown = call("plan", "screening.yaml", "--dry-run")
    assert "Randomised with the seed 5" in shown
    assert "Holm, declared" in shown
    assert "hold at every look up to 6 seeds" in shown
    assert "Main effects are free of each other and of two-way interactions" in shown


@pytest.mark.usefixtures("project")
def test_a_page_is_a_look_that_its_plan_keeps_and_runs_do_not_depend_on(monkeypatch) -> None:
    call("plan", "smoke.yaml")
    file = locate_plan(paths.PLANS, "smoke")
    frozen = load_plan(file)
    write_runs(CASE, frozen)
    pipeline = paths.RUN_PIPELINE.read_text()
    monkeypatch.setattr(study_report, "build_study_report", lambda *_: None)
    assert "noted" not in call("report", "smoke.yaml")  # nothing to look at
    for run in frozen.runs:
        if run.seed < 2:
            write_run(paths.RUNS / run.id, run.seed)
    shown = call("report", "smoke.yaml")
    assert "noted in the plan of smoke: looked at with 2 seeds complete, 12 runs" in shown
    assert shown.splitlines()[-1].startswith("wrote ")
    assert "noted" not in call("report", "smoke.yaml")  # no new run
    looked = load_plan(file)
    assert [(look.seeds, look.runs) for look in looked.looks] == [(2, 12)]
    assert looked.model_copy(update={"looks": []}) == frozen
    assert "looks at 2 and 3 seeds make its p-values" in call("plan", "smoke.yaml")
    assert paths.RUN_PIPELINE.read_text() == pipeline


def test_seeds_that_are_added_after_a_look_make_a_study_sequential(project) -> None:
    call("plan", "smoke.yaml")
    file = locate_plan(paths.PLANS, "smoke")
    look = Look(date="2026-01-01", seeds=3, runs=18, settled={})
    record_look(load_plan(file), look, paths.PLANS)
    study = project / "smoke.yaml"
    study.write_text(study.read_text().replace("seeds: 3", "seeds: 7"))
    shown = call("plan", "smoke.yaml")
    assert ": seeds 3 became 7 after 1 look, at 3 seeds: it is a sequential study now" in shown
    assert load_plan(file).looks == [look]
