"""The folder that a judgement is written into: a new one, an empty one, or one of an earlier judgement."""

from pathlib import Path

from repro.errors import UserError
from repro.judge.declaration import NAME

STACK, STACK_PLAN = "stack.json", "stack-plan.csv"
"""The smallest stack that was found, and the runs that would tell."""
MARKS = (NAME, STACK, STACK_PLAN)
"""What judgements write, each at least one."""
UNSEEN = frozenset({".DS_Store", ".gitignore", ".gitkeep", "Thumbs.db"})
"""What lies in folders that their owners call empty."""


def check_output_folder(folder: Path) -> None:
    """Checks, before the work, that a folder is empty, or holds a judgement and what people put beside it.

    Raises:
        UserError: something else is in it.
    """
    held = sorted({item.name for item in folder.iterdir()} - UNSEEN) if folder.is_dir() else []
    if held and not any(mark in held for mark in MARKS):
        raise UserError(f"{folder} holds {held[0]!r}, and no judgement\n  name one that is new or empty: --out DIR")
