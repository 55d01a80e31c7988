"""What is derived from the case and the code and yet kept in files: the schema, the ledger, and DVC's dependencies.

`repro generate` writes them; a test of the project asks whether they are up to date. Of a dvc.yaml that people write,
only the code below `deps` is replaced, for each stage whose command is `python -m MODULE`.
"""

import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from repro import paths
from repro.audit.ledger.choice import walk_details
from repro.audit.ledger.table import to_markdown
from repro.audit.study.freezing import load_plan
from repro.case import Case, case_module
from repro.errors import UserError
from repro.runs.code import VOCABULARY, code_files
from repro.runs.imports import cover, files_of, imported_files, imported_names
from repro.runs.layout import make_pipeline, written_runs
from repro.storage import written_file

PIPELINE = Path("dvc.yaml")
_MODULE = re.compile(r"python -m ([\w.]+)")


def write_generated(case: Case) -> list[Path]:
    """Brings all generated files up to date; returns those that have changed."""
    stale = find_stale(case)
    for file, text in stale.items():
        with written_file(file) as partial:
            partial.write_text(text, encoding="utf-8")
    return list(stale)


def find_stale(case: Case) -> dict[Path, str]:
    """Returns the generated files that are not what they would be now, with what they would hold.

    Raises:
        UserError: a plan is damaged, so that nobody knows which runs are its own; or a file is that they come from.
    """
    wanted = {
        paths.SCHEMA: json.dumps(case.params.model_json_schema(), indent=2) + "\n",
        paths.LEDGER: to_markdown(walk_details(case.params), case.title),
    }
    if paths.RUN_PIPELINE.is_file():
        for file in paths.PLANS.glob("*.json"):
            load_plan(file)
        wanted[paths.RUN_PIPELINE] = make_pipeline(case, written_runs(case))
    if PIPELINE.is_file():
        wanted[PIPELINE] = _update(case, PIPELINE)
    return {file: text for file, text in wanted.items() if not file.is_file() or file.read_bytes() != text.encode()}


def _update(case: Case, file: Path) -> str:
    try:
        return update_dependencies(case, file.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        raise UserError(f"{file} is no pipeline: expected stages\n  get it back by: git checkout {file}") from None


def update_dependencies(case: Case, text: str) -> str:
    """Returns a dvc.yaml whose stages depend on the code that they import; all else in it is kept."""
    yaml = YAML()
    yaml.width, yaml.indent_sequence = 120, 2  # type: ignore[attr-defined]
    pipeline = yaml.load(text)
    for stage in pipeline["stages"].values():
        module = _MODULE.match(stage.get("cmd", ""))
        if module is not None:
            others = [str(item) for item in stage.get("deps", []) if not _is_code(str(item))]
            stage["deps"] = sorted([*others, *stage_dependencies(case, module[1], others)])
    stream = io.StringIO()
    yaml.dump(pipeline, stream)
    return stream.getvalue()


def stage_dependencies(case: Case, module: str, others: Iterable[str]) -> list[str]:
    """Returns the code that a stage depends on, whole folders by their names.

    A stage that runs a module of the installed toolkit depends on the case instead, and on all that its runs do.

    Args:
        case: under audit.
        module: that the stage runs.
        others: its other dependencies; what a notebook among them imports counts as well.
    """
    root = Path()
    entries = files_of(root, module)
    found = imported_files(root, entries)
    if not entries:
        found = {*code_files(case), *imported_files(root, files_of(root, case_module()), left_out=VOCABULARY)}
    for name in others:
        if name.endswith(".ipynb"):
            imported = [file for item in imported_names(_notebook_code(Path(name))) for file in files_of(root, item)]
            found |= imported_files(root, imported)
    data = {file.relative_to(root) for folder in {item.parent for item in found} for file in folder.glob("*.css")}
    return cover(root, found) + sorted(str(file) for file in data)


def _notebook_code(file: Path) -> str:
    cells: list[Any] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _is_code(dependency: str) -> bool:
    """Tells whether a dependency is a Python file or a package of this project, or belongs to one."""
    path = Path(dependency)
    return path.suffix in (".py", ".css") or (path / "__init__.py").is_file() or _is_package_gone(path)


def _is_package_gone(path: Path) -> bool:
    return not path.exists() and (Path(path.parts[0]) / "__init__.py").is_file()
