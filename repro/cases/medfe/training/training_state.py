"""The state that an interrupted training is resumed from: one file, named by all that the training depends on."""

from pathlib import Path
from typing import Any

from repro.cases.medfe.checkpoint import load_tensors, save_tensors
from repro.errors import UserError
from repro.storage import hash_json, hash_tree


class TrainingStateFile:
    """Replaced atomically at each checkpoint, removed once the training's outputs are on disk.

    Args:
        folder: lies in the project that the user works in, so that it outlives the temporary copies that DVC makes.
        key: see `resume_key`.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.file = folder / f"{key}.pt"

    def load(self) -> dict[str, Any] | None:
        """Returns what was saved, or nothing; a broken file counts as nothing."""
        try:
            state: dict[str, Any] = load_tensors(self.file)
        except UserError:
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replaces what was saved."""
        save_tensors(self.file, state)

    def remove(self) -> None:
        """Forgets what was saved."""
        self.file.unlink(missing_ok=True)


def resume_key(identity: dict[str, Any], files: list[Path]) -> str:
    """Returns the key of a training: 24 hex digits of a hash.

    Args:
        identity: its params, the versions of packages and the device.
        files: what it reads and the code that it runs; the contents count.
    """
    return hash_json([identity, [hash_tree(file) for file in files]])[:24]
