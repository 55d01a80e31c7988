"""Checkpoints: what training leaves, read without running any code that a file might hold.

torch writes a checksum of each tensor and does not read it; here it is read, so that bytes which the disk has changed
are found before they become numbers.
"""

import io
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

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
        load_weights(generator, weights)
    except ValueError as error:
        raise UserError(f"{file}: the weights do not fit the model parameters beside them ({error})") from None
    return generator.eval()


def load_weights(network: nn.Module, weights: Any) -> None:
    """Loads weights into a network; names, shapes and kinds of numbers must be its own.

    Raises:
        ValueError: they are not; the text says which in one line. The network may then hold some of them.
    """
    if not isinstance(weights, dict):
        raise ValueError(f"expected tensors by name, got {type(weights).__name__}")
    check_weights(weights, network.state_dict())
    network.load_state_dict(weights)


def check_weights(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Checks that there are the tensors of a network and no others, of its shapes and kinds of numbers.

    Raises:
        ValueError: they are not; the text says which in one line.
    """
    check_tensors(found, expected)
    if found.keys() != expected.keys():
        raise ValueError(f"{min(found.keys() ^ expected.keys(), key=str)} is missing or not one of the network's")


def check_tensors(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Checks that tensors of the same name have the same shape and kind of numbers.

    Raises:
        ValueError: they have not; the text says which in one line.
    """
    for name in found.keys() & expected.keys():
        forms = [f"{list(each.shape)} {each.dtype}" for each in (found[name], expected[name]) if torch.is_tensor(each)]
        if len(forms) != 2 or forms[0] != forms[1]:
            raise ValueError(f"{name} is {forms[0] if len(forms) == 2 else 'no tensor'}, expected {forms[-1]}")


def save_tensors(file: Path, content: dict[str, Any]) -> None:
    """Writes tensors and plain values atomically; the same content gives the same bytes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with written_file(file) as partial:
        partial.write_bytes(buffer.getbuffer())


def load_tensors(file: Path) -> Any:
    """Reads tensors and plain values; a file that holds anything else is refused, and none of its code runs.

    Raises:
        UserError: the file is missing, damaged, or holds something other than tensors and plain values.
    """
    try:
        damaged = _find_damage(file)
        if damaged:
            raise UserError(f"{file} is damaged ({damaged} does not have the checksum that was written with it)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickles by other programs; our message says more
            return torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{file} is missing; expected a checkpoint") from None
    except pickle.UnpicklingError:
        raise UserError(f"{file} holds something other than tensors, or is broken; it was not run") from None
    except Exception as error:  # torch's readers raise almost anything on broken bytes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} is broken or no checkpoint ({reason})") from None


def _find_damage(file: Path) -> str | None:
    """Returns the first record of torch's archive that is not as it was written; older formats have no checksums."""
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        return archive.testzip()
