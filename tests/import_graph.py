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
        for name in imported_names(root / current):
            waiting += _files_of(root, name)
    return found


def imported_names(file: Path) -> set[str]:
    """Returns the dotted names that a file imports, with those of the members that `from` imports name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _files_of(root: Path, name: str) -> list[Path]:
    path = Path(*name.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return [candidate for candidate in candidates if (root / candidate).is_file()]
