"""Spectral normalisation against torch's own parametrisation: values, gradients, and what a pass leaves behind."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from repro.cases.medfe.model.spectral_norm import SpectralConvolution

pytestmark = pytest.mark.numerical


def pair() -> tuple[SpectralConvolution, nn.Conv2d]:
    """Returns ours and torch's, made from the same random stream."""
    torch.manual_seed(0)
    ours = SpectralConvolution(3, 5, 4, stride=2, padding=1)
    torch.manual_seed(0)
    torchs = spectral_norm(nn.Conv2d(3, 5, 4, stride=2, padding=1))
    return ours, torchs


def test_both_begin_with_the_same_bits() -> None:
    ours, torchs = pair()
    own = torchs.parametrizations.weight
    assert torch.equal(ours.weight, own.original)
    assert torch.equal(ours.left, own[0]._u)
    assert torch.equal(ours.right, own[0]._v)


@pytest.mark.parametrize("training", [True, False])
def test_passes_and_gradients_are_torchs(training: bool) -> None:
    ours, torchs = (network.double().train(training) for network in pair())
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    # two passes before the gradients of either: the second must not disturb what the first one kept
    losses = [sum(network(images * factor).square().sum() for factor in (1, 2)) for network in (ours, torchs)]
    for loss in losses:
        loss.backward()
    own = torchs.parametrizations.weight
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.weight.grad, own.original.grad, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.left, own[0]._u, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.right, own[0]._v, rtol=1e-12, atol=1e-12)


def test_the_largest_singular_value_becomes_one() -> None:
    ours, _ = pair()
    ours.iterate(200)
    assert torch.linalg.matrix_norm(ours.normalised().flatten(1), ord=2).item() == pytest.approx(1, rel=1e-5)
