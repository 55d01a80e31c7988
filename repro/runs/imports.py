"""The import graph of a project, read from its source: what a module pulls in, wherever in the file it imports.

Lists of code dependencies are derived from it, and never kept by hand. Imports under `TYPE_CHECKING` do not count, as
they do not run; nor do packages that are installed rather than part of the project.
"""

import ast
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path


def imported_files(root: Path, files: Iterable[Path], left_out: Collection[str] = ()) -> set[Path]:
    """Returns the project's files that some files import, themselves and the packages around them included.

    Args:
        root: of the project.
        files: relative to it.
        left_out: dotted names of packages and modules that are not entered, and that do not count.
    """
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        current = waiting.pop()
        if current in found or is_part(module_name(current), left_out):
            continue
        found.add(current)
        waiting += [parent / "__init__.py" for parent in current.parents if (root / parent / "__init__.py").is_file()]
        for name in imported_names((root / current).read_text(encoding="utf-8"), package_name(current)):
            waiting += files_of(root, name)
    return found


@cache
def imported_names(source: str, package: str = "") -> frozenset[str]:
    """Returns the dotted names that code imports when it runs, with the members that `from` imports name.

    Args:
        source: of a module.
        package: that the module is in, which relative imports start from.
    """
    names: set[str] = set()
    tree = ast.parse(source)
    for_types = {id(inner) for node in ast.walk(tree) for part in _for_types(node) for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = _start(node, package)
            names |= {start, *(f"{start}.{alias.name}" for alias in node.names)} if start else set()
    return frozenset(names)


def files_of(root: Path, name: str) -> list[Path]:
    """Returns the files that a dotted name stands for, if it is one of the project's."""
    path = Path(*name.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return [candidate for candidate in candidates if (root / candidate).is_file()]


def module_name(file: Path) -> str:
    """Returns the dotted name of a file of the project."""
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def package_name(file: Path) -> str:
    """Returns the dotted name of the package that a file of the project is in, or that it makes."""
    return ".".join(file.parent.parts)


def is_part(name: str, packages: Collection[str]) -> bool:
    """Tells whether a module is one of some packages and modules, or lies in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def cover(root: Path, files: Collection[Path]) -> list[str]:
    """Returns files as dependencies: a folder stands for all of its Python files where all of them are there."""
    chosen = set(files)
    for folder in sorted({parent for file in files for parent in file.parents if parent != Path()}):
        inside = {file.relative_to(root) for file in (root / folder).rglob("*.py")}
        if inside <= set(files) and len(inside) > 1:
            chosen = {path for path in chosen if folder not in path.parents} | {folder}
    return sorted(path.as_posix() for path in chosen if not chosen & set(path.parents))


def _for_types(node: ast.AST) -> list[ast.stmt]:
    """Returns the statements below `if TYPE_CHECKING`; what is below its `else` runs."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return node.body
    return []


def _start(node: ast.ImportFrom, package: str) -> str:
    """Returns the dotted name that a `from` import starts from; empty: outside every package."""
    if node.level == 0:
        return node.module or ""
    parts = package.split(".") if package else []
    around = parts[: max(0, len(parts) + 1 - node.level)]  # one dot stands for the package itself
    return ".".join([*around, *([node.module] if node.module else [])]) if around else ""
