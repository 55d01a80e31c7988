"""ablations/dvc.yaml against the code: what the runs depend on, and which edits make them anew."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from repro import paths
from repro.audit.study.freezing import load_plan
from repro.cases.medfe.case import CASE
from repro.runs.code import code_dependencies, hash_code
from repro.runs.generated import find_stale
from repro.runs.layout import make_pipeline, planned_runs

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    """Returns the stages of the runs of all frozen plans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return YAML(typ="safe").load(make_pipeline(CASE, planned_runs(CASE)[0]))["stages"]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch) -> Path:
    """Returns a copy of the code and of what is generated from it, as the working folder."""
    for name in ("repro", "ablations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "runs.yaml"))
    shutil.rmtree(tmp_path / "ablations" / "runs", ignore_errors=True)
    for name in ("pyproject.toml", "dvc.yaml", "params.schema.json"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "reports").mkdir()
    shutil.copy(ROOT / paths.NOTEBOOK, tmp_path / paths.NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    paths.RUN_PIPELINE.write_text(make_pipeline(CASE, planned_runs(CASE)[0]))
    return tmp_path / "repro"


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}\n")


def test_the_runs_depend_on_the_hash_of_the_code_and_on_their_params(stages) -> None:
    run = stages["run"]["do"]
    assert stages["code"]["outs"][0] in run["deps"]
    assert "ablations/runs/${key}.yaml" in run["deps"]
    assert not [item for item in run["deps"] if item.startswith("repro")], "which would make runs anew for a comment"


def test_every_run_of_every_frozen_plan_is_there(stages) -> None:
    planned = {run.id for file in (ROOT / paths.PLANS).glob("*.json") for run in load_plan(file).grown().runs}
    assert planned == set(stages["run"]["foreach"])
    assert planned
    used = {(name, key) for own in stages["run"]["foreach"].values() for name, key in own.items()}
    assert used == {(item.name, key) for item in CASE.inputs for key in stages[item.name]["foreach"]}


@pytest.mark.usefixtures("copy")
def test_a_copy_without_params_of_runs_is_up_to_date() -> None:
    assert find_stale(CASE) == {}
    paths.RUN_PIPELINE.unlink()
    assert find_stale(CASE) == {}, "as in a fresh clone"


def test_git_holds_no_stages_whose_outputs_nobody_has() -> None:
    """DVC would miss them in every clone, and `dvc checkout` and `dvc pull` would end with an error."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in listed if name.endswith(("ablations/dvc.yaml", "ablations/dvc.lock"))]


MOVING = (
    "cases/medfe/losses/vgg.py",
    "cases/medfe/study.py",
    "cases/medfe/metrics/ssim.py",
    "cases/medfe/data/decode.py",
    "storage.py",
)
STILL = (
    "audit/statistics/effects.py",
    "audit/ledger/choice.py",
    "audit/study/metric.py",
    "cases/medfe/params/data.py",
    "cases/medfe/case.py",
    "cases/medfe/report/fills.py",
    "case.py",
    "paper_case.py",
    "runs/scheduler.py",
    "tracking/publish.py",
    "pipeline/train.py",
    "cli/sweep.py",
)


def test_only_what_can_move_a_number_makes_runs_anew(copy: Path) -> None:
    before, listed = hash_code(CASE), set(code_dependencies(CASE))
    for file in (*MOVING, *STILL):
        append(copy / file, "# a comment\n")
    for file in STILL:
        append(copy / file, "ADDED = 1")
        path = Path("repro", file)
        assert not {str(part) for part in (path, *path.parents)} & listed, file
    assert hash_code(CASE) == before
    seen = {before}
    for file in MOVING:
        append(copy / file, "ADDED = 1")
        seen.add(hash_code(CASE))
        path = Path("repro", file)
        assert {str(part) for part in (path, *path.parents)} & listed, file
    assert len(seen) == 1 + len(MOVING)


def test_comments_docstrings_and_layout_move_no_hash(copy: Path) -> None:
    before = hash_code(CASE)
    file = copy / "cases/medfe/losses/pixels.py"
    lines = file.read_text().split('"""')
    file.write_text('"""'.join(["# first\n", "Another sentence.", *lines[2:]]).replace(", ", ",  "))
    assert hash_code(CASE) == before
    file.write_text(file.read_text().replace("def ", "def other_", 1))
    assert hash_code(CASE) != before


def test_a_new_import_is_picked_up_wherever_it_stands(copy: Path) -> None:
    before = hash_code(CASE)
    (copy / "cases/medfe/fresh.py").write_text('"""New."""\n\nfrom repro.cases.medfe import fresher\n')
    (copy / "cases/medfe/fresher.py").write_text('"""Newer."""\n')
    assert hash_code(CASE) == before
    append(copy / "cases/medfe/training/loop.py", "def later():\n    from repro.cases.medfe.fresh import nothing")
    new = {"repro/cases/medfe/fresh.py", "repro/cases/medfe/fresher.py"}
    assert new <= set(code_dependencies(CASE))
    changed = hash_code(CASE)
    assert changed != before
    append(copy / "cases/medfe/fresher.py", "X = 1")
    assert hash_code(CASE) != changed
    stale = {str(file): text for file, text in find_stale(CASE).items()}
    assert set(stale) == {"ablations/dvc.yaml", "dvc.yaml"}
    for text in stale.values():
        assert all(f"- {name}\n" in text for name in new)
