"""Stage code: one hash over all code that can change the numbers of a run.

The files are those that the stage lists in ablations/dvc.yaml; the runs depend on the hash, so that the lock file
holds the list once and not once for each run. What is left out there has its reason beside it. Comments, docstrings
and layout change no number and do not enter the hash.
"""

import ast
import hashlib
from pathlib import Path

from ruamel.yaml import YAML

from repro import paths
from repro.storage import hash_json, write_json


def hash_code() -> str:
    """Returns the hash of the listed Python files of the working tree: of their names and what they compute."""
    listed = YAML(typ="safe").load(paths.RUN_PIPELINE.read_text(encoding="utf-8"))["stages"]["code"]["deps"]
    files = sorted({file for name in listed for file in _python_files(Path(name))})
    return hash_json({str(file): hash_module(file.read_text(encoding="utf-8")) for file in files})


def hash_module(source: str) -> str:
    """Returns the SHA-256 of a module's syntax tree without docstrings; comments and layout are not in it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _python_files(path: Path) -> list[Path]:
    return list(path.rglob("*.py")) if path.is_dir() else [path]


def main() -> None:
    """Writes `paths.RUN_CODE`."""
    write_json(paths.RUN_CODE, {"sha256": hash_code()})


if __name__ == "__main__":
    main()
