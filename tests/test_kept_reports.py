"""What the README says of the kept study stands on its page, and the page follows from the rows kept beside it."""

import re
from html import unescape
from pathlib import Path

import pytest

from repro.bundle.agreement import _compare_runs
from repro.bundle.contents import _params
from repro.bundle.tolerances import allowed_distances
from repro.kept.folder import PAGE as NAME
from repro.kept.folder import find_damage, read_kept, read_report
from repro.kept.rebuilding import rebuild

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "reports" / "studies" / "screening" / "study_report.html"


def plain(text: str) -> str:
    """Returns text without tags and pictures, with an ASCII minus."""
    return unescape(re.sub(r"<[^>]*>", " ", re.sub(r'src="[^"]*"', "", text))).replace("\u2212", "-")


def numbers_of_readme(readme: str) -> set[str]:
    """Returns the decimal numbers of the section on the screening study."""
    section = readme.split("### The screening study, as run")[1].split("The code is under")[0]
    return {number.lstrip("+-") for number in re.findall(r"[-+]?\d+\.\d+(?![\d/])", section)}


def unknown(readme: str, page: str) -> set[str]:
    known = set(re.findall(r"\d+\.\d+", plain(page)))
    return {number for number in numbers_of_readme(readme) if number not in known}


def test_every_number_of_the_readme_is_on_the_page() -> None:
    readme, page = (ROOT / "README.md").read_text(), PAGE.read_text()
    assert len(numbers_of_readme(readme)) >= 10
    assert not unknown(readme, page)


def test_a_number_that_is_not_there_is_found() -> None:
    readme = (ROOT / "README.md").read_text()
    heading = "### The screening study, as run"
    assert unknown(readme.replace(heading, f"{heading}\n\nAnd 98.76 dB."), PAGE.read_text()) == {"98.76"}


KEPT = sorted(file.parent for file in ROOT.glob("**/reports/studies/*/SHA256SUMS"))


@pytest.mark.parametrize("report", KEPT, ids=lambda folder: folder.name)
def test_every_number_of_a_kept_page_follows_from_its_rows(report: Path) -> None:
    files = read_report(report)
    rebuilt = rebuild(files[NAME].decode(), read_kept(files, report.name))
    assert not find_damage(report, files)
    assert not rebuilt.differences
    assert rebuilt.agree > 100
    evidence = sum(len(content) for name, content in files.items() if name != NAME)
    assert evidence < 1_000_000


@pytest.mark.parametrize("report", KEPT, ids=lambda folder: folder.name)
def test_bundles_tell_of_every_run_also_of_those_that_batches_brought(report: Path) -> None:
    kept = read_kept(read_report(report), report.name)
    variants = set(kept.results.runs["variant"])
    assert variants <= allowed_distances(kept).keys()
    params = _params(kept)
    told = {(variant, seed) for variant, each in params.items() for seed in each["seeds"]}
    assert told == set(zip(kept.results.runs["variant"], kept.results.runs["seed"], strict=True))
    ok = {run for run, status in kept.results.runs["status"].items() if status == "ok"}
    assert _compare_runs(kept, kept, {run: [] for run in ok}).keys() == ok
