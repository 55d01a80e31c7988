"""How the networks of a training are executed: layout in memory, precision, compiled or not, one process or several.

None of these is a detail of the paper: results agree up to the rounding of the chosen precision.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from repro.cases.medfe.devices import check_compiler
from repro.cases.medfe.losses.vgg import VggLoss, VggTerms
from repro.cases.medfe.model import Discriminators, Generator, GeneratorOutput
from repro.cases.medfe.model.discriminator import Scores
from repro.cases.medfe.params.runtime import RuntimeParams
from repro.cases.medfe.training.distributed import gather, synchronise_norms
from repro.processes import Process


class Networks(NamedTuple):
    """The networks as the step calls them: compiled and distributed as `runtime` says."""

    generator: Callable[[Tensor, Tensor], GeneratorOutput]
    """Its gradients are averaged over all processes."""
    discriminators: Callable[[Tensor, Tensor], Scores]
    """Likewise."""
    frozen_discriminators: Callable[[Tensor, Tensor], Scores]
    """The same weights, for the generator's step, in which they get no gradient."""
    vgg: Callable[[Tensor, Tensor], VggTerms] | None
    """The VGG terms; nothing where both have weight zero."""
    gather_scores: Callable[[Tensor], Tensor]
    """From this process's scores (B, ...) to those of the whole batch, which a relativistic loss averages."""


def prepare_networks(
    generator: Generator,
    discriminators: Discriminators,
    vgg: VggLoss | None,
    runtime: RuntimeParams,
    process: Process,
) -> Networks:
    """Returns the networks, which are on their device already, as the step calls them.

    Raises:
        UserError: they are to be compiled and there is no compiler.
    """
    if runtime.compile:
        check_compiler()
    trained_generator: nn.Module = generator
    trained_discriminators: nn.Module = discriminators
    if process.ranks > 1:
        synchronise_norms(generator)
        synchronise_norms(discriminators)
        trained_generator, trained_discriminators = _distribute(generator), _distribute(discriminators)

    def compiled(network: nn.Module) -> Callable[..., Any]:
        return torch.compile(network, dynamic=False) if runtime.compile else network

    frozen = compiled(discriminators)
    return Networks(
        generator=compiled(trained_generator),
        discriminators=frozen if trained_discriminators is discriminators else compiled(trained_discriminators),
        frozen_discriminators=frozen,
        vgg=compiled(vgg) if vgg is not None else None,
        gather_scores=_gather_scores if process.ranks > 1 else _identity,
    )


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Returns the context in which the networks run at a precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def memory_format(runtime: RuntimeParams) -> torch.memory_format:
    """Returns how networks and images lie in memory."""
    return torch.channels_last if runtime.channels_last else torch.preserve_format


def _distribute(network: nn.Module) -> nn.Module:
    """Returns the network with gradients averaged over the processes, whose weights and buffers stay equal."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return network
    return DistributedDataParallel(network, forward_sync_buffers=False)


def _gather_scores(scores: Tensor) -> Tensor:
    return gather(scores).flatten(0, 1)


def _identity(scores: Tensor) -> Tensor:
    return scores
