"""Folders as the command line needs them: those of MEDFE, and a whole project of another paper, without torch."""

import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from git_project import commit_all
from sweep_project import Project, clean

ROOT = Path(__file__).parents[1]
PROJECT_FILE = "pyproject.toml"
STUDY = "ablations/first.yaml"
DECLARED = {
    "title": "Which details of the average matter?",
    "reading": "paper",
    "scale": "small",
    "details": {"average.kind": None, "average.squared": None},
    "design": "full_factorial",
    "seeds": 2,
    "metrics": {"error": {}},
}
FILES = {
    "ablations/readings/paper.yaml": {"average": {"kind": "mean", "squared": False}},
    "ablations/scales/small.yaml": {"numbers": {"count": 100, "noise": {"spread": 0.1, "outliers": 2}}},
    "ablations/common.yaml": {"seed": 0},
    STUDY: DECLARED,
}


def name_case(folder: Path) -> None:
    """Writes the file by which a folder says that MEDFE is the case under audit."""
    shutil.copy(ROOT / PROJECT_FILE, folder / PROJECT_FILE)


def write_mean_files(root: Path) -> None:
    """Writes what a project holds that audits the paper of `mean_case`."""
    for name, values in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w") as stream:
            YAML().dump(values, stream)
    (root / PROJECT_FILE).write_text('[tool.repro]\ncase = "mean_case:CASE"\n')
    shutil.copy(ROOT / "tests" / "mean_case.py", root)


def write_noisy_files(root: Path, **changes: object) -> None:
    """Writes what a project holds that audits the paper of `noisy_case`, its study declared with changes."""
    declared = {
        "title": "Which details of the number matter?",
        "reading": "paper",
        "scale": "small",
        "details": {f"details.{name}": None for name in "abcdef"},
        "design": "plackett_burman",
        "seeds": 1,
        "sequential": {"most_seeds": 24},
        "metrics": {"score": {}},
    }
    files = {
        "ablations/readings/paper.yaml": {"details": dict.fromkeys("abcdef", False)},
        "ablations/scales/small.yaml": {"size": 1},
        "ablations/common.yaml": {"seed": 0},
        STUDY: declared | changes,
    }
    for name, values in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with (root / name).open("w") as stream:
            YAML().dump(values, stream)
    (root / PROJECT_FILE).write_text('[tool.repro]\ncase = "noisy_case:CASE"\n')
    shutil.copy(ROOT / "tests" / "noisy_case.py", root)


def write_mean_project(root: Path) -> Project:
    """Writes such a project under git and DVC; it has planned nothing."""
    write_mean_files(root)
    commit_all(root)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, env=clean(), check=True)
    return Project(root)


def write_noisy_project(root: Path, **changes: object) -> Project:
    """Writes such a project under git and DVC; it has planned nothing."""
    write_noisy_files(root, **changes)
    commit_all(root)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, env=clean(), check=True)
    return Project(root)


def slow_down(project: Project, input_s: float, run_s: float) -> None:
    """Makes the shared stage and each run of `mean_case` last longer, for a kill to hit them."""
    slower = {'    numbers = values["numbers"]\n': input_s, "    average = job.params.average\n": run_s}
    add_lines(project, {line: f'    __import__("time").sleep({seconds})\n' for line, seconds in slower.items()})


def add_lines(project: Project, lines: dict[str, str]) -> None:
    """Adds before lines of `mean_case` in a project what its test needs."""
    case = project.root / "mean_case.py"
    text = case.read_text()
    for line, added in lines.items():
        assert line in text
        text = text.replace(line, added + line)
    case.write_text(text)
