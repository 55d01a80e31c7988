"""Metrics by trained networks, LPIPS and FID: computed where their weights are on disk, else refused with the reason.

Images flow in, numbers or the reason why there are none flow out. Nothing is ever downloaded: an evaluation that hangs
for want of a network, or that differs between two machines for it, would be worse than a gap that says so.
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

    def __str__(self) -> str:
        return f"not computed: {self.reason}"


PairMetric = Callable[[Tensor, Tensor], Tensor]
"""From two batches (B, 3, H, W) float64 in [0, 255] to the distance of each pair (B,) float64."""


def open_lpips(device: torch.device) -> PairMetric | NotComputed:
    """Returns LPIPS with AlexNet, or why there is none."""
    weights = _weights_folder() / LPIPS_WEIGHTS
    if not weights.is_file():
        return NotComputed(f"{LPIPS_WEIGHTS} is not in torch's folder of downloaded weights")
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


def open_fid(images: int, device: torch.device) -> FrechetDistance | NotComputed:
    """Returns an empty FID over InceptionV3's 2048 features, or why there is none.

    Args:
        images: how many different true images there are; holes do not multiply them.
        device: where the network runs.
    """
    weights = _weights_folder() / FID_WEIGHTS
    if images < FID_MIN_IMAGES:
        return NotComputed(f"{images} images; its covariance of 2048 features needs at least {FID_MIN_IMAGES}")
    if find_spec("torch_fidelity") is None:
        return NotComputed("the package torch-fidelity, which holds its network, is not installed")
    if not weights.is_file():
        return NotComputed(f"{FID_WEIGHTS} is not in torch's folder of downloaded weights")
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights)).to(device)


def _weights_folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"
