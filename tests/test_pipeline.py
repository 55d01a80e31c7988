"""dvc.yaml against the code: what is generated is up to date, parameter groups, and the outputs' places."""

import ast
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from repro.cases.medfe.case import CASE
from repro.cases.medfe.params import Params
from repro.runs.generated import find_stale

ROOT = Path(__file__).parent.parent
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
SIDE_PARAMS = {
    "masks": {"data.image_px"},
    "train": {"augmentation", "loss", "model", "optimisation", "runtime", "seed", "training"},
}


def test_what_is_generated_is_up_to_date(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    assert {str(file) for file in find_stale(CASE)} == set(), "run: repro generate"


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
    tree = ast.parse((ROOT / "repro" / "pipeline" / f"{stage}.py").read_text())
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


def test_params_are_read_where_they_are_read() -> None:
    assert read_params("evaluate") == {"evaluation", "runtime"}
    assert read_params("masks") == {"masks", "data.image_px"}
    assert read_params("train") == SIDE_PARAMS["train"]


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


def test_an_edit_of_the_statistics_leaves_the_training_up_to_date_and_one_of_a_loss_does_not() -> None:
    def depending(file: str) -> set[str]:
        folders = {file, *(str(parent) for parent in Path(file).parents)}
        return {stage for stage, body in STAGES.items() if folders & set(body["deps"])}

    assert depending("repro/audit/statistics/effects.py") == set(), "the report reads no study"
    assert depending("repro/cases/medfe/losses/vgg.py") == {"train"}
    assert depending("repro/cases/medfe/model/encoder.py") == {"train", "evaluate"}
    assert depending("repro/storage.py") == set(STAGES)
    assert depending("repro/runs/scheduler.py") == depending("repro/cli/sweep.py") == set()
    assert "publish" in depending("repro/tracking/publish.py")


def test_the_schema_names_every_group_and_params_name_it() -> None:
    schema = json.loads((ROOT / "params.schema.json").read_text())
    assert schema["properties"].keys() == Params.model_fields.keys()
    assert "$schema=params.schema.json" in (ROOT / "params.yaml").read_text().splitlines()[0]
