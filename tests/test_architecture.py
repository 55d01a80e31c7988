"""What may import what, and proof that these checks can fail."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import imported_files, imported_names

ROOT = Path(__file__).parent.parent
ROOMS = ("repro/audit", "repro/cases/medfe", "repro/pipeline", "repro/runs", "repro/cli")
"""Imports point from right to left."""


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def top_levels(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_names(file.read_text())}


def offenders(folder: str, forbidden: tuple[str, ...]) -> list[str]:
    """Returns the imports of a folder's files that begin with one of the forbidden names."""
    return [
        f"{file.name}: {name}"
        for file in files_of(folder)
        for name in imported_names(file.read_text())
        if any(name == item or name.startswith(f"{item}.") for item in forbidden)
    ]


@pytest.mark.parametrize("place", range(len(ROOMS)))
def test_no_room_imports_one_to_its_right(place: int) -> None:
    forbidden = tuple(room.replace("/", ".") for room in ROOMS[place + 1 :])
    assert not offenders(ROOMS[place], forbidden)


def test_the_case_takes_only_the_vocabulary_from_the_audit() -> None:
    names = {
        name
        for file in files_of("repro/cases/medfe")
        for name in imported_names(file.read_text())
        if name.startswith("repro.audit")
    }
    assert all(
        name.startswith(("repro.audit.ledger.choice", "repro.audit.ledger.source", "repro.audit.ledger.values"))
        for name in names
    )
    assert names


def test_the_audit_knows_nothing_of_torch_and_of_the_case() -> None:
    assert not offenders("repro/audit", ("torch", "torchvision", "mlflow", "repro.cases.medfe", "repro.tracking"))


def test_only_tracking_imports_mlflow() -> None:
    importing = {file for file in files_of("repro") if "mlflow" in top_levels(file)}
    assert importing
    assert all("tracking" in file.parts for file in importing)


def test_only_the_cluster_module_imports_ray() -> None:
    assert [file.name for file in files_of("repro") if "ray" in top_levels(file)] == ["cluster.py"]


def test_these_checks_can_fail(tmp_path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    import torch\n    from repro.cases.medfe.params import Params\n")
    assert imported_names(bad.read_text()) == {"torch", "repro.cases.medfe.params", "repro.cases.medfe.params.Params"}
    assert offenders("repro/cases/medfe", ("torch",))
    package = tmp_path / "repro"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from repro import b\n")
    (package / "b.py").write_text("")
    found = imported_files(tmp_path, Path("repro/a.py"))
    assert found == {Path("repro/__init__.py"), Path("repro/a.py"), Path("repro/b.py")}


@pytest.mark.parametrize("module", ["repro.cli", "repro.pipeline.shell", "repro.cases.medfe.params"])
def test_starting_up_loads_nothing_heavy(module: str) -> None:
    heavy = ["torch", "mlflow", "pandas", "numpy", *(["pydantic"] if module == "repro.cli" else [])]
    code = f"import sys, {module}; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", files_of("repro"), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))
