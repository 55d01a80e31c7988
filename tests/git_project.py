"""Git as a test calls it: with an identity of its own, whatever the machine has."""

import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org")


def git(folder: Path, *arguments: str) -> str:
    """Runs git in a folder and returns what it prints."""
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> None:
    """Makes a folder a repository with one commit of all that it holds."""
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(folder, *arguments)
