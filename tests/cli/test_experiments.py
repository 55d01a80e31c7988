"""What `repro run` gives DVC: what lands in params.yaml is what was checked, or nothing is started."""

import shlex
import shutil
from pathlib import Path

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from case_project import name_case
from repro.audit.ledger.parsing import parse_tree, read_values
from repro.audit.ledger.writing import parse_overrides
from repro.cases.medfe.params import Params
from repro.cli import app
from repro.cli.experiments import quote_hydra, write_overrides
from repro.errors import UserError
from tiny import PARAMS_FILE


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    name_case(tmp_path)
    return tmp_path


def lands(typed: str) -> Params:
    """Types an override, and lets DVC's own code write what `repro run` gives it into params.yaml."""
    shown = CliRunner().invoke(app, ["run", "--dry-run", typed], catch_exceptions=False).output.splitlines()[-1]
    words = shlex.split(shown)
    assert words[:4] == ["dvc", "exp", "run", "-S"]
    (overrides,) = to_path_overrides(words[4::2]).values()
    apply_overrides("params.yaml", overrides)
    return parse_tree(Params, read_values(Path("params.yaml")), "params.yaml")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("typed", "value"),
    [
        *[("1e-3", 1e-3), (".5", 0.5), ("5e-05", 5e-5), ("1E-4", 1e-4), (" 0.1 ", 0.1), ("+0.1", 0.1), ("1", 1.0)],
        *[
            ("1e-3 # small", 1e-3),
            ("1e-3\n", 1e-3),
            ("{}", None),
            ("1e-3,1e-4", None),
            ("yes", None),
            ("range(1,3)", None),
        ],
    ],
)
def test_a_number_lands_as_it_was_checked_or_is_refused(typed, value) -> None:
    key = "optimisation.learning_rate"
    if value is None:
        with pytest.raises(UserError, match=rf"{key} is .*expected a valid number"):
            lands(f"{key}={typed}")
    else:
        assert lands(f"{key}={typed}").optimisation.learning_rate == value


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("typed", "seed"),
    [("007", 7), ("0x10", 16), ("0o17", 15), ("1_000", 1000), ("3.0", 3), ("[1,2]", None), ("~", None)],
)
def test_a_seed_lands_as_it_was_checked_or_is_refused(typed, seed) -> None:
    if seed is None:
        with pytest.raises(UserError, match=r"seed is .*expected a valid integer"):
            lands(f"seed={typed}")
    else:
        assert lands(f"seed={typed}").seed == seed


TEXTS = (
    "a=b",
    "'a,b'",
    "a,b",
    "yes",
    "'null'",
    "'1e-3'",
    "'007'",
    "it's",
    'say "so"',
    "two words",
    "Größe/写真",
    "a:b",
)
TEXTS += (
    "'[1,2]'",
    "choice(1)",
    "'{a: 1}'",
    "C:\\photos\\",
    "~/photos",
    "100%",
    "a#b",
    "a;b",
    "$HOME",
    "a`ls`",
    "-S",
    "''",
)
TEXTS += ("end\\", "'it\\''s'", "a\\'b", "'True'", "nan", "'inf'", "glob(*)", "a@b", "+a", "a\n")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("typed", TEXTS)
def test_a_text_lands_as_it_was_checked(typed) -> None:
    expected = parse_overrides([f"data.root={typed}"])["data.root"]
    assert isinstance(expected, str), "the table holds texts"
    assert lands(f"data.root={typed}").data.root == expected


@pytest.mark.fault("input", "command line")
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("typed", ["${seed}", "a/${oc.env:HOME}", "'???'", "${x", "\\${seed}"])
def test_what_dvc_would_read_otherwise_is_refused_before_anything_starts(typed) -> None:
    with pytest.raises(UserError, match=r"`dvc exp run -S` cannot carry this; .*\n  write it into params\.yaml"):
        lands(f"data.root={typed}")


@pytest.mark.fault("input", "command line")
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "typed", ["+seed=1", "~seed", "++seed=1", "other.yaml:seed=1", "seed@x=1", "=1", "seed:=1", "Seed=1"]
)
def test_a_key_in_hydras_language_is_refused(typed) -> None:
    with pytest.raises(UserError, match=r"is no key=value|is not a parameter"):
        lands(typed)


def test_an_interpolation_in_the_file_itself_is_refused(project) -> None:
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("root: data/raw/photographs", "root: data/${seed}"))
    with pytest.raises(UserError, match=r"cannot carry this; data\.root would be"):
        lands("seed=3")


@pytest.mark.fault("input", "command line, fuzzed")
@settings(max_examples=25, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.text("\\'\"${}a,=[]:~ ", max_size=8)
)
def test_any_text_is_carried_or_refused(text) -> None:
    values = read_values(PARAMS_FILE)
    values["data"]["root"] = text
    try:
        checked = parse_tree(Params, values, "this variant")
        (override,) = write_overrides(checked, ["data.root"], PARAMS_FILE)
    except UserError:
        assert not text or "$" in text or "?" in text
    else:
        assert override == f"data.root={quote_hydra(text)}"


def test_a_project_without_a_commit_starts_nothing(project, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("DVC was started"))
    done = CliRunner().invoke(app, ["run", "loss.adv=hinge"])
    assert str(done.exception).startswith("git has no commit here, and an experiment begins from one\n  git init")
