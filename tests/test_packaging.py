"""The wheel in environments of its own: the base judges, extras add to it, and a command says which one it lacks."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from kept_on_disk import make_kept, write_kept_report
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installed import ROOT, Environment, build_wheel, make_environment
from repro.bundle.export import export_bundle
from repro.cli import app
from repro.errors import UserError
from repro.extras import DISTRIBUTION, EXTRAS, explain_missing, require

pytestmark = pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel")

HEAVY = ("torch", "torchvision", "dvc", "mlflow", "papermill", "nbconvert", "ipykernel", "ray", "scikit-learn")
"""What the base must do without."""

ANALYSE = """
import importlib, pkgutil
from repro import analyse
from repro.audit.page.section import SECTIONS
from repro.audit.page.subject import Subject
from repro.case import import_attribute
from simulated_arms import arms_plan
from simulated_factorial import linear, make_plan, simulate, two_levels

for package in map(importlib.import_module, {packages}):
    for module in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        importlib.import_module(module.name)
screening = make_plan(two_levels(4), seeds=3)
assert not analyse(screening, simulate(screening, linear(a=9))).effects.empty
plan = arms_plan(2, seeds=8, margin=1.0)
results = simulate(plan, linear(a=9))
analysis = analyse(plan, results)
subject = Subject(plan, results, analysis, {{}})
pages = [import_attribute(section.show, section.name)(subject) for section in SECTIONS]
assert sum("<img" in page for page in pages) >= 2, "figures are drawn"
print(dict(zip(analysis.verdicts["detail"], analysis.verdicts["verdict"])))
"""
"""A study whose truth is known, from its design to the sections of its page."""

IMPORT = """
import importlib, pkgutil
from repro.extras import require

require("{extra}")
for module in pkgutil.walk_packages(importlib.import_module("{room}").__path__, "{room}."):
    importlib.import_module(module.name)
"""

NEEDS = {
    "new": (["audit"], ["study"]),
    "generate": ([], ["study"]),
    "plan": (["study.yaml"], ["study"]),
    "run": (["--dry-run"], ["study"]),
    "sweep": (["study.yaml"], ["study"]),
    "report": (["study.yaml"], ["study"]),
    "export": (["study.yaml"], ["study"]),
    "publish": ([], ["study", "mlflow"]),
    "inpaint": (["a.png", "b.png", "-o", "c.png"], ["medfe"]),
    "evaluate": (["a.pt", "-o", "b"], ["medfe"]),
    "import-release": (["a", "b", "c", "-o", "d"], ["medfe"]),
    "export-release": (["a", "-o", "b"], ["medfe"]),
}
"""Commands that cannot do anything without an extra, with arguments and the extras."""
BASE = {"details": [], "diff": ["paper", "paper"], "use": ["paper", "--scale", "small"], "judge": None}
BASE["verify"] = None
"""The others; nothing: tested where its own tests are."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def base(tmp_path_factory, wheel: Path) -> Environment:
    return make_environment(tmp_path_factory.mktemp("base") / "venv", wheel)


def declared() -> dict[str, list[Requirement]]:
    """Returns what each extra requires; empty: the base."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(text) for text in texts] for extra, texts in extras.items()}


def test_the_extras_of_the_code_are_those_of_the_project() -> None:
    assert set(EXTRAS) == set(declared()) - {"", "examples"}


def test_the_default_group_names_every_extra_that_tests_need() -> None:
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"]
    (own,) = [item for item in map(Requirement, group) if item.name == DISTRIBUTION]
    assert own.extras == set(EXTRAS) - {"wandb"}, "of which a stand-in is enough where it is not installed"


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "repro/template/README.md"])
def test_nobody_is_told_to_install_a_strangers_library(file: str) -> None:
    words = (ROOT / file).read_text(encoding="utf-8").replace("'", " ").replace('"', " ").replace("`", " ").split()
    asked = [words[i + 2] for i in range(len(words) - 2) if words[i + 1] == "install" and words[i] in ("pip", "tool")]
    assert not [word for word in asked if canonicalize_name(word.partition("[")[0]) == "repro"]


def test_the_base_has_what_it_requires_and_no_more(base: Environment, tmp_path: Path) -> None:
    assert not base.distributions.intersection(HEAVY)
    for module in ("torch", "dvc", "mlflow", "sklearn"):
        done = base.call(tmp_path, "python", "-c", f"import {module}")
        assert "ModuleNotFoundError" in done.stderr, f"{module} is at hand, so that nothing below shows anything"
    where = base.call(tmp_path, "python", "-c", "import repro; print(repro.__file__)").stdout
    assert where.startswith(str(base.site)), "this repository's own code is at hand"


def packages() -> list[str]:
    return ["repro.audit", *(["repro.judge"] if (ROOT / "repro" / "judge").is_dir() else [])]


def analyse_in(environment: Environment, folder: Path) -> tuple[str, str]:
    simulated = str(ROOT / "tests" / "audit" / "statistics")
    code = ANALYSE.format(packages=packages())
    done = environment.call(folder, "python", "-W", "error", "-c", code, PYTHONPATH=simulated)
    return done.stdout, done.stderr


def test_the_base_judges_and_shows(base: Environment, tmp_path: Path) -> None:
    """The effect of a is nine standard deviations."""
    said, errors = analyse_in(base, tmp_path)
    assert "'a': 'matters'" in said, said + errors
    assert not list(tmp_path.iterdir())


def test_the_base_judges_a_table_to_its_end(base: Environment, tmp_path: Path) -> None:
    """The option b is 3 more, where runs of one option differ by .1 at most."""
    rows = "".join(f"{arm},{seed},{3 * (arm == 'b') + seed / 60}\n" for arm in "ab" for seed in range(7))
    (tmp_path / "runs.csv").write_text(f"arm,seed,loss\n{rows}")
    given = ["runs.csv", "--outcome", "loss:lower", "--margin", "0.5", "--out", "told"]
    done = base.call(tmp_path, "repro-audit", "judge", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("loss of runs.csv: 1 matters (exploratory")
    files = {file.name for file in (tmp_path / "told").iterdir()}
    assert files == {"index.html", "summary.md", "badge.svg", "badge.json", "judge.yaml"}
    page = (tmp_path / "told" / "index.html").read_text(encoding="utf-8")
    assert "<img" in page, "figures are drawn"
    again = base.call(tmp_path, "repro", "judge", "told/judge.yaml", "--format", "json")
    assert json.loads(again.stdout)["verdicts"] == {"matters": 1}, again.stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("absent.csv", "absent.csv: no such file\n  check the path\n"),
        ("runs.parquet", "needs the extra parquet: pip install 'repro-audit[parquet]'\n"),
        ("mlflow:runs", "needs the extra mlflow: pip install 'repro-audit[mlflow]'\n"),
        ("wandb:us/runs", "needs the extra wandb: pip install 'repro-audit[wandb]'\n"),
    ],
)
def test_the_base_says_what_it_cannot_judge(base: Environment, tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "runs.parquet").write_bytes(b"PAR1")
    done = base.call(tmp_path, "repro-audit", "judge", table, "--outcome", "loss:lower")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"repro: {said}")
    assert [file.name for file in tmp_path.iterdir()] == ["runs.parquet"]


def test_a_base_that_lacks_something_is_found_out(wheel: Path, tmp_path: Path) -> None:
    lacking = make_environment(tmp_path / "venv", wheel, but=["pydoe"])
    assert "No module named 'pydoe'" in analyse_in(lacking, tmp_path)[1]


def test_the_base_verifies_a_bundle(base: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = write_kept_report(tmp_path / "project" / "report", make_kept(tmp_path / "project"))
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "project")
        export_bundle(report, Path(), tmp_path / "elsewhere" / "a.zip")
    done = base.call(tmp_path / "elsewhere", "repro", "verify", "a.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "numbers and verdicts rebuilt" in done.stdout


@pytest.mark.parametrize("script", ["repro", "repro-audit"])
def test_both_scripts_are_the_command(base: Environment, tmp_path: Path, script: str) -> None:
    for command in ([], ["judge"]):
        done = base.call(tmp_path, script, *command, "--help")
        assert done.returncode == 0, done.stderr
        assert f"Usage: {' '.join([script, *command])} " in done.stdout


def test_every_command_is_known_here() -> None:
    names = {item.name or item.callback.__name__.replace("_", "-") for item in app.registered_commands if item.callback}
    assert names <= NEEDS.keys() | BASE.keys()


def call_all(environment: Environment, folder: Path, commands: list[list[str]]) -> dict[str, tuple[int, str]]:
    told = environment.call_all(folder, commands)
    return {name: ended for (name, *_), ended in zip(commands, told, strict=True)}


def test_commands_of_extras_say_so_and_leave_nothing(base: Environment, tmp_path: Path) -> None:
    found = call_all(base, tmp_path, [[name, *arguments] for name, (arguments, _) in NEEDS.items()])
    assert found == {
        name: (2, f"repro: needs the {tell(extras)}: pip install 'repro-audit[{','.join(extras)}]'\n")
        for name, (_, extras) in NEEDS.items()
    }
    assert not list(tmp_path.iterdir())


def tell(extras: list[str]) -> str:
    return f"extra{'s' if len(extras) > 1 else ''} {' and '.join(extras)}"


def test_the_base_reads_and_writes_a_ledger(base: Environment, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(base.site / "repro" / "template", project, ignore=shutil.ignore_patterns("__pycache__"))
    known = [[name, *arguments] for name, arguments in BASE.items() if arguments is not None]
    found = call_all(base, project, known)
    assert not {name: told for name, told in found.items() if told[0] != 0}, found


def test_what_is_not_there_is_told_from_what_nobody_knows(monkeypatch) -> None:
    monkeypatch.setitem(EXTRAS, "study", ("not_there", "json"))
    with pytest.raises(UserError, match=r"^needs the extra study: pip install 'repro-audit\[study\]'$"):
        require("study", "mlflow")
    strange = ModuleNotFoundError("no", name="my_paper.run")
    assert explain_missing(strange) is strange


@pytest.mark.whole
@pytest.mark.parametrize(("extra", "rooms"), [("study", "runs"), ("mlflow", "tracking"), ("medfe", "cases.medfe")])
def test_each_extra_brings_what_its_rooms_import(wheel: Path, tmp_path: Path, extra: str, rooms: str) -> None:
    """Alone, with the base."""
    environment = make_environment(tmp_path / "venv", wheel, [extra])
    code = IMPORT.format(extra=extra, room=f"repro.{rooms}")
    done = environment.call(tmp_path, "python", "-c", code)
    assert done.returncode == 0, done.stderr
