"""The import graph of the package, read from its source: what a module pulls in, wherever in the file it imports."""

import ast
from pathlib import Path

PACKAGE = Path("repro")


def imported_files(root: Path, file: Path) -> set[Path]:
    """Returns the project's files that a file imports, itself and the packages around it included."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        waiting += [parent / "__init__.py" for parent in current.parents if (root / parent / "__init__.py").is_file()]
        for name in imported_names((root / current).read_text()):
            waiting += files_of(root, name)
    return found


def imported_names(source: str) -> set[str]:
    """Returns the dotted names that code imports when it runs, with the members that `from` imports name."""
    names: set[str] = set()
    tree = ast.parse(source)
    for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def files_of(root: Path, name: str) -> list[Path]:
    """Returns the files that a dotted name stands for, if it is one of the project's."""
    path = Path(*name.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return [candidate for candidate in candidates if (root / candidate).is_file()]
