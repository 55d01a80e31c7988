"""What may import what, and which words stand where; each check is shown to fail on a small tree with that fault."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

from installed import names_in_base
from repro.extras import EXTRAS
from repro.runs.imports import files_of, imported_names, is_part, module_name, package_name

ROOT = Path(__file__).parent.parent
ORDER = (
    *("errors", "deadline", "extras", "refusals", "paths", "storage", "checksums", "processes", "randomness"),
    *("own_folder", "audit.counted", "audit.ledger", "audit.study", "audit.statistics", "audit.page", "kept"),
    *("case", "paper_case", "recorded", "revisions", "evidence", "tracking", "judge", "runs", "bundle", "new_project"),
    *("cases.medfe", "pipeline", "cli", "__main__"),
)
"""The rooms of the house, packages or modules; each imports only those to its left."""
FACES = ("repro", "repro.audit", "repro.cases")
"""Packages around rooms, which hold no more than a docstring and what others import from them."""
CASE_FREE = (
    "audit",
    "kept",
    "case",
    "paper_case",
    "evidence",
    "recorded",
    "revisions",
    "tracking",
    "judge",
    "runs",
    "bundle",
    "new_project",
    "cli",
)
"""Rooms that know no case, but for the modules of `OF_A_CASE`."""
BELOW_THE_AUDIT = ("errors", "storage", "own_folder")
"""Rooms that the audit uses: errors for users, and files and folders that are written."""
AROUND_THE_AUDIT = ("errors", "extras", "storage", "judge")
"""Rooms that verdicts on found runs may use beside the audit."""
OF_A_CASE = ("repro.cli.medfe",)
NAMES_A_CASE = {"repro.cli": {"medfe"}}
"""Words that a module may say all the same: the commands of MEDFE are added to the others there."""
WORDS = re.compile(
    r"(?<![a-z])(?:(?:medfe|inpaint|psnr|ssim)\w*"
    r"|(?:holes?|lpips|photographs?|checkpoints?|images|pixels?|discriminators?|celeba)(?![a-z]))",
    re.IGNORECASE,
)
"""Of inpainting. An image in the singular is also that of a figure, or a mirror image."""

BRINGS = {"cases": {"medfe", "mlflow", "study"}, "pipeline": {"medfe", "mlflow", "study"}}
BRINGS |= {"tracking": {"mlflow", "study"}, "runs": {"cluster", "study"}, "audit.page.notebook": {"study"}}
BRINGS |= {room: {"study"} for room in ("processes", "case", "paper_case", "evidence", "revisions", "new_project")}
BRINGS |= {"bundle": {"study"}, "judge": {"mlflow", "parquet", "wandb"}, "cli": {"study"}}
"""The extras whose packages a room may import; one that is not named has what the base brings."""
ASKED_FOR = {"pynvml"}
"""What is used where it happens to be installed, and brought by nothing."""

Check = Callable[[Path], list[str]]


def modules_of(root: Path) -> dict[str, str]:
    """Returns the source of every module below `repro/` by its dotted name."""
    template = root / "repro" / "template"  # a project of its own
    files = sorted(file for file in (root / "repro").rglob("*.py") if template not in file.parents)
    return {module_name(file.relative_to(root)): file.read_text(encoding="utf-8") for file in files}


def package_of(root: Path, module: str) -> str:
    """Returns the package that a module is in, or that it makes."""
    return package_name(files_of(root, module)[0])


def names_of(root: Path, module: str, source: str) -> set[str]:
    return read_names(source, package_of(root, module))


read_names = cache(imported_names)


def imports_of(root: Path) -> dict[str, set[str]]:
    """Returns which modules of the project each module imports, the packages around them left out."""
    return {
        module: {
            module_name(file) for name in names_of(root, module, source) for file in files_of(root, name)
        }.difference({module}, FACES)
        for module, source in modules_of(root).items()
    }


def room_of(module: str) -> str:
    """Returns the room that a module lies in; empty: none."""
    return next((room for room in ORDER if is_part(module, [f"repro.{room}"])), "")


def find_unplaced(root: Path) -> list[str]:
    return [module for module in modules_of(root) if not room_of(module) and module not in FACES]


def find_backward(root: Path) -> list[str]:
    return [
        f"{module} imports {other}"
        for module, others in imports_of(root).items()
        for other in sorted(others)
        if room_of(module) and room_of(other) and ORDER.index(room_of(other)) > ORDER.index(room_of(module))
    ]


def find_cycles(root: Path) -> list[str]:
    """Returns the pairs of packages that import each other, if only by way of others.

    A package with packages inside is no unit of its own: each of its modules is one.
    """
    outer = {module.rpartition(".")[0] for module in modules_of(root) if package_of(root, module) == module}

    def unit(module: str) -> str:
        package = package_of(root, module)
        return module if package in outer else package

    graph: dict[str, set[str]] = {}
    for module, others in imports_of(root).items():
        graph.setdefault(unit(module), set()).update(unit(other) for other in others if unit(other) != unit(module))
    reached = {start: reach(graph, start) for start in graph}
    return sorted(f"{one} and {two}" for one in graph for two in reached[one] if one < two and one in reached[two])


def reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        if (current := waiting.pop()) not in found:
            found.add(current)
            waiting += graph.get(current, ())
    return found


def find_imports(root: Path, importing: Iterable[str], imported: Iterable[str], but: Iterable[str] = ()) -> list[str]:
    """Returns what modules in some rooms, but for others, import of some packages."""
    forbidden, inside, outside = list(imported), list(importing), list(but)
    return [
        f"{module} imports {name}"
        for module, source in modules_of(root).items()
        if is_part(module, inside) and not is_part(module, outside)
        for name in sorted(names_of(root, module, source))
        if is_part(name, forbidden)
    ]


def find_audit_imports(root: Path) -> list[str]:
    """Returns what the audit imports of the rest of the toolkit, of cases, and of what computes and keeps runs."""
    others = [f"repro.{room}" for room in ORDER if not room.startswith("audit.") and room not in BELOW_THE_AUDIT]
    forbidden = ["torch", "torchvision", "torchmetrics", "mlflow", "ray", "dvc", "repro.cases", *others]
    return find_imports(root, ["repro.audit"], forbidden)


def find_judge_imports(root: Path) -> list[str]:
    """Returns what verdicts on found runs import beyond the audit, but for runs in MLflow, where they are asked for."""
    others = [f"repro.{room}" for room in ORDER if not room.startswith("audit.") and room not in AROUND_THE_AUDIT]
    forbidden = ["torch", "mlflow", "ray", "dvc", "git", "papermill", "nbconvert", *others]
    found = find_imports(root, ["repro.judge"], forbidden)
    return [item for item in found if not item.startswith("repro.judge.table imports repro.tracking.found_runs")]


def find_mlflow(root: Path) -> list[str]:
    return find_imports(root, ["repro"], ["mlflow"], but=["repro.tracking"])


def find_ray(root: Path) -> list[str]:
    return find_imports(root, ["repro"], ["ray"], but=["repro.runs.cluster"])


def find_undeclared(root: Path) -> list[str]:
    """Returns what rooms import that neither the base nor an extra of theirs brings."""
    known = {*sys.stdlib_module_names, *names_in_base(), *ASKED_FOR, "repro"}
    found = []
    for module, source in modules_of(root).items():
        extras = {extra for room in BRINGS if is_part(module, [f"repro.{room}"]) for extra in BRINGS[room]}
        brought = known.union(*(EXTRAS[extra] for extra in extras))
        tops = {name.partition(".")[0] for name in names_of(root, module, source)}
        found += [f"{module} imports {top}, which nothing brings" for top in sorted(tops - brought)]
    return found


def find_case_imports(root: Path) -> list[str]:
    return find_imports(root, [f"repro.{room}" for room in CASE_FREE], ["repro.cases"], but=OF_A_CASE)


def find_words(root: Path) -> list[str]:
    """Returns the words of inpainting in the rooms that know no case, in code and prose."""
    return [
        f"{module} says {word}"
        for module, source in modules_of(root).items()
        if is_part(module, [f"repro.{room}" for room in CASE_FREE]) and not is_part(module, OF_A_CASE)
        for word in WORDS.findall(source)
        if word.lower() not in NAMES_A_CASE.get(module, ())
    ]


CHECKS: tuple[Check, ...] = (
    find_unplaced,
    find_backward,
    find_cycles,
    find_audit_imports,
    find_judge_imports,
    find_mlflow,
    find_ray,
    find_undeclared,
    find_case_imports,
    find_words,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_as_it_was_drawn(check: Check) -> None:
    assert check(ROOT) == []


def test_every_room_of_the_drawing_is_there() -> None:
    assert {room_of(module) for module in modules_of(ROOT)} == {"", *ORDER}
    assert {room for room in CASE_FREE if any(is_part(place, [room]) for place in ORDER)} == set(CASE_FREE)


SOUND = {
    "__init__.py": "",
    "errors.py": "",
    "audit/__init__.py": "",
    "audit/ledger/__init__.py": "",
    "audit/ledger/choice.py": "import pydantic\nfrom repro.errors import UserError\n",
    "audit/page/__init__.py": "",
    "audit/page/figures.py": "import matplotlib\nfrom repro.audit.ledger import choice\n# a mirror image\n",
    "case.py": "from repro.audit.ledger.choice import Choice\n",
    "tracking/__init__.py": "import mlflow\n",
    "tracking/found_runs.py": "import mlflow\n",
    "judge/__init__.py": "",
    "judge/table.py": "def f():\n    from repro.tracking.found_runs import search_runs\n",
    "runs/__init__.py": "",
    "runs/cluster.py": "import ray\n",
    "cases/__init__.py": "",
    "cases/medfe/__init__.py": "",
    "cases/medfe/case.py": "import torch\nfrom repro.case import Case\n# holes of photographs\n",
    "cases/medfe/data/__init__.py": "from repro.cases.medfe import sizes\n",
    "cases/medfe/sizes.py": "",
    "cli/__init__.py": "from repro.cli import medfe\n",
    "cli/medfe.py": "from repro.cases.medfe.case import CASE\n",
}
"""A small house without a fault."""

FAULTS: list[tuple[str, str, Check, str]] = [
    ("attic/__init__.py", "", find_unplaced, "repro.attic"),
    ("helpers.py", "", find_unplaced, "repro.helpers"),
    ("cases/other/__init__.py", "", find_unplaced, "repro.cases.other"),
    ("case.py", "def f():\n    from repro.runs import cluster\n", find_backward, "repro.case imports repro.runs"),
    (
        "audit/ledger/choice.py",
        "from repro.audit.page import figures",
        find_backward,
        "choice imports repro.audit.page",
    ),
    ("audit/ledger/choice.py", "from ..page import figures", find_backward, "choice imports repro.audit.page"),
    ("cases/medfe/sizes.py", "import repro.cases.medfe.data", find_cycles, "medfe.data and repro.cases.medfe.sizes"),
    (
        "audit/ledger/choice.py",
        "from repro.audit.page import figures",
        find_cycles,
        "audit.ledger and repro.audit.page",
    ),
    ("audit/page/figures.py", "import torch.nn", find_audit_imports, "imports torch.nn"),
    ("audit/page/figures.py", "def f():\n    import mlflow\n", find_audit_imports, "imports mlflow"),
    ("audit/page/figures.py", "from repro.cases import medfe", find_audit_imports, "imports repro.cases.medfe"),
    ("audit/page/figures.py", "from repro import case", find_audit_imports, "imports repro.case"),
    ("judge/table.py", "import torch", find_judge_imports, "repro.judge.table imports torch"),
    ("judge/table.py", "from repro.tracking import store", find_judge_imports, "imports repro.tracking"),
    ("runs/cluster.py", "from mlflow import client", find_mlflow, "repro.runs.cluster imports mlflow"),
    ("cases/medfe/case.py", "import ray.util", find_ray, "repro.cases.medfe.case imports ray.util"),
    ("audit/page/figures.py", "def f():\n    import dvc.api\n", find_undeclared, "figures imports dvc, which nothing"),
    ("audit/ledger/choice.py", "import polars", find_undeclared, "choice imports polars, which nothing brings"),
    ("case.py", "import torch", find_undeclared, "repro.case imports torch, which nothing brings"),
    ("runs/cluster.py", "from repro.cases.medfe import case", find_case_imports, "imports repro.cases.medfe.case"),
    ("runs/cluster.py", "# the holes", find_words, "says holes"),
    ("runs/cluster.py", "class MedfeRun: ...", find_words, "says MedfeRun"),
    ("case.py", "psnr_hole_db = 1", find_words, "says psnr_hole_db"),
    ("cli/__init__.py", "# of MEDFE's photograph", find_words, "repro.cli says photograph"),
]


def build(root: Path, files: Mapping[str, str]) -> Path:
    for name, source in files.items():
        file = root / "repro" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return root


def test_a_small_house_without_a_fault_passes_every_check(tmp_path: Path) -> None:
    build(tmp_path, SOUND)
    assert {check.__name__: found for check in CHECKS if (found := check(tmp_path))} == {}


@pytest.mark.parametrize(("name", "source", "check", "said"), FAULTS)
def test_each_check_fails_on_the_fault_that_it_is_for(
    tmp_path: Path, name: str, source: str, check: Check, said: str
) -> None:
    found = check(build(tmp_path, SOUND | {name: source}))
    assert any(said in item for item in found), found


def test_every_check_is_shown_to_fail() -> None:
    assert {check for _, _, check, _ in FAULTS} == set(CHECKS)


@pytest.mark.parametrize(
    "module", ["repro", "repro.cli", "repro.case", "repro.runs.run", "repro.pipeline.shell", "repro.cases.medfe.case"]
)
def test_starting_up_loads_nothing_heavy(module: str) -> None:
    heavy = ["torch", "mlflow", "pandas", "numpy", *(["pydantic"] if module in ("repro", "repro.cli") else [])]
    code = f"import sys, {module}; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def files_below(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("file", files_below("repro"), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))
