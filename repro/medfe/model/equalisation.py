"""Feature equalisation: channels are reweighed first, then features propagate between positions."""

from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.medfe.model.layers import make_norm, projection
from repro.medfe.params.model import ModelParams
from repro.medfe.params.model.bilateral import RangeSimilarity, SpatialWindow

REDUCTION = 16
"""Of squeeze and excitation. Source: models/PCconv.py @9adf889."""

RANGE_WINDOW = 3
"""Positions a side. Source: models/PCconv.py @9adf889; RKlazinga bpa.py @9b64dc3."""

SPATIAL_RADIUS = 16
"""Of the 33x33 window. Source: RKlazinga bpa.py @9b64dc3."""

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
        self.paths = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=hidden, bias=False),
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
    """Each position becomes a mean of its surroundings, by distance and by likeness; the two are fused.

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
            propagate_by_distance(features, self.sigma, self.window),
            propagate_by_likeness(features, self.similarity),
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


def propagate_by_distance(features: Tensor, sigma: float, window: SpatialWindow) -> Tensor:
    """Returns the Gaussian mean of (B, C, H, W) around each position, its weights summing to 1 inside the grid."""
    rows, columns = (gaussian_weights(side, sigma, window, features) for side in features.shape[-2:])
    return rows @ features @ columns.T


def gaussian_weights(side: int, sigma: float, window: SpatialWindow, like: Tensor) -> Tensor:
    """Returns (side, side): the weight that position j has for position i; rows sum to 1."""
    dtype = like.dtype if like.dtype == torch.float64 else torch.float32
    place = torch.arange(side, dtype=dtype, device=like.device)
    distance = (place[:, None] - place).abs()
    weights = torch.exp(-(distance**2) / (2 * sigma**2))
    # far weights come out denormal, with which a CPU computes a hundred times more slowly
    weights = weights * (weights >= torch.finfo(torch.float32).tiny)
    match window:
        case "grid":
            pass
        case "window_33":
            weights = weights * (distance <= SPATIAL_RADIUS)
        case _:
            assert_never(window)
    return (weights / weights.sum(dim=1, keepdim=True)).to(like.dtype)


def propagate_by_likeness(features: Tensor, similarity: RangeSimilarity) -> Tensor:
    """Returns the mean of (B, C, H, W) over the 3x3 neighbours of each position, weighed by a softmax of likeness.

    Positions outside the grid have likeness 0 and feature 0; they stay in the softmax, as in the release.
    """
    compared, scale = _compared(features, similarity)
    height, width = features.shape[-2:]
    shifts = [(row, column) for row in range(RANGE_WINDOW) for column in range(RANGE_WINDOW)]
    border = RANGE_WINDOW // 2
    padded, around = (F.pad(item, (border,) * 4) for item in (compared, features))
    inside = F.pad(features.new_ones(1, 1, height, width), (border,) * 4)

    def neighbour(item: Tensor, shift: tuple[int, int]) -> Tensor:
        return item[..., shift[0] : shift[0] + height, shift[1] : shift[1] + width]

    likeness = []
    for shift in shifts:
        match similarity:
            case "sigmoid_product" | "cosine":
                likeness.append((compared * neighbour(padded, shift)).mean(1, keepdim=True) * scale)
            case "sigmoid_sum":
                total = (compared + neighbour(padded, shift)).mean(1, keepdim=True)
                likeness.append(total * neighbour(inside, shift))
            case _:
                assert_never(similarity)
    weights = torch.cat(likeness, dim=1).softmax(dim=1)
    result = torch.zeros_like(features)
    for index, shift in enumerate(shifts):
        result = result + weights[:, index : index + 1] * neighbour(around, shift)
    return result


def _compared(features: Tensor, similarity: RangeSimilarity) -> tuple[Tensor, float]:
    """Returns what is compared between positions, and the factor of the mean over its channels."""
    match similarity:
        case "sigmoid_product" | "sigmoid_sum":
            return features.sigmoid(), 1.0
        case "cosine":
            return F.normalize(features, dim=1), COSINE_SCALE * features.shape[1]
        case _:
            assert_never(similarity)
