"""How the case under audit is found, and what is said where it is not."""

import sys
from pathlib import Path

import pytest

from case_project import name_case
from repro.case import ACTIVE_RUN, case_module, load_case
from repro.cases.medfe.case import CASE
from repro.errors import UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the working folder, which holds nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def name(reference: object) -> str:
    return f"[tool.repro]\ncase = {reference!r}\n"


def test_the_case_is_the_one_that_the_project_names(folder: Path) -> None:
    name_case(folder)
    assert load_case() is CASE
    assert case_module() == "repro.cases.medfe.case"


def test_a_project_need_not_be_installed(folder: Path) -> None:
    (folder / "not_installed.py").write_text("CASE = 'mine'\n")
    (folder / "pyproject.toml").write_text(name("not_installed:CASE"))
    assert load_case() == "mine"


REMEDY = (
    r'\n  name it in pyproject\.toml, \[tool\.repro\], as case = "package\.module:NAME"; a new project: repro new DIR'
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, rf"^there is no pyproject\.toml in /.*, so no paper under audit{REMEDY}$"),
        ("", rf"^pyproject\.toml names no paper under audit{REMEDY}$"),
        ("[tool.repro]\n", rf"^pyproject\.toml names no paper under audit{REMEDY}$"),
        ("tool = 1\n", rf"^pyproject\.toml names no paper under audit{REMEDY}$"),
        ("[tool.repro\n", r"^pyproject\.toml is no TOML: .*line 1"),
        (name("repro.case"), r"case = 'repro\.case': expected \"package\.module:NAME\"$"),
        (name(":CASE"), r"case = ':CASE': expected \"package\.module:NAME\"$"),
        (name("repro.case:"), r"case = 'repro\.case:': expected \"package\.module:NAME\"$"),
        (name(7), r"case = '7': expected \"package\.module:NAME\"$"),
        (name("not_there.case:CASE"), r"case = 'not_there\.case:CASE': there is no module not_there$"),
        (name("repro.case:CASE"), r"case = 'repro\.case:CASE': module 'repro\.case' has no attribute 'CASE'$"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_or_two(folder: Path, text: str | None, said: str) -> None:
    if text is not None:
        (folder / "pyproject.toml").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        load_case()
    assert len(str(caught.value).splitlines()) <= 2


def test_a_file_in_another_encoding_is_told_of(folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(b"# \xff\n")
    with pytest.raises(UserError, match=r"pyproject\.toml is no TOML"):
        load_case()


def test_the_module_that_a_case_lacks_is_named_and_not_the_case(folder: Path) -> None:
    (folder / "lacking.py").write_text("import not_there_either\n")
    (folder / "pyproject.toml").write_text(name("lacking:CASE"))
    with pytest.raises(UserError, match=r"there is no module not_there_either$"):
        load_case()


def test_the_files_of_results_are_those_that_are_needed() -> None:
    assert ACTIVE_RUN.numbers == (ACTIVE_RUN.rows,)
    assert ACTIVE_RUN.needed == (ACTIVE_RUN.rows, ACTIVE_RUN.record, ACTIVE_RUN.figures)
    with_history = ACTIVE_RUN._replace(history="active/history.csv")
    assert with_history.numbers == ("active/history.csv", ACTIVE_RUN.rows)
