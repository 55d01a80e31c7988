"""The perceptual and the style term as the release computes them."""

from typing import NamedTuple

from torch import Tensor, nn

from repro.cases.medfe.losses.vgg import VggLoss


class ReleaseTerms(NamedTuple):
    """Unweighted terms."""

    perceptual: Tensor
    style: Tensor


def release_losses(output: Tensor, target: Tensor, vgg16_features: nn.Sequential) -> ReleaseTerms:
    """Returns the release's VGG terms.

    Args:
        output: (B, 3, H, W) float in [-1, 1], H and W 32 at least.
        target: likewise.
        vgg16_features: torchvision's `vgg16().features`, with whatever weights; it is left as it is.

    Source: models/loss.py @d7d5aaa; input as it is, and relu5_2 by the block of 5_1 applied twice.
    """
    terms = VggLoss(vgg16_features, "raw", "relu1_1_to_5_1", "r22_r33_r43_r52", "reapplied")
    return ReleaseTerms(*terms(output, target))
