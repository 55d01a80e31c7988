"""Metrics by trained networks, LPIPS and FID: computed where their weights are on disk, else refused with the reason.

Nothing is ever downloaded: an evaluation that hangs for want of a network, or that differs between two machines for
it, would be worse than a gap that says so.
"""

import typing
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

LPIPS_WEIGHTS: Final = "alexnet-owt-7be5be79.pth"
"""Torchvision's AlexNet, the network that the LPIPS authors advise for evaluation; torchmetrics holds the rest."""

FID_WEIGHTS: Final = "weights-inception-2015-12-05-6726825d.pth"
"""InceptionV3 of Heusel et al. as torch-fidelity ships it."""

FID_MIN_IMAGES: Final = 2048
"""As many images as features, else their covariance has no full rank. Source: pytorch-fid README @b9c1811."""


class NotComputed(NamedTuple):
    """Stands for a number that there is not, and says why."""

    reason: str


PairDistance = Callable[[Tensor, Tensor], Tensor]
"""From two batches (B, 3, H, W) float64 in [0, 255] to the distance of each pair (B,) float64."""


def measure_pairs(network: PairDistance | NotComputed, image: Tensor, truth: Tensor) -> Tensor | float:
    """Returns the distance of each pair (B,) of images (B, 3, S, S) in [0, 255]; NaN where it is not computed."""
    return torch.nan if isinstance(network, NotComputed) else network(image, truth)


def lpips_obstacle() -> str:
    """Returns why LPIPS cannot be computed on this machine; empty if it can."""
    return _missing_weights(LPIPS_WEIGHTS)


def open_lpips(device: torch.device) -> PairDistance | NotComputed:
    """Returns LPIPS with AlexNet, or why there is none."""
    if obstacle := lpips_obstacle():
        return NotComputed(obstacle)
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    network = LearnedPerceptualImagePatchSimilarity(net_type="alex").net.to(device)
    return _Lpips(network)


class _Lpips:
    """LPIPS of images on the scale of bytes; the network itself takes [-1, 1]."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        distance: Tensor = self._network(first.float() / 127.5 - 1, second.float() / 127.5 - 1)
        return distance.reshape(len(first)).double()


class FrechetDistance(typing.Protocol):
    """The part of torchmetrics' FID that is used."""

    def update(self, imgs: Tensor, real: bool) -> None:
        """Takes in a batch (B, 3, H, W) uint8."""

    def compute(self) -> Tensor:
        """Returns the distance of what was taken in."""


def fid_obstacle() -> str:
    """Returns why FID cannot be computed on this machine, whatever the number of images; empty if it can."""
    if find_spec("torch_fidelity") is None:
        return "the package torch-fidelity, which holds its network, is not installed"
    return _missing_weights(FID_WEIGHTS)


def open_fid(images: int, device: torch.device) -> FrechetDistance | NotComputed:
    """Returns an empty FID over InceptionV3's 2048 features, or why there is none.

    Args:
        images: how many different true images there are; holes do not multiply them.
        device: where the network runs.
    """
    if images < FID_MIN_IMAGES:
        return NotComputed(f"{images} images; its covariance of 2048 features needs at least {FID_MIN_IMAGES}")
    if obstacle := fid_obstacle():
        return NotComputed(obstacle)
    from torchmetrics.image.fid import FrechetInceptionDistance

    weights = _weights_folder() / FID_WEIGHTS
    return FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights)).to(device)


def _missing_weights(name: str) -> str:
    return "" if (_weights_folder() / name).is_file() else f"{name} is not in torch's folder of downloaded weights"


def _weights_folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"
