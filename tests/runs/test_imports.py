"""The import graph, on small trees written for it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from repro.runs.imports import cover, files_of, imported_files, imported_names, module_name, package_name


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


def names(files: set[Path]) -> list[str]:
    return sorted(map(str, files))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a.b import c", {"a.b", "a.b.c"}),
        ("def f():\n    if x:\n        import a", {"a"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if not TYPE_CHECKING:\n    import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nimport a", {"a"}),
        ("from . import b", {"p.q", "p.q.b"}),
        ("from .b import c", {"p.q.b", "p.q.b.c"}),
        ("from ..b import c", {"p.b", "p.b.c"}),
        ("from .. import b", {"p", "p.b"}),
        ("from ... import b", set()),
        ("from .... import b", set()),
        ("'import a'", set()),
    ],
)
def test_names_are_those_of_imports_that_run(source: str, expected: set[str]) -> None:
    assert imported_names(source, "p.q") == expected


TREE = {
    "p/__init__.py": "import q\n",
    "p/a.py": "from p.sub import b\nimport numpy\n",
    "p/sub/__init__.py": "",
    "p/sub/b.py": "def f():\n    from .c import g\n",
    "p/sub/c.py": "from p import a\n",
    "p/unused.py": "",
    "q.py": "if TYPE_CHECKING:\n    import r\n",
    "r.py": "",
}


def test_what_is_imported_is_followed_with_the_packages_around_it(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    found = imported_files(tmp_path, [Path("p/sub/c.py")])
    assert names(found) == ["p/__init__.py", "p/a.py", "p/sub/__init__.py", "p/sub/b.py", "p/sub/c.py", "q.py"]
    assert names(imported_files(tmp_path, [Path("r.py")])) == ["r.py"]


def test_what_is_left_out_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    assert names(imported_files(tmp_path, [Path("p/a.py")], left_out=["p.sub"])) == ["p/__init__.py", "p/a.py", "q.py"]
    kept = imported_files(tmp_path, [Path("p/a.py")], left_out=["p.su", "p.sub.c"])
    assert names(kept) == ["p/__init__.py", "p/a.py", "p/sub/__init__.py", "p/sub/b.py", "q.py"], "whole names only"


def test_a_name_stands_for_a_module_or_a_package_of_the_project(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    assert files_of(tmp_path, "p.sub") == [Path("p/sub/__init__.py")]
    assert files_of(tmp_path, "p.sub.b") == [Path("p/sub/b.py")]
    assert files_of(tmp_path, "p.sub.b.f") == files_of(tmp_path, "numpy") == []
    assert module_name(Path("p/sub/__init__.py")) == package_name(Path("p/sub/b.py")) == "p.sub"
    assert package_name(Path("p/sub/__init__.py")) == "p.sub"
    assert package_name(Path("q.py")) == ""


def test_a_folder_stands_for_its_files_where_all_of_them_are_there(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    whole = {Path(name) for name in TREE}
    assert cover(tmp_path, whole) == ["p", "q.py", "r.py"]
    assert cover(tmp_path, whole - {Path("p/unused.py")}) == ["p/__init__.py", "p/a.py", "p/sub", "q.py", "r.py"]
    assert cover(tmp_path, {Path("p/sub/b.py"), Path("p/sub/c.py")}) == ["p/sub/b.py", "p/sub/c.py"]
    assert cover(tmp_path, set()) == []


def test_a_folder_of_one_file_is_named_by_its_file(tmp_path: Path) -> None:
    write(tmp_path, {"one/__init__.py": ""})
    assert cover(tmp_path, {Path("one/__init__.py")}) == ["one/__init__.py"]
