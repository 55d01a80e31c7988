"""The resume state of a training: kept under the original project, keyed by all that the training depends on."""

from pathlib import Path
from typing import Any

from torch import nn

from repro.cases.medfe.checkpoint import load_tensors, save_tensors
from repro.cases.medfe.training.step import Players
from repro.errors import UserError
from repro.storage import hash_json, hash_tree


class ResumeState:
    """One file, replaced atomically at each checkpoint, removed when the training's outputs stand."""

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


def resume_key(identity: dict[str, Any], sources: list[Path]) -> str:
    """Returns the key of a training: its params, versions and device, and the contents of what it reads."""
    return hash_json([identity, [hash_tree(source) for source in sources]])[:24]


def pack_players(players: Players) -> dict[str, Any]:
    """Returns weights and optimiser states."""
    critic = players.critic.state_dict() if players.critic is not None else None
    return {
        "generator": players.generator.state_dict(),
        "discriminators": players.discriminators.state_dict(),
        "optimiser": players.optimiser.state_dict(),
        "critic": critic,
    }


def unpack_players(players: Players, state: dict[str, Any]) -> None:
    """Puts weights and optimiser states back."""
    networks: list[tuple[nn.Module, str]] = [
        (players.generator, "generator"),
        (players.discriminators, "discriminators"),
    ]
    for network, name in networks:
        network.load_state_dict(state[name])
    players.optimiser.load_state_dict(state["optimiser"])
    if players.critic is not None:
        players.critic.load_state_dict(state["critic"])
