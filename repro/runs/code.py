"""Which code can move the numbers of a run, and one hash over it.

The case names the modules; all that they import belongs to it, less the vocabulary: a run's params are complete, so
that a new option, or a new source of an old one, changes no run. Comments, docstrings and layout change no number and
do not enter the hash.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from repro import paths
from repro.case import Case, load_case
from repro.refusals import one_message
from repro.runs.imports import cover, files_of, imported_files
from repro.storage import hash_json, write_json

VOCABULARY = ("repro.audit", "repro.case", "repro.paper_case")
"""Of the toolkit; it names details and metrics, and computes nothing of a run."""


def code_files(case: Case, modules: Iterable[str] | None = None) -> list[Path]:
    """Returns the files of the project in the working folder that some modules are made of, without the vocabulary.

    Args:
        case: under audit.
        modules: dotted names; None: all that can move a run's numbers.
    """
    root = Path()
    entries = [file for name in (case.code if modules is None else modules) for file in files_of(root, name)]
    return sorted(imported_files(root, entries, left_out=(*VOCABULARY, *case.vocabulary)))


def code_dependencies(case: Case, modules: Iterable[str] | None = None) -> list[str]:
    """Returns these files as DVC depends on them, whole folders by their names."""
    return cover(Path(), code_files(case, modules))


def hash_code(case: Case) -> str:
    """Returns the hash of the code of the working tree: of the files' names and what they compute."""
    return hash_json({str(file): hash_module(file.read_text(encoding="utf-8")) for file in code_files(case)})


@cache
def hash_module(source: str) -> str:
    """Returns the SHA-256 of a module's syntax tree without docstrings; comments and layout are not in it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def main() -> None:
    """Writes `paths.RUN_CODE`."""
    with one_message("code"):
        write_json(paths.RUN_CODE, {"sha256": hash_code(load_case())})


if __name__ == "__main__":
    main()
