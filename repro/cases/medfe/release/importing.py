"""From the authors' files to our generator and back; every name and shape is checked, and nothing in a file is run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from repro import paths
from repro.audit.ledger.readings import load_reading
from repro.audit.ledger.values import override_values
from repro.cases.medfe.checkpoint import Checkpoint, load_tensors, save_checkpoint, save_tensors
from repro.cases.medfe.model import Generator
from repro.cases.medfe.params.reading import parse_model
from repro.cases.medfe.release.names import NETWORKS, Network, is_counting, our_names, release_shapes
from repro.errors import UserError

RELEASE_WIDTH = 64
MAX_NAMED = 5
WRAPPER = "module."
SAVED_WHOLE = "from a module that was saved whole: torch.save(torch.load(OLD, weights_only=False).state_dict(), NEW)"
SAVED_WHOLE += ", in their code, if you trust the file"


def load_release(en: Path, de: Path, medfe: Path, overrides: Mapping[str, Any] | None = None) -> Generator:
    """Returns our generator with the authors' weights, in evaluation mode.

    Args:
        en: their encoder's checkpoint, EN.pkl.
        de: their decoder's, DE.pkl.
        medfe: what stands between, MEDEF.pkl.
        overrides: options that differ from the `release` reading, e.g. {"model.mask_to_branch": "nearest"}.

    Raises:
        UserError: a file is missing, broken, holds something other than tensors, or other tensors than theirs; or an
            option is unknown or needs other tensors.
    """
    theirs = read_release({"EN": Path(en), "DE": Path(de), "MEDFE": Path(medfe)})
    counted = all(bool((tensor == 1).all()) for name, tensor in theirs["MEDFE"].items() if is_counting(name))
    scaling = "one_over_sum" if counted else "counting_kernels"
    foreign = [key for key in overrides or {} if not key.startswith("model.")]
    if foreign:
        raise UserError(
            f"overrides: {', '.join(foreign)} is not a detail of the model; expected e.g. model.mask_to_branch"
        )
    values = load_reading(paths.ABLATIONS, "release")
    override_values(values, {"model.partial_scaling": scaling, "model.base_width": RELEASE_WIDTH, **(overrides or {})})
    model = parse_model(values["model"], "overrides")
    generator = Generator(model)
    expected = generator.state_dict()
    ours = {name: tensor for network in NETWORKS for name, tensor in _renamed(network, theirs[network])}
    kept = {name: tensor for name, tensor in ours.items() if name in expected or not name.endswith(".counting")}
    try:
        generator.load_state_dict(kept)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the overrides need other tensors than the release holds: {reason}") from None
    return generator.eval()


def import_release(en: Path, de: Path, medfe: Path, output: Path) -> None:
    """Writes a checkpoint of ours, which `evaluate` and `inpaint` take, from the authors' files.

    Raises:
        UserError: see `load_release`.
    """
    generator = load_release(en, de, medfe)
    weights = generator.state_dict()
    origin = {"imported": [Path(file).name for file in (en, de, medfe)]}
    save_checkpoint(output, Checkpoint(generator.model.model_dump(mode="json"), origin, weights, weights))


def export_release(generator: Generator, folder: Path) -> None:
    """Writes EN.pkl, DE.pkl and MEDEF.pkl in the authors' layout.

    Raises:
        UserError: the generator has not the release's tensors.
    """
    ours = generator.state_dict()
    files: dict[str, dict[str, Tensor]] = {}
    for network, file in zip(NETWORKS, ("EN.pkl", "DE.pkl", "MEDEF.pkl"), strict=True):
        shapes, names = release_shapes(network), our_names(network)
        files[file] = {}
        for theirs, shape in shapes.items():
            found = [ours[name] for name in names[theirs] if name in ours]
            if not found and is_counting(theirs):
                found = [torch.ones(shape)]
            same = all(torch.equal(found[0], other) for other in found[1:])
            if not found or found[0].shape != shape or not same:
                raise UserError(f"the generator has no tensor for the release's {network}.{theirs} {list(shape)}")
            files[file][theirs] = found[0].cpu().clone()
    for file, tensors in files.items():
        save_tensors(folder / file, tensors)


def read_release(files: Mapping[Network, Path]) -> dict[Network, dict[str, Tensor]]:
    """Returns the tensors of their files, checked by name and shape.

    Raises:
        UserError: what is missing, extra or of another shape, by name.
    """
    return {network: _checked(network, file) for network, file in files.items()}


def _checked(network: Network, file: Path) -> dict[str, Tensor]:
    shapes = release_shapes(network)
    try:
        found = [_without_wrapper(tensors) for tensors in _tensor_dicts(load_tensors(file))]
    except UserError as error:
        raise UserError(f"{error}\n  {SAVED_WHOLE}" if "other than tensors" in str(error) else str(error)) from None
    if not found:
        raise UserError(f"{file}: expected the release's {network} checkpoint, tensors by name\n  {SAVED_WHOLE}")
    content = max(found, key=lambda tensors: len(tensors.keys() & shapes.keys()))
    problems = {
        "missing": [name for name in shapes if name not in content],
        "extra": [str(name) for name in content if name not in shapes],
        "of another shape": [
            f"{name} {list(content[name].shape)} instead of {list(shape)}"
            for name, shape in shapes.items()
            if name in content and content[name].shape != shape
        ],
    }
    told = [f"{len(names)} {what} ({_some(names)})" for what, names in problems.items() if names]
    if told:
        raise UserError(f"{file} is not the release's {network} checkpoint: tensors {'; '.join(told)}")
    return content


def _tensor_dicts(content: Any, depth: int = 2) -> Iterator[dict[str, Tensor]]:
    """Yields every dict of tensors by name, also inside others: a training saves weights beside its optimiser."""
    if isinstance(content, dict):
        if content and all(isinstance(name, str) and isinstance(item, Tensor) for name, item in content.items()):
            yield dict(content)
        elif depth:
            for item in content.values():
                yield from _tensor_dicts(item, depth - 1)


def _without_wrapper(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns tensors by their own names; `torch.nn.DataParallel` puts `module.` before each."""
    if all(name.startswith(WRAPPER) for name in tensors):
        return {name.removeprefix(WRAPPER): item for name, item in tensors.items()}
    return tensors


def _some(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")


def _renamed(network: Network, tensors: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    names = our_names(network)
    return [(ours, tensor) for theirs, tensor in tensors.items() for ours in names[theirs]]
