"""Folders as the command line needs them: those of MEDFE, and a whole project of another paper, without torch."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT_FILE = "pyproject.toml"


def name_case(folder: Path) -> None:
    """Writes the file by which a folder says that MEDFE is the case under audit."""
    shutil.copy(ROOT / PROJECT_FILE, folder / PROJECT_FILE)
