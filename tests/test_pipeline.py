"""dvc.yaml against the code: dependencies, parameter groups, and the outputs' places."""

import ast
import json
from pathlib import Path

import pytest
from import_graph import files_of, imported_files, imported_names
from ruamel.yaml import YAML

from repro.cases.medfe.params import Params
from repro.cases.medfe.readings.schema import make_schema

ROOT = Path(__file__).parent.parent
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
SIDE_PARAMS = {
    "masks": {"data.image_px"},
    "train": {"augmentation", "loss", "model", "optimisation", "runtime", "seed", "training"},
}


def code_of(stage: str) -> set[Path]:
    """Returns the files that a stage imports; for the report also what its notebook does."""
    files = imported_files(ROOT, Path(f"repro/pipeline/{stage}.py"))
    if stage == "report":
        cells = json.loads((ROOT / "reports/replication_report.ipynb").read_text())["cells"]
        source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        for name in imported_names(source):
            for file in files_of(ROOT, name):
                files |= imported_files(ROOT, file)
    return files


def listed_code(stage: str) -> set[Path]:
    """Returns the Python files that a stage's dependencies cover."""
    listed: set[Path] = set()
    for dependency in STAGES[stage]["deps"]:
        path = ROOT / dependency
        if dependency.startswith("repro"):
            files = path.rglob("*.py") if path.is_dir() else [path]
            listed |= {file.relative_to(ROOT) for file in files if file.suffix == ".py"}
    return listed


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_code_that_it_imports_and_no_other(stage: str) -> None:
    assert sorted(map(str, listed_code(stage) ^ code_of(stage))) == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_parameters_that_it_reads(stage: str) -> None:
    listed = set(STAGES[stage].get("params", []))
    missing = {
        key for key in read_params(stage) if not any(key == item or key.startswith(f"{item}.") for item in listed)
    }
    missing = {key for key in missing if not any(item.startswith(f"{key}.") for item in listed)}
    assert not missing


def read_params(stage: str) -> set[str]:
    """Returns the groups that a stage's module takes from the tree; the whole tree counts as all that it may read."""
    tree = ast.parse((ROOT / "repro" / "stages" / f"{stage}.py").read_text())
    found, inner = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            chain = ast.unparse(node)
            if chain.startswith("params.") and node not in inner:
                found.add(chain.removeprefix("params."))
                inner |= set(ast.walk(node))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    whole = any(isinstance(item, ast.Name) and item.id == "params" for call in calls for item in call.args)
    return found | (SIDE_PARAMS.get(stage, set()) if whole else set())


def test_the_whole_tree_goes_to_training_alone_which_lists_all_but_evaluation() -> None:
    untouched = set(Params.model_fields) - {item.split(".")[0] for item in STAGES["train"]["params"]}
    assert untouched == {"evaluation", "masks"}


def test_no_output_is_made_twice() -> None:
    outputs = [
        next(iter(item)) if isinstance(item, dict) else item
        for stage in STAGES.values()
        for item in [*stage.get("outs", []), *stage.get("metrics", [])]
    ]
    assert len(outputs) == len(set(outputs))


def test_the_schema_is_that_of_the_tree_and_params_name_it() -> None:
    assert (ROOT / "params.schema.json").read_text() == make_schema(), "run: repro schema"
    assert "$schema=params.schema.json" in (ROOT / "params.yaml").read_text().splitlines()[0]
    assert json.loads(make_schema())["properties"].keys() == Params.model_fields.keys()
