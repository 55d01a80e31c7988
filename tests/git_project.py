"""Git as a test calls it: with an identity of its own, whatever the machine has."""

import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parent.parent

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org")


def git(folder: Path, *arguments: str) -> str:
    """Runs git in a folder and returns what it prints."""
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> None:
    """Makes a folder a repository with one commit of all that it holds."""
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(folder, *arguments)


def copy_project(root: Path, left_out: Collection[str]) -> None:
    """Copies what git would track of this project into a folder, which becomes a repository with one commit.

    Args:
        root: the folder, which is made.
        left_out: names of files, and of folders with a `/` at their end.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    folders = tuple(name for name in left_out if name.endswith("/"))
    for name in filter(None, listed):
        if (ROOT / name).is_file() and name not in left_out and not name.startswith(folders):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    commit_all(root)
