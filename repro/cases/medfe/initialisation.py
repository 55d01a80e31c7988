"""Initial weights: every tensor has a random stream of its own, so that no part shifts another."""

from typing import assert_never

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.partial_convolution import COUNTING_DEVIATION, PartialConvolution
from repro.cases.medfe.model.spectral_norm import FIRST_ITERATIONS, SpectralConvolution
from repro.cases.medfe.params.optimisation import Initialisation
from repro.randomness import derive_seed

NORMAL_DEVIATION = 0.02
"""Source: models/networks.py @9adf889."""

Convolution = nn.Conv2d | nn.ConvTranspose2d | PartialConvolution


def initialise(network: nn.Module, kind: Initialisation, seed: int, purpose: str) -> None:
    """Draws the weights of every convolution anew, in place; norms keep scale 1 and shift 0."""
    for name, module in network.named_modules():
        if not isinstance(module, Convolution):
            continue
        generator = torch.Generator().manual_seed(derive_seed(seed, f"initialisation/{purpose}/{name}"))
        with torch.no_grad():
            _draw(module.weight, module.bias, kind, generator)
            if isinstance(module, PartialConvolution) and module.counting is not None:
                module.counting.normal_(std=COUNTING_DEVIATION, generator=generator)
        if isinstance(module, SpectralConvolution):
            module.iterate(FIRST_ITERATIONS)


def _draw(weight: Tensor, bias: Tensor | None, kind: Initialisation, generator: torch.Generator) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
    match kind:
        case "normal":
            nn.init.normal_(weight, std=NORMAL_DEVIATION, generator=generator)
        case "xavier":
            nn.init.xavier_normal_(weight, generator=generator)
        case "kaiming":
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        case "default":
            nn.init.kaiming_uniform_(weight, a=5**0.5, generator=generator)
            if bias is not None:
                bound = weight[0].numel() ** -0.5
                nn.init.uniform_(bias, -bound, bound, generator=generator)
        case _:
            assert_never(kind)
