"""`repro verify` and `repro export` as people type them: what is said, and the exit status."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from repro.bundle.checklist import OPEN
from repro.bundle.checklist_items import ITEMS
from repro.bundle.rerun import rerun_study
from repro.cli import app
from repro.errors import UserError


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.usefixtures("in_project")
def test_a_kept_report_is_verified_by_its_study_or_its_name() -> None:
    for name in ("ablations/first.yaml", "first"):
        done = call("verify", name)
        assert done.exit_code == 0, done.output
        assert "numbers and verdicts rebuilt" in done.output
        assert "made by the case from artefacts, not from rows: own" in done.output


def test_all_reports_and_the_readme_are_verified(in_project: Path, tmp_path: Path, monkeypatch) -> None:
    copy = Path(shutil.copytree(in_project, tmp_path / "copy"))
    monkeypatch.chdir(copy)
    readme = copy / "README.md"
    readme.write_text("See [it](reports/studies/first/study_report.html): a margin of 0.1\n")
    assert call("verify").exit_code == 0
    readme.write_text("See [it](reports/studies/first/study_report.html): a margin of 98.76\n")
    done = call("verify")
    assert done.exit_code == 1
    assert "README.md, line 1: 98.76 is on no rebuilt page of first" in done.output
    shutil.rmtree(copy / "reports" / "studies" / "first" / "evidence")
    done = call("verify")
    assert done.exit_code == 2
    assert "first: cannot be verified: " in done.output


@pytest.mark.fault("damage", "kept report")
def test_a_changed_page_ends_with_one(in_project: Path, tmp_path: Path, monkeypatch) -> None:
    copy = Path(shutil.copytree(in_project, tmp_path / "copy"))
    monkeypatch.chdir(copy)
    page = copy / "reports" / "studies" / "first" / "study_report.html"
    page.write_text(page.read_text().replace(">1.2 s<", ">1.3 s<"))
    done = call("verify", "first")
    assert done.exit_code == 1
    assert "kept 1.3, rebuilt 1.2" in done.output
    assert "study_report.html: changed" in done.output
    page.write_bytes(page.read_bytes().replace(b">1.3 s<", b">\xff s<"))
    assert call("verify", "first").exit_code == 1
    rows = page.parent / "evidence" / "runs.csv"
    rows.unlink()
    os.mkfifo(rows)
    assert "runs.csv is no regular file; `repro report STUDY` writes it" in call("verify").output


@pytest.mark.fault("clone")
@pytest.mark.usefixtures("in_project")
def test_a_bundle_is_exported_and_verified_elsewhere(tmp_path: Path, monkeypatch) -> None:
    done = call("export", "ablations/first.yaml", "-o", str(tmp_path / "a.zip"))
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path)
    assert call("verify", "a.zip").exit_code == 0
    assert call("verify", "a.zip", "a.zip").output == "first: the same bytes\n"
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-200])
    assert isinstance(call("verify", "b.zip").exception, UserError)


@pytest.mark.fault("input", "command line")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "nothing"), "holds no report"),
        (("verify", "nothing.zip"), "cannot be read"),
        (("verify", "a", "b"), "expected one study, one bundle, or two bundles"),
        (("verify", "--rerun", "2"), "of one study of this project"),
        (("verify", "a.zip", "--rerun", "2"), "of one study of this project"),
        (("export", "nothing"), "holds no report"),
    ],
)
@pytest.mark.usefixtures("in_project")
def test_what_cannot_be_is_told(arguments: tuple[str, ...], said: str) -> None:
    error = call(*arguments).exception
    assert isinstance(error, UserError)
    assert said in str(error)
    assert len(str(error).splitlines()) <= 2


@pytest.mark.parametrize("checklist", sorted(ITEMS))
def test_a_checklist_names_every_item_and_leads_to_files_that_exist(in_project: Path, checklist: str) -> None:
    file = in_project / f"{checklist}.md"
    done = call("export", "first", "--checklist", checklist, "-o", str(file))
    assert done.exit_code == 0, done.output
    text = file.read_text()
    file.unlink()
    assert all(f"## {item.number}: {item.subject}\n" in text for item in ITEMS[checklist])
    assert OPEN in text
    links = {part.partition(")")[0] for part in text.split("](")[1:]}
    assert links
    assert all((in_project / link).is_file() for link in links)
    assert "1 failed" in text or checklist == "acm"


def test_runs_are_made_again_to_the_same_bits(in_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(in_project.rglob("*"))
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{in_project}")
    said: list[str] = []
    assert rerun_study("first", 2, 1, said.append)
    assert said[0] == "first: 2 of 7 runs, drawn with seed 1, made again from their params"
    assert said[-1] == "first: 2 bit-identical"
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{in_project}")
    (in_project / "mean_case.py").write_text((in_project / "mean_case.py").read_text().replace("- 1)", "- 2)"))
    assert not rerun_study("first", 1, 1, said.append)
    assert said[-1] == "first: 1 different"
    assert [file for file in sorted(in_project.rglob("*")) if "__pycache__" not in str(file)] == [
        file for file in before if "__pycache__" not in str(file)
    ]
