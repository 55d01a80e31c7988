"""Feature equalisation: channel attention first, then bilateral propagation between positions.

Source: Figure 2; models/PCconv.py @9adf889 as the details say.
"""

import math
from functools import lru_cache
from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model.layers import make_norm, projection
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.bilateral import RangeSimilarity, SpatialWindow

REDUCTION = 16
"""Of squeeze and excitation. Source: models/PCconv.py @9adf889."""

RANGE_WINDOW = 3
"""Positions a side. Source: models/PCconv.py @9adf889; RKlazinga bpa.py @9b64dc3."""

BORDER = RANGE_WINDOW // 2

SPATIAL_RADIUS = 16
"""Of the 33x33 window. Source: RKlazinga bpa.py @9b64dc3."""

LEAST_WEIGHT = 1e-20
"""Beside a sum of 1, less does not show in float64."""

PAIRED_POSITIONS = 64
"""Up to which comparing all pairs of positions is faster: three times so at 64, a tenth slower at 256. Measured on one
CPU core."""

COSINE_SCALE = 10.0
"""Source: CTSDG cfa.py @def0274."""


def make_channel_equalisation(model: ModelParams, channels: int) -> nn.Module:
    """Returns the channel attention of (B, channels, H, W)."""
    match model.channel_equalisation:
        case "squeeze_excitation":
            return SqueezeExcitation(channels)
        case "selective_kernel":
            return SelectiveKernel(model, channels)
        case "none":
            return nn.Identity()
        case _:
            assert_never(model.channel_equalisation)


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what all channels are on average (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.squeeze, self.excite = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        mean = features.mean(dim=(2, 3), keepdim=True)
        return features * self.excite(self.squeeze(mean).relu()).sigmoid()


class SelectiveKernel(nn.Module):
    """Chooses per channel between a 3x3 and a dilated 3x3 convolution (Li et al. 2019). Source: MFCL @1c33b1e."""

    def __init__(self, model: ModelParams, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        groups = math.gcd(channels, hidden)
        self.paths = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False),
                make_norm(model.norm, channels, affine=True),
                nn.ReLU(),
            )
            for dilation in (1, 2)
        )
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.select = nn.ModuleList(nn.Conv2d(hidden, channels, 1) for _ in self.paths)

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        paths = torch.stack([path(features) for path in self.paths])
        hidden = self.squeeze(paths.sum(0).mean(dim=(2, 3), keepdim=True)).relu()
        weights = torch.stack([select(hidden) for select in self.select]).softmax(0)
        return (weights * paths).sum(0)


class BilateralPropagation(nn.Module):
    """Bilateral propagation: each position becomes a mean by spatial distance and one by similarity; the two are fused.

    Source: the paper's abstract; the terms from models/PCconv.py @9adf889.
    Departs: the release sums over all pairs of positions; the Gaussian is separable, so two small matrix products
    give the same numbers.
    """

    def __init__(self, model: ModelParams, channels: int) -> None:
        super().__init__()
        self.sigma, self.window = model.bilateral_sigma, model.spatial_window
        self.similarity, self.layout = model.range_similarity, model.bilateral_layout
        self.fuse = projection(2 * channels, channels, model)

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        terms = (
            spatial_propagation(features, self.sigma, self.window),
            range_propagation(features, self.similarity),
        )
        return self.fuse(torch.cat([self._lay_out(term) for term in terms], dim=1))

    def _lay_out(self, term: Tensor) -> Tensor:
        match self.layout:
            case "transposed":
                return term
            case "reshaped":
                return term.flatten(2).transpose(1, 2).reshape(term.shape)
            case _:
                assert_never(self.layout)


def spatial_propagation(features: Tensor, sigma: float, window: SpatialWindow) -> Tensor:
    """Returns the Gaussian mean of (B, C, H, W) around each position, its weights summing to 1 inside the grid."""
    rows, columns = (
        gaussian_weights(side, sigma, window, features.dtype, features.device) for side in features.shape[-2:]
    )
    return rows @ features @ columns.T


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)  # what an evaluation was the first to ask for may serve a training as well
def gaussian_weights(side: int, sigma: float, window: SpatialWindow, kept: torch.dtype, device: torch.device) -> Tensor:
    """Returns (side, side): the weight that position j has for position i; rows sum to 1."""
    dtype = kept if kept == torch.float64 else torch.float32
    place = torch.arange(side, dtype=dtype, device=device)
    distance = (place[:, None] - place).abs()
    weights = torch.exp(-(distance**2) / (2 * sigma**2))
    # times a small gradient, far weights come out denormal, with which a CPU computes a hundred times more slowly
    weights = weights * (weights >= LEAST_WEIGHT)
    match window:
        case "grid":
            pass
        case "window_33":
            weights = weights * (distance <= SPATIAL_RADIUS)
        case _:
            assert_never(window)
    return (weights / weights.sum(dim=1, keepdim=True)).to(kept)


def range_propagation(features: Tensor, similarity: RangeSimilarity) -> Tensor:
    """Returns the mean of (B, C, H, W) over the 3x3 neighbours of each position, weighed by a softmax of similarity.

    Positions outside the grid have similarity 0 and feature 0; they stay in the softmax, as in the release.
    """
    if features.shape[-2] * features.shape[-1] <= PAIRED_POSITIONS:
        return _propagate_by_pairs(features, similarity)
    return _propagate_by_rows(features, similarity)


def _propagate_by_pairs(features: Tensor, similarity: RangeSimilarity) -> Tensor:
    """The range term of a small grid: all pairs of positions are compared, in few operations.

    One position more stands for all those outside. It counts as often as a position has neighbours there, whose
    logarithm is added to its similarity.
    """
    flat = features.flatten(2)
    match similarity:
        case "sigmoid_product":
            compared = flat.sigmoid()
            pairs = compared.mT @ F.pad(compared, (0, 1)) / flat.shape[1]
        case "cosine":
            compared = F.normalize(flat, dim=1)
            pairs = compared.mT @ F.pad(compared, (0, 1)) * COSINE_SCALE
        case "sigmoid_sum":
            mean = flat.sigmoid().mean(1, keepdim=True)
            pairs = F.pad(mean.mT + mean, (0, 1))
        case _:
            assert_never(similarity)
    weights = (pairs + _neighbourhood(*features.shape[-2:], pairs.dtype, features.device)).softmax(-1)
    return (F.pad(flat, (0, 1)) @ weights.mT).view_as(features)


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)  # what an evaluation was the first to ask for may serve a training as well
def _neighbourhood(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns (H * W, H * W + 1): 0 for neighbours, minus infinity for others; last, log of how many are outside."""
    rows, columns = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
    near = torch.maximum((rows[:, None] - rows).abs(), (columns[:, None] - columns).abs()) <= BORDER
    counts = torch.cat([near, RANGE_WINDOW**2 - near.sum(1, keepdim=True)], dim=1)
    return counts.to(torch.float64).log().to(dtype).to(device)


def _propagate_by_rows(features: Tensor, similarity: RangeSimilarity) -> Tensor:
    """The range term of a large grid, where all pairs would be too much arithmetic: those of neighbouring rows only."""
    weights = find_similarity(features, similarity).softmax(dim=1)
    total = torch.zeros_like(features).transpose(1, 2)
    for row, around in enumerate(_rows_around(features)):
        band = weights.new_zeros(*around.shape[:2], features.shape[-1], around.shape[-1])
        for column in range(RANGE_WINDOW):
            weight = weights[:, row * RANGE_WINDOW + column]
            band = torch.diagonal_scatter(band, weight, column, dim1=-2, dim2=-1)
        total = total + around @ band.mT
    return total.transpose(1, 2)


def find_similarity(features: Tensor, similarity: RangeSimilarity) -> Tensor:
    """Returns (B, 9, H, W): the similarity of each position of (B, C, H, W) to each of its 3x3 neighbours, row by row.

    All pairs of positions of two rows are multiplied in one matrix product, of which three diagonals are kept. That is
    more arithmetic than the nine products of shifted features, and a tenth of their time forward and backward.
    """
    match similarity:
        case "sigmoid_product":
            return _multiply_neighbours(features.sigmoid()) / features.shape[1]
        case "cosine":
            return _multiply_neighbours(F.normalize(features, dim=1)) * COSINE_SCALE
        case "sigmoid_sum":
            mean = features.sigmoid().mean(1, keepdim=True)
            inside, around = (F.unfold(item, RANGE_WINDOW, padding=BORDER) for item in (torch.ones_like(mean), mean))
            return (inside * mean.flatten(2) + around).view(len(mean), -1, *mean.shape[-2:])
        case _:
            assert_never(similarity)


def _multiply_neighbours(compared: Tensor) -> Tensor:
    """Returns (B, 9, H, W): the inner product of each position of (B, C, H, W) with each of its neighbours."""
    own = compared.permute(0, 2, 3, 1)
    pairs = [own @ around for around in _rows_around(compared)]
    return torch.stack([pair.diagonal(shift, -2, -1) for pair in pairs for shift in range(RANGE_WINDOW)], dim=1)


def _rows_around(features: Tensor) -> list[Tensor]:
    """Returns the row above each row of (B, C, H, W), itself and the row below: (B, H, C, W + 2), 0 outside."""
    padded = F.pad(features, (BORDER,) * 4).transpose(1, 2).contiguous()
    return [padded[:, shift : shift + features.shape[-2]] for shift in range(RANGE_WINDOW)]
