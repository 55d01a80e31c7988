"""What CONTRIBUTING.md says of additions is true: in a copy, exactly the files that it names are edited."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARAMS = "repro/cases/medfe/params"
TABLE = {
    line.split("|")[1].strip(): line
    for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    if line.startswith("| a") and line.count("|") == 4
}
"""The rows of the table of additions, by what is added."""

ADDITIONS = {
    "an option": {
        f"{PARAMS}/loss/adversarial.py": [
            ('"wgan_gp", "none"]', '"wgan_gp", "none", "laplace"]'),
            (
                '                "none": (replication(',
                '                "laplace": (inference("absolute errors"),),\n                "none": (replication(',
            ),
        ],
        "repro/cases/medfe/losses/adversarial.py": [
            (
                '        case "none":\n',
                '        case "laplace":\n            return Game(\n'
                "                lambda real, fake: ((real - 1).abs().mean() + fake.abs().mean()) / 2,\n"
                '                lambda _, fake: (fake - 1).abs().mean(),\n            )\n        case "none":\n',
            ),
        ],
    },
    "a metric": {
        "repro/cases/medfe/metrics/records.py": [
            (
                '    ImageMetric(\n        name="psnr_db",',
                '    ImageMetric(\n        name="rmse_hole",\n        title="hole RMSE",\n'
                '        direction="lower",\n        decimals=4,\n        how="root of the mean squared error",\n'
                "        compute=lambda fill, _: fill.mse_hole.sqrt(),\n    ),\n"
                '    ImageMetric(\n        name="psnr_db",',
            )
        ],
    },
    "a detail": {
        f"{PARAMS}/augmentation.py": [
            (
                "    mask: Annotated[",
                "    order: Annotated[\n        bool,\n        Choice(\n"
                '            "Is it drawn anew?",\n            gap="augmentation",\n            paper="silent",\n'
                '            options={True: (release("usual"),), False: (related("other"),)},\n'
                "            before=True,\n        ),\n    ]\n    mask: Annotated[",
            )
        ],
        "params.yaml": [("augmentation:\n", "augmentation:\n  order: true\n")],
        "ablations/readings/paper.yaml": [("augmentation:\n", "augmentation:\n  order: true\n")],
        "ablations/readings/release.yaml": [("augmentation:\n", "augmentation:\n  order: true\n")],
        "ablations/readings/replication.yaml": [("augmentation:\n", "augmentation:\n  order: true\n")],
    },
}
CHECKS = {
    "an option": """
import torch
from repro.cases.medfe.losses.adversarial import generator_loss
assert generator_loss("laplace", torch.zeros(2), torch.full((2,), 3.0)) == 2
from repro.audit.ledger.conditions import find_disabling
from repro.audit.ledger.choice import walk_details
from repro.cases.medfe.params import Params
idle = [d.key for d in walk_details(Params) if find_disabling(d.choice, {"loss.adv": "laplace"}.get)
        and find_disabling(d.choice, {"loss.adv": "none"}.get) and "loss.adv" in d.choice.only_if]
assert not idle, idle
""",
    "a metric": """
from repro.cases.medfe.case import CASE
from repro.cases.medfe.evaluation.tables import IMAGE_COLUMNS, MEASURES, PROTOCOL_COLUMNS
assert all("rmse_hole" in names for names in (IMAGE_COLUMNS, MEASURES, PROTOCOL_COLUMNS))
from pathlib import Path
from repro.case import plan_study
study = Path("ablations/smoke.yaml")
study.write_text(study.read_text().replace("  ssim:", "  rmse_hole: {margin: 0.01, why: a test}\\n  ssim:"))
assert plan_study(study, CASE).declared.metrics["rmse_hole"].direction == "lower"
""",
    "a detail": """
from pathlib import Path
from repro.audit.study.freezing import load_plan
from repro.cases.medfe.case import CASE
from repro.runs.layout import run_params
for file in sorted(Path("ablations/plans").glob("*.json")):
    assert run_params(CASE, load_plan(file)), "a frozen plan no longer stands"
""",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("repro", "ablations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    for name in ("pyproject.toml", "params.yaml", "params.schema.json", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "reports", tmp_path / "reports", ignore=shutil.ignore_patterns("build", "studies"))
    shutil.rmtree(tmp_path / "repro" / "runs", ignore_errors=True)
    shutil.copytree(ROOT / "repro" / "runs", tmp_path / "repro" / "runs")
    return tmp_path


def call(copy: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("added", ADDITIONS)
def test_an_addition_takes_the_files_that_the_table_names_and_no_other(added: str, copy: Path) -> None:
    row = next(line for name, line in TABLE.items() if name.startswith(added))
    for name, edits in ADDITIONS[added].items():
        assert any(part in row for part in (name, f"{PARAMS}/" if name.startswith(PARAMS) else "\0", _pattern(name)))
        text = (copy / name).read_text()
        for old, new in edits:
            assert text.count(old) == 1, f"{name} no longer holds {old!r}"
            text = text.replace(old, new)
        (copy / name).write_text(text)
    call(copy, "-m", "repro", "generate")
    call(copy, "-c", CHECKS[added])


def test_a_detail_whose_before_is_forgotten_orphans_the_frozen_plans(copy: Path) -> None:
    for name, edits in ADDITIONS["a detail"].items():
        text = (copy / name).read_text()
        for old, new in edits:
            text = text.replace(old, new.replace("            before=True,\n", ""))
        (copy / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", CHECKS["a detail"]], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0


def test_every_path_of_the_table_is_there() -> None:
    pattern = re.compile(r"`((?:repro|ablations|tests|examples)/[\w./-]*)`")
    named = {path for row in TABLE.values() for path in pattern.findall(row)}
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


def _pattern(name: str) -> str:
    """Returns how the table names one of several files in a folder."""
    return f"{Path(name).parent.as_posix()}/*{Path(name).suffix}"
