"""The generator of Figure 2: encode, fill structure and texture on one grid, equalise, add to the skips, decode."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.branches import (
    TEXTURE_LEVELS,
    StructureLevels,
    TextureLevels,
    branch_channels,
    downsample_mask,
)
from repro.cases.medfe.model.decoder import Decoder
from repro.cases.medfe.model.encoder import Encoder
from repro.cases.medfe.model.equalisation import BilateralPropagation, make_channel_equalisation
from repro.cases.medfe.model.filling import Branches, fill_together
from repro.cases.medfe.model.layers import projection
from repro.cases.medfe.model.skips import SkipAdditions
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.rescaling import HoleFill

HOLE_COLOURS: dict[HoleFill, tuple[float, float, float]] = {
    "mean_colour": (123, 104, 117),
    "black": (0, 0, 0),
    "mid_grey": (127.5, 127.5, 127.5),
    "imagenet_mean": (123.675, 116.28, 103.53),
}
"""In [0, 255]. Source: the options of `model.hole_fill` in the ledger."""


class GeneratorOutput(NamedTuple):
    """What the generator computes."""

    image: Tensor
    """(B, 3, H, W), in [-1, 1] under tanh."""
    structure: Tensor
    """(B, 3, H / 8, W / 8): the structure branch seen as an image, for its supervision."""
    texture: Tensor
    """(B, 3, H / 8, W / 8): likewise of the texture branch."""


class Generator(nn.Module):
    """Fills the hole of an image.

    Source: Figure 2 of the paper; each box says in its own module what it takes from the release.
    """

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        channels = branch_channels(model)
        self.model = model
        self.encoder = Encoder(model)
        self.texture_levels, self.structure_levels = TextureLevels(model), StructureLevels(model)
        self.texture, self.structure = Branches(model).pair()
        self.fuse = projection(2 * channels, 2 * channels, model)
        self.equalise_channels = make_channel_equalisation(model, 2 * channels)
        self.propagate: nn.Module = nn.Identity()
        if model.bilateral == "propagation":
            self.propagate = BilateralPropagation(model, 2 * channels)
        self.add_to_skips = SkipAdditions(model, 2 * channels)
        self.decoder = Decoder(model)

    def forward(self, image: Tensor, hole: Tensor) -> GeneratorOutput:
        """Fills the hole.

        Args:
            image: (B, 3, H, W) float in [-1, 1]; what it holds in the hole is not looked at. H and W are multiples
                of 2 ** depth, 64 at least.
            hole: (B, 1, H, W) bool, True in the hole.
        """
        filled = fill_hole(image, hole, self.model.hole_fill)
        missing = hole.to(image.dtype)
        levels, innermost = self.encoder(filled, missing)
        deep = levels if self.model.structure_tap == "before_residual" else [*levels[:-1], innermost]
        grid = levels[2].shape[-2:]
        # an empty mask is told from the params, never from its values: looking at them would halt a GPU
        rescale = self.model.mask_to_branch
        known = None if rescale == "empty" else 1 - downsample_mask(missing, grid, rescale)
        branch_levels = self.texture_levels(levels), self.structure_levels(deep[TEXTURE_LEVELS:], grid)
        texture, structure = fill_together(self.model, (self.texture, self.structure), branch_levels, known)
        fused = self.fuse(torch.cat([structure.features, texture.features], dim=1))
        equalised = self.propagate(self.equalise_channels(fused))
        skips = self.add_to_skips([*levels[:-1], innermost], equalised, missing)
        return GeneratorOutput(self.decoder(skips), structure.image, texture.image)


def fill_hole(image: Tensor, hole: Tensor, fill: HoleFill) -> Tensor:
    """Returns the image (B, 3, H, W) in [-1, 1] with one colour in its hole (B, 1, H, W) bool."""
    return torch.where(hole, _colour(fill, image.dtype, image.device), image)


def composite(image: Tensor, hole: Tensor, output: Tensor) -> Tensor:
    """Returns the known pixels of `image` around the hole's pixels of `output`, all (B, 3, H, W)."""
    return torch.where(hole, output, image)


@lru_cache(maxsize=64)
def _colour(fill: HoleFill, dtype: torch.dtype, device: torch.device) -> Tensor:
    values = [2 * value / 255 - 1 for value in HOLE_COLOURS[fill]]
    return torch.tensor(values, dtype=dtype, device=device).view(1, 3, 1, 1)
