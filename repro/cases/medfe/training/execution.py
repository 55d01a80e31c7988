"""How the networks of a training run: their layout in memory, compiled or not, in one process or in several.

What they compute is the same in each way, up to the last bits.
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


class Running(NamedTuple):
    """The networks as the step calls them."""

    fill: Callable[[Tensor, Tensor], GeneratorOutput]
    """The generator; its gradients are those of all processes."""
    judge: Callable[[Tensor, Tensor], Scores]
    """The discriminators, likewise."""
    score: Callable[[Tensor, Tensor], Scores]
    """The discriminators where they are not trained."""
    compare: Callable[[Tensor, Tensor], VggTerms] | None
    """The VGG terms."""
    collect: Callable[[Tensor], Tensor]
    """From this process's scores (B, ...) to those of the whole batch."""


def set_running(
    generator: Generator,
    discriminators: Discriminators,
    vgg: VggLoss | None,
    runtime: RuntimeParams,
    process: Process,
) -> Running:
    """Returns the networks, which lie on their device, as the step calls them.

    Raises:
        UserError: they are to be compiled and there is no compiler.
    """
    if runtime.compile:
        check_compiler()
    fill: nn.Module = generator
    judge: nn.Module = discriminators
    if process.ranks > 1:
        synchronise_norms(generator)
        synchronise_norms(discriminators)
        fill, judge = _share(generator), _share(discriminators)

    def compiled(network: nn.Module) -> Callable[..., Any]:
        return torch.compile(network, dynamic=False) if runtime.compile else network

    score = compiled(discriminators)
    return Running(
        fill=compiled(fill),
        judge=score if judge is discriminators else compiled(judge),
        score=score,
        compare=compiled(vgg) if vgg is not None else None,
        collect=_collect if process.ranks > 1 else _keep,
    )


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Returns the context in which the networks run at a precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def memory_format(runtime: RuntimeParams) -> torch.memory_format:
    """Returns how networks and images lie in memory."""
    return torch.channels_last if runtime.channels_last else torch.preserve_format


def _share(network: nn.Module) -> nn.Module:
    """Returns the network with gradients averaged over the processes, whose weights and buffers stay equal."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return network
    return DistributedDataParallel(network, forward_sync_buffers=False)


def _collect(scores: Tensor) -> Tensor:
    return gather(scores).flatten(0, 1)


def _keep(scores: Tensor) -> Tensor:
    return scores
