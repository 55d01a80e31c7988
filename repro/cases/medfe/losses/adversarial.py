"""The adversarial losses: what discriminator and generator minimise, given the logits of real and of filled images.

Logits are (B, 1, h, w) of one discriminator. Source of the relativistic forms: Jolicoeur-Martineau 2019;
RelativisticGAN @2646c0b numbers them 6 to 8. Source of the rest: the options of `loss.adv` in the ledger.
"""

from collections.abc import Callable
from typing import NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.cases.medfe.params.loss.adversarial import Adversarial

GRADIENT_PENALTY = 10.0
"""Weight of the gradient penalty. Source: GMCNN @08eb38f."""


class Game(NamedTuple):
    """What each network minimises, as functions of the logits of real and of filled images."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]


def discriminator_loss(kind: Adversarial, real: Tensor, fake: Tensor) -> Tensor:
    """Returns what a discriminator minimises; the penalty of `wgan_gp` comes from `gradient_penalty`."""
    return find_game(kind).discriminator(real, fake)


def generator_loss(kind: Adversarial, real: Tensor, fake: Tensor) -> Tensor:
    """Returns what the generator minimises."""
    return find_game(kind).generator(real, fake)


def find_game(kind: Adversarial) -> Game:
    """Returns the game of an option; each stands here and nowhere else."""
    match kind:
        case "ralsgan":
            return _relativistic(lambda above: (above - 1).square(), lambda below: (below + 1).square())
        case "ragan":
            return _relativistic(lambda above: F.softplus(-above), F.softplus)
        case "rahinge":
            return _relativistic(lambda above: (1 - above).relu(), lambda below: (1 + below).relu())
        case "lsgan":
            return Game(
                lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
                lambda _, fake: (fake - 1).square().mean(),
            )
        case "nsgan":
            return Game(
                lambda real, fake: (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2,
                lambda _, fake: F.softplus(-fake).mean(),
            )
        case "hinge":
            return Game(
                lambda real, fake: ((1 - real).relu().mean() + (1 + fake).relu().mean()) / 2,
                lambda _, fake: -fake.mean(),
            )
        case "wgan_gp":
            return Game(lambda real, fake: fake.mean() - real.mean(), lambda _, fake: -fake.mean())
        case "none":
            return Game(lambda _, fake: fake.new_zeros(()), lambda _, fake: fake.new_zeros(()))
        case _:
            assert_never(kind)


def _relativistic(above: Callable[[Tensor], Tensor], below: Callable[[Tensor], Tensor]) -> Game:
    """Returns the relativistic average game, in which both networks compare with the mean of the other images.

    Args:
        above: the loss of how far the images that shall score higher are above the mean of the others.
        below: the loss of how far the others are below the mean of the former.
    """

    def of_network(better: Tensor, worse: Tensor) -> Tensor:
        return (above(better - worse.mean()).mean() + below(worse - better.mean()).mean()) / 2

    return Game(of_network, lambda real, fake: of_network(fake, real))


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
