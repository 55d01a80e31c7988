"""The adversarial losses against torch's own criteria and written-out relativistic forms."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F

from repro.cases.medfe.losses.adversarial import GRADIENT_PENALTY, discriminator_loss, generator_loss, gradient_penalty
from repro.cases.medfe.params.loss.adversarial import Adversarial

pytestmark = pytest.mark.numerical

REAL = torch.tensor([1.5, -0.3, 0.2, 2.0]).view(4, 1, 1, 1)
FAKE = torch.tensor([-1.0, 0.4, 0.1, -0.7]).view(4, 1, 1, 1)


def bce(logits: torch.Tensor, label: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def mse(logits: torch.Tensor, label: float) -> torch.Tensor:
    return F.mse_loss(logits, torch.full_like(logits, label))


REAL_ABOVE, FAKE_BELOW = REAL - FAKE.mean(), FAKE - REAL.mean()
EXPECTED = {
    "ralsgan": ((mse(REAL_ABOVE, 1) + mse(FAKE_BELOW, -1)) / 2, (mse(FAKE_BELOW, 1) + mse(REAL_ABOVE, -1)) / 2),
    "ragan": ((bce(REAL_ABOVE, 1) + bce(FAKE_BELOW, 0)) / 2, (bce(FAKE_BELOW, 1) + bce(REAL_ABOVE, 0)) / 2),
    "rahinge": (
        (F.relu(1 - REAL_ABOVE).mean() + F.relu(1 + FAKE_BELOW).mean()) / 2,
        (F.relu(1 - FAKE_BELOW).mean() + F.relu(1 + REAL_ABOVE).mean()) / 2,
    ),
    "lsgan": ((mse(REAL, 1) + mse(FAKE, 0)) / 2, mse(FAKE, 1)),
    "nsgan": ((bce(REAL, 1) + bce(FAKE, 0)) / 2, bce(FAKE, 1)),
    "hinge": ((F.relu(1 - REAL).mean() + F.relu(1 + FAKE).mean()) / 2, -FAKE.mean()),
    "wgan_gp": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "none": (torch.tensor(0.0), torch.tensor(0.0)),
}


@pytest.mark.parametrize("kind", get_args(Adversarial))
def test_the_two_networks_of_every_option_want_opposite_scores(kind: Adversarial) -> None:
    """Where fills score higher than photographs, the discriminator turns that round, and the generator goes on."""
    real, fake = torch.zeros(4, 1, 1, 1, requires_grad=True), torch.full((4, 1, 1, 1), 0.5, requires_grad=True)
    wanted = 0 if kind == "none" else 1
    for_real, for_fake = _gradients(discriminator_loss(kind, real, fake), real, fake)
    assert (-for_real.sum().sign(), for_fake.sum().sign()) == (wanted, wanted)
    _, for_fake = _gradients(generator_loss(kind, real, fake), real, fake)
    assert -for_fake.sum().sign() == wanted


def _gradients(loss: torch.Tensor, *logits: torch.Tensor) -> list[torch.Tensor]:
    assert loss.shape == ()
    assert loss.isfinite()
    if not loss.requires_grad:
        return [torch.zeros_like(item) for item in logits]
    return list(torch.autograd.grad(loss, logits, allow_unused=True, materialize_grads=True))


@pytest.mark.parametrize("kind", EXPECTED)
def test_discriminator_and_generator(kind: Adversarial) -> None:
    torch.testing.assert_close(discriminator_loss(kind, REAL, FAKE), EXPECTED[kind][0])
    torch.testing.assert_close(generator_loss(kind, REAL, FAKE), EXPECTED[kind][1])


def test_the_penalty_of_a_linear_judge_is_that_of_its_slope() -> None:
    slope = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    real, fake = torch.randn(5, 2, 1, 1), torch.randn(5, 2, 1, 1)
    (penalty,) = gradient_penalty(lambda images: [(images * slope).sum(1)], real, fake, torch.rand(5, 1, 1, 1))
    torch.testing.assert_close(penalty, torch.tensor(GRADIENT_PENALTY * (5.0 - 1) ** 2))
