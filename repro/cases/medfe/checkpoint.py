"""Checkpoints: what training leaves, read without running any code that a file might hold."""

import io
import pickle
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from repro.cases.medfe.model import Generator
from repro.cases.medfe.params.evaluation import CheckpointChoice
from repro.cases.medfe.params.reading import parse_model
from repro.errors import UserError
from repro.storage import written_file

FORMAT = 1


class Checkpoint(NamedTuple):
    """A trained generator and where it comes from."""

    model: dict[str, Any]
    """`ModelParams` as plain values."""
    origin: dict[str, Any]
    """Variant, seed and steps of both sets of weights, or the files that were imported."""
    last: dict[str, Tensor]
    """Weights after the last step."""
    best: dict[str, Tensor]
    """Weights with the best validation PSNR."""


def save_checkpoint(file: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically; the same content gives the same bytes."""
    save_tensors(file, {"format": FORMAT, **checkpoint._asdict()})


def load_checkpoint(file: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        UserError: the file is missing, broken, or not one of ours.
    """
    content = load_tensors(file)
    known = isinstance(content, dict) and type(content.get("format")) is int and content["format"] == FORMAT
    if not known or not all(isinstance(content.get(name), dict) for name in Checkpoint._fields):
        raise UserError(f"{file} is no checkpoint of this project (format {FORMAT})")
    return Checkpoint(*(content[name] for name in Checkpoint._fields))


def load_generator(file: Path, which: CheckpointChoice) -> Generator:
    """Returns the generator of a checkpoint on the CPU, in evaluation mode.

    Raises:
        UserError: see `load_checkpoint`; or the weights do not fit the parameters beside them.
    """
    checkpoint = load_checkpoint(file)
    generator = Generator(parse_model(checkpoint.model, str(file)))
    weights = checkpoint.best if which == "best" else checkpoint.last
    try:
        generator.load_state_dict({str(name): torch.as_tensor(value) for name, value in weights.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file}: the weights do not fit the model parameters beside them ({first})") from None
    return generator.eval()


def save_tensors(file: Path, content: dict[str, Any]) -> None:
    """Writes tensors and plain values atomically; the same content gives the same bytes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with written_file(file) as partial:
        partial.write_bytes(buffer.getbuffer())


def load_tensors(file: Path) -> Any:
    """Reads tensors and plain values; a file that holds anything else is refused, and none of its code runs.

    Raises:
        UserError: the file is missing, broken, or holds something other than tensors and plain values.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickles by other programs; our message says more
            return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{file} is missing; expected a checkpoint") from None
    except pickle.UnpicklingError:
        raise UserError(f"{file} holds something other than tensors, or is broken; it was not run") from None
    except Exception as error:  # torch's readers raise almost anything on broken bytes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} is broken or no checkpoint ({reason})") from None
