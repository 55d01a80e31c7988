"""Fetching of the data sets that their publishers let anybody fetch, through torchvision and with its checksums.

Only called where something is missing; says first what it will do, because these are tens of gigabytes. torchvision
is imported here and nowhere else in the data rooms, because it loads torch.
"""

import sys
from pathlib import Path


def download_places365(root: Path) -> None:
    """Fetches the lists and the 256-pixel images of Places365 (24 GB train, 0.5 GB validation) into a folder."""
    _announce("Places365", root)
    from torchvision.datasets import Places365

    for split in ("val", "train-standard"):
        Places365(root, split=split, small=True, download=True)


def download_celeba(root: Path) -> None:
    """Fetches CelebA (1.4 GB) into the folder `celeba` of a folder; needs the package gdown."""
    _announce("CelebA", root)
    from torchvision.datasets import CelebA

    CelebA(root, split="all", download=True)


def _announce(name: str, root: Path) -> None:
    print(f"{name} is not complete under {root}; trying to download it", file=sys.stderr)
    root.mkdir(parents=True, exist_ok=True)
