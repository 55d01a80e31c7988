"""Multi-scale filling: both branches' features pass streams of partial convolutions on the branch grid.

A filled branch also gives an image, by which the paper supervises it: structure by the structure target, texture by the
photograph. Source: Figure 2; layers from models/PCconv.py @9adf889 as the details say.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.branches import TEXTURE_LEVELS, branch_channels
from repro.cases.medfe.model.layers import activate_output, make_encoder_activation, make_norm, projection
from repro.cases.medfe.model.partial_convolution import Looks, PartialConvolution
from repro.cases.medfe.params.model import ModelParams


class FillingStreams(nn.Module):
    """Streams of partial convolutions, one kernel size each, side by side on the same features."""

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        self.streams = nn.ModuleList(FillingStream(model, kernel) for kernel in model.stream_kernels)

    def forward(self, features: Tensor, valid: Tensor | None, looks: Looks | None = None) -> Tensor:
        """Returns (B, number of streams * branch channels, grid, grid); see `FillingStream.forward`."""
        return torch.cat([stream(features, valid, looks) for stream in self.streams], dim=1)


class FillingStream(nn.Module):
    """Partial convolutions of one kernel size, each with norm and activation. Source: models/PCconv.py @9adf889."""

    def __init__(self, model: ModelParams, kernel: int) -> None:
        super().__init__()
        channels, layers = branch_channels(model), range(model.stream_layers)
        self.convolutions = nn.ModuleList(
            PartialConvolution(
                channels,
                channels,
                kernel,
                padding=kernel // 2,
                bias=False,
                scaling=model.partial_scaling,
                update=model.mask_update,
            )
            for _ in layers
        )
        self.norms = nn.ModuleList(make_norm(model.norm, channels, affine=True) for _ in layers)
        self.activation = make_encoder_activation(model.activation, inplace=True)

    def forward(self, features: Tensor, valid: Tensor | None, looks: Looks | None = None) -> Tensor:
        """Keeps the shape (B, C, grid, grid).

        Args:
            features: (B, C, grid, grid).
            valid: (B, 1, grid, grid) of the same dtype, 1 where known and 0 where not; nothing if all is known.
            looks: of other streams at the same mask.
        """
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features, valid = convolution(features, valid, looks)
            features = self.activation(norm(features))
        return features


class Filled(NamedTuple):
    """One branch after its filling."""

    features: Tensor
    """(B, branch channels, grid, grid)."""
    image: Tensor
    """(B, 3, grid, grid), in [-1, 1] under tanh: what the branch is supervised by."""


class Branch(nn.Module):
    """Brings the concatenated levels to the branch's width, fills them, and shows what they hold."""

    def __init__(
        self, model: ModelParams, enter: nn.Module, fill: nn.Module, leave: nn.Module, show: nn.Module
    ) -> None:
        super().__init__()
        self.enter, self.fill, self.leave, self.show = enter, fill, leave, show
        self.output_activation = model.output_activation

    def forward(self, levels: Tensor, known: Tensor | None, looks: Looks | None = None) -> Filled:
        """Fills (B, C, grid, grid), of which `known` (B, 1, grid, grid) is valid."""
        return self.finish(self.fill(self.enter(levels), known, looks))

    def finish(self, streams: Tensor) -> Filled:
        """Merges the filled streams (B, number of streams * branch channels, grid, grid)."""
        features = self.leave(streams)
        return Filled(features, activate_output(self.show(features), self.output_activation))


class Branches:
    """Builds the texture and the structure branch, sharing the weights that the details share."""

    def __init__(self, model: ModelParams) -> None:
        self.model, self.channels = model, branch_channels(model)
        self.projections: dict[int, nn.Module] = {}
        self.streams = FillingStreams(model)
        self.head = nn.Conv2d(self.channels, 3, 1)

    def pair(self) -> tuple[Branch, Branch]:
        """Returns texture and structure."""
        deep = self.model.depth - TEXTURE_LEVELS
        return self._branch(levels=TEXTURE_LEVELS, own=False), self._branch(levels=deep, own=True)

    def _branch(self, levels: int, *, own: bool) -> Branch:
        separate = own and self.model.branch_weights == "separate"
        show = nn.Conv2d(self.channels, 3, 1) if own and self.model.projection_weights == "separate" else self.head
        return Branch(
            self.model,
            self._project(levels * self.channels),
            FillingStreams(self.model) if separate else self.streams,
            self._project(len(self.model.stream_kernels) * self.channels),
            show,
        )

    def _project(self, in_channels: int) -> nn.Module:
        if self.model.projection_weights == "separate":
            return projection(in_channels, self.channels, self.model)
        return self.projections.setdefault(in_channels, projection(in_channels, self.channels, self.model))


def fill_together(
    model: ModelParams, branches: tuple[Branch, Branch], levels: tuple[Tensor, Tensor], known: Tensor | None
) -> tuple[Filled, Filled]:
    """Fills both branches, in one batch where they share their streams.

    Departs: the release fills one branch after the other. Batch normalisation, which would mix the two branches'
    statistics, still does.

    Args:
        model: the details.
        branches: texture and structure.
        levels: the concatenated levels (B, C, grid, grid) of each.
        known: (B, 1, grid, grid) of the same dtype, 1 where known; nothing if all is known.
    """
    first, second = branches
    if model.branch_weights == "separate" or model.norm == "batch":
        looks: Looks = {}
        return first(levels[0], known, looks), second(levels[1], known, looks)
    entered = torch.cat([first.enter(levels[0]), second.enter(levels[1])])
    streams = first.fill(entered, None if known is None else known.repeat(2, 1, 1, 1))
    here, there = streams.chunk(2)
    return first.finish(here), second.finish(there)
