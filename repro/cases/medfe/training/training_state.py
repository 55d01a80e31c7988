"""The state that an interrupted training is resumed from: one file, named by all that the training depends on.

The one before is kept beside it, for the case that the disk damages the newer one.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter
from torch.optim import Optimizer
from typing_extensions import TypedDict  # which pydantic needs before Python 3.12, and brings

from repro.cases.medfe.checkpoint import check_tensors, load_tensors, save_tensors
from repro.errors import UserError
from repro.storage import hash_json, hash_tree


class Best(TypedDict):
    """The weights with the best validation PSNR so far; step 0 before the first validation."""

    step: int
    psnr_db: float
    weights: dict[str, Any]


class Half(TypedDict):
    """The weights after half the steps."""

    step: int
    weights: dict[str, Any]
    best: Best


class OptimiserState(TypedDict):
    """As torch's optimisers pack it."""

    state: dict[int, dict[str, Any]]
    param_groups: list[dict[str, Any]]


class AdversarialState(TypedDict):
    """Weights and optimisers of both sides."""

    generator: dict[str, Any]
    discriminators: dict[str, Any]
    generator_optimiser: OptimiserState
    discriminator_optimiser: OptimiserState | None


class TrainingState(TypedDict):
    """All that the rest of a training depends on; random streams follow from the step."""

    step: int
    seconds: float
    history: list[dict[str, float]]
    best: Best
    half: Half | None
    adversarial: AdversarialState


FORM: TypeAdapter[TrainingState] = TypeAdapter(TrainingState)


class Resumable(Protocol):
    """A training that can go on from a state."""

    def unpack(self, state: TrainingState) -> None:
        """Goes back to a packed state; raises ValueError where it belongs to another training."""
        ...


Training = TypeVar("Training", bound=Resumable)


class TrainingStateFile:
    """Replaced atomically at each checkpoint, removed once the training's outputs are on disk.

    Args:
        folder: lies in the project that the user works in, so that it outlives the temporary copies that DVC makes.
        key: see `resume_key`.
        leads: whether this process sets aside what cannot be read, and says so; of several the first one does.
    """

    def __init__(self, folder: Path, key: str, *, leads: bool = True) -> None:
        self._leads = leads
        self.file = folder / f"{key}.pt"
        self.before = folder / f"{key}.before.pt"

    def resume(self, start: Callable[[], Training]) -> Training:
        """Returns a training at what was saved last, or before that, else at its start.

        A state that cannot be read is set aside, and said; what it has half filled is thrown away.

        Args:
            start: makes a training that has taken no step.
        """
        for file in (self.file, self.before):
            if not file.exists():
                continue
            try:
                state = load_tensors(file)
                FORM.validate_python(state, strict=True)  # what it returns has other kinds of numbers
                training = start()
                training.unpack(state)
            except (UserError, ValueError) as error:
                if self._leads:
                    self._set_aside(file, error)
            else:
                return training
        return start()

    def _set_aside(self, file: Path, error: Exception) -> None:
        aside = file.with_suffix(".damaged")
        if aside.is_dir():
            shutil.rmtree(aside)
        file.replace(aside)
        reason = str(error).splitlines()[0].removeprefix(f"{file} ")
        print(f"{file} is no state to resume from: {reason}", file=sys.stderr)
        print(
            f"  set aside as {aside.name}; the training goes on from an earlier state, to the same bits",
            file=sys.stderr,
        )

    def save(self, state: TrainingState) -> None:
        """Replaces what was saved, and keeps it as the one before."""
        if self.file.exists():
            self.file.replace(self.before)
        save_tensors(self.file, {**state})

    def remove(self) -> None:
        """Forgets what was saved."""
        self.file.unlink(missing_ok=True)
        self.before.unlink(missing_ok=True)


def pack_optimiser(optimiser: Optimizer) -> OptimiserState:
    """Returns the state of an optimiser."""
    packed = optimiser.state_dict()
    return {"state": packed["state"], "param_groups": packed["param_groups"]}


def load_optimiser(optimiser: Optimizer, packed: OptimiserState) -> None:
    """Goes back to the state of an optimiser.

    Raises:
        ValueError: it belongs to another one.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    names = [sorted(group) for group in optimiser.param_groups]
    if [sorted(group) for group in packed["param_groups"]] != names or not set(packed["state"]) <= set(
        range(len(parameters))
    ):
        raise ValueError("the optimiser's state belongs to other parameters")
    for index, moments in packed["state"].items():
        own = {name: parameters[index] for name in moments if name != "step"}
        check_tensors(moments, own)
    optimiser.load_state_dict({**packed})


def resume_key(identity: dict[str, Any], files: list[Path]) -> str:
    """Returns the key of a training: 24 hex digits of a hash.

    Args:
        identity: its params, the versions of packages and the device.
        files: what it reads and the code that it runs; the contents count, and whether they are there.
    """
    return hash_json([identity, [hash_tree(file) if file.exists() else None for file in files]])[:24]
