"""The adversarial losses: what discriminator and generator minimise, given the logits of real and of filled images.

Logits are (B, 1, h, w) of one discriminator. Source of the relativistic forms: Jolicoeur-Martineau 2019;
RelativisticGAN @2646c0b numbers them 6 to 8. Source of the rest: the options of `loss.adv` in the ledger.
"""

from collections.abc import Callable
from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.cases.medfe.params.loss.adversarial import Adversarial

GRADIENT_PENALTY = 10.0
"""Weight of the gradient penalty. Source: GMCNN @08eb38f."""


def discriminator_loss(kind: Adversarial, real: Tensor, fake: Tensor) -> Tensor:
    """Returns what a discriminator minimises; the penalty of `wgan_gp` comes from `gradient_penalty`."""
    match kind:
        case "ralsgan" | "ragan" | "rahinge":
            return _relativistic(kind, real, fake)
        case "lsgan":
            return ((real - 1).square().mean() + fake.square().mean()) / 2
        case "nsgan":
            return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2
        case "hinge":
            return ((1 - real).relu().mean() + (1 + fake).relu().mean()) / 2
        case "wgan_gp":
            return fake.mean() - real.mean()
        case "none":
            return fake.new_zeros(())
        case _:
            assert_never(kind)


def generator_loss(kind: Adversarial, real: Tensor, fake: Tensor) -> Tensor:
    """Returns what the generator minimises."""
    match kind:
        case "ralsgan" | "ragan" | "rahinge":
            return _relativistic(kind, fake, real)
        case "lsgan":
            return (fake - 1).square().mean()
        case "nsgan":
            return F.softplus(-fake).mean()
        case "hinge" | "wgan_gp":
            return -fake.mean()
        case "none":
            return fake.new_zeros(())
        case _:
            assert_never(kind)


def _relativistic(kind: Adversarial, better: Tensor, worse: Tensor) -> Tensor:
    """Returns the relativistic average loss of the network that wants `better` to score above `worse`."""
    above, below = better - worse.mean(), worse - better.mean()
    match kind:
        case "ralsgan":
            return ((above - 1).square().mean() + (below + 1).square().mean()) / 2
        case "ragan":
            return (F.softplus(-above).mean() + F.softplus(below).mean()) / 2
        case "rahinge":
            return ((1 - above).relu().mean() + (1 + below).relu().mean()) / 2
        case _:
            raise ValueError(f"{kind} is not relativistic")


def gradient_penalty(
    discriminate: Callable[[Tensor], list[Tensor]], real: Tensor, fake: Tensor, mix: Tensor
) -> list[Tensor]:
    """Returns one penalty for each discriminator (Gulrajani et al. 2017).

    Args:
        discriminate: gives each discriminator's logits of images (B, C, H, W).
        real: (B, C, H, W), what the discriminators see of photographs.
        fake: likewise of filled images.
        mix: (B, 1, 1, 1) in [0, 1], each sample's own.
    """
    between = torch.lerp(real, fake, mix).requires_grad_()
    penalties = []
    for scores in discriminate(between):
        (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        norms = gradient.flatten(1).square().sum(1).add(1e-12).sqrt()
        penalties.append(GRADIENT_PENALTY * (norms - 1).square().mean())
    return penalties
