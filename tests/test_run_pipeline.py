"""ablations/dvc.yaml against the code: what the runs depend on, and what is left out on purpose."""

from pathlib import Path

import pytest
from import_graph import imported_files
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
STAGES = YAML(typ="safe").load((ROOT / "ablations/dvc.yaml").read_text())["stages"]
MODULES = {"code": "run", "photographs": "runs/photographs", "holes": "runs/holes"}
LEFT_OUT = ("repro/cases/medfe/params/", "repro/audit/", "repro/pipeline/runs/")
"""The vocabulary, and what names runs and keeps account of them; ablations/dvc.yaml says why."""


def listed_code(stage: str) -> set[Path]:
    body = STAGES[stage].get("do", STAGES[stage])
    paths = [Path(dependency) for dependency in body["deps"] if dependency.startswith("repro")]
    files = {file for path in paths for file in ((ROOT / path).rglob("*.py") if (ROOT / path).is_dir() else [path])}
    return {file.relative_to(ROOT) if file.is_absolute() else file for file in files}


@pytest.mark.parametrize("stage", MODULES)
def test_a_stage_lists_the_code_that_it_imports_but_for_the_vocabulary(stage: str) -> None:
    imported = imported_files(ROOT, Path(f"repro/pipeline/{MODULES[stage]}.py"))
    imported = {file for file in imported if not str(file).startswith(LEFT_OUT)}
    assert sorted(map(str, listed_code(stage) ^ imported)) == []


def test_the_runs_depend_on_the_hash_of_the_code_and_on_their_params() -> None:
    run = STAGES["run"]["do"]
    assert STAGES["code"]["outs"][0] in run["deps"]
    assert "ablations/runs/${key}.yaml" in run["deps"]


def test_what_is_left_out_computes_nothing() -> None:
    """The modules around the runs import neither torch nor numpy, so that they can hardly move a number."""
    for file in (ROOT / "repro/pipeline/runs").glob("*.py"):
        assert not {"torch", "numpy"} & {line.split()[1] for line in file.read_text().splitlines() if "import" in line}
