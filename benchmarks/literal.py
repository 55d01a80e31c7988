"""The generator by the letter of its formulas: the reference of the benchmarks and the oracle of the tests.

One image and one branch at a time; partial convolutions count valid positions by a second convolution over all
channels; maps are resized before a 1x1 convolution reads them; normalisation is torch's own; the spatial term
multiplies every pair of positions out before it sums; the range term unfolds its neighbourhoods. The weights are those
of the generator that it is made from.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.cases.medfe.model import Generator, GeneratorOutput
from repro.cases.medfe.model.branches import TEXTURE_LEVELS, StructureLevels, downsample_mask, upsample
from repro.cases.medfe.model.equalisation import BilateralPropagation
from repro.cases.medfe.model.generator import fill_hole
from repro.cases.medfe.model.layers import InstanceNorm
from repro.cases.medfe.model.partial_convolution import PartialConvolution
from repro.cases.medfe.model.skips import Upsample


class LiteralGenerator(nn.Module):
    """Computes what `generator` does, one image after the other."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = copy.deepcopy(generator)
        for module in list(self.generator.modules()):
            for name, child in list(module.named_children()):
                if type(child) in LITERAL:
                    setattr(module, name, LITERAL[type(child)](child))

    def forward(self, image: Tensor, hole: Tensor) -> GeneratorOutput:
        """See `Generator.forward`."""
        outputs = [self._fill(image[i : i + 1], hole[i : i + 1]) for i in range(len(image))]
        return GeneratorOutput(*(torch.cat(items) for items in zip(*outputs, strict=True)))

    def _fill(self, image: Tensor, hole: Tensor) -> GeneratorOutput:
        own = self.generator
        missing = hole.to(image.dtype)
        levels, innermost = own.encoder(fill_hole(image, hole, own.model.hole_fill), missing)
        deep = levels if own.model.structure_tap == "before_residual" else [*levels[:-1], innermost]
        grid = levels[TEXTURE_LEVELS - 1].shape[-2:]
        known = 1 - downsample_mask(missing, grid, own.model.mask_to_branch)
        texture = own.texture(own.texture_levels(levels), known)
        structure = own.structure(own.structure_levels(deep[TEXTURE_LEVELS:], grid), known)
        fused = own.fuse(torch.cat([structure.features, texture.features], dim=1))
        equalised = own.propagate(own.equalise_channels(fused))
        skips = own.add_to_skips([*levels[:-1], innermost], equalised, missing)
        return GeneratorOutput(own.decoder(skips), structure.image, texture.image)


class LiteralPartialConvolution(nn.Module):
    """Two convolutions of the same size: one of the features, one of the mask."""

    def __init__(self, convolution: PartialConvolution) -> None:
        super().__init__()
        self.convolution = convolution
        counting = convolution.counting
        ones = torch.ones_like(convolution.weight) if counting is None else counting
        self.register_buffer("kernels", ones.detach().clone())

    def forward(self, features: Tensor, valid: Tensor, _looks: object = None) -> tuple[Tensor, Tensor]:
        """See `PartialConvolution.forward`; the mask has as many channels as the features."""
        own = self.convolution
        valid = valid.expand_as(features)
        total = F.conv2d(features * valid, own.weight, stride=own.stride, padding=own.padding)
        with torch.no_grad():
            count = F.conv2d(valid, self.get_buffer("kernels"), stride=own.stride, padding=own.padding)
            empty = count == 0
            if own.scaling == "window_over_sum":
                count = count / own.weight[0].numel()
            count = count.masked_fill(empty, 1.0)
            passed = torch.ones_like(count).masked_fill(empty, 0.0)
        result = total / count
        if own.bias is not None:
            result = result + own.bias.view(1, -1, 1, 1)
        result = result.masked_fill(empty, 0.0)
        if own.update == "per_layer":
            return result, passed
        return result, valid if own.stride == 1 else -F.max_pool2d(-valid, own.stride)


class LiteralPropagation(nn.Module):
    """The two terms as sums over pairs of positions, for `sigmoid_product`."""

    def __init__(self, propagation: BilateralPropagation) -> None:
        super().__init__()
        self.propagation = propagation

    def forward(self, features: Tensor) -> Tensor:
        """Keeps the shape (1, C, H, W)."""
        terms = (self._spatial(features[0]), self._range(features))
        return self.propagation.fuse(torch.cat([self._lay_out(term, features) for term in terms], dim=1))

    def _spatial(self, features: Tensor) -> Tensor:
        """Returns (H * W, C); the product that is summed has (H * W, C, H, W) numbers."""
        height, width = features.shape[-2:]
        rows, columns = (torch.arange(side, dtype=features.dtype) for side in (height, width))
        squares = (rows[:, None] - rows).square()[:, None, :, None] + (columns[:, None] - columns).square()[:, None]
        weights = torch.exp(-squares / (2 * self.propagation.sigma**2)).view(-1, height, width)
        weights = weights / weights.sum(dim=(1, 2), keepdim=True)
        return (weights[:, None] * features[None]).sum(dim=(2, 3))

    def _range(self, features: Tensor) -> Tensor:
        """Returns (H * W, C)."""
        channels = features.shape[1]
        around = F.unfold(features, 3, padding=1).view(channels, 9, -1)
        similarity = F.unfold(features.sigmoid(), 3, padding=1).view(channels, 9, -1)
        own = features.sigmoid().view(channels, 1, -1)
        weights = (similarity * own).mean(0).softmax(0)
        return (around * weights).sum(1).T

    def _lay_out(self, term: Tensor, features: Tensor) -> Tensor:
        if self.propagation.layout == "reshaped":
            return term.reshape(features.shape)
        return term.T.reshape(features.shape)


class LiteralUpsample(nn.Module):
    """Resizes all channels, then projects at the full size."""

    def __init__(self, upsampling: Upsample) -> None:
        super().__init__()
        self.upsampling = upsampling

    def forward(self, equalised: Tensor, size: torch.Size) -> Tensor:
        """See `Upsample.forward`."""
        return self.upsampling.project(upsample(equalised, size, self.upsampling.rescale))


class LiteralStructureLevels(nn.Module):
    """Likewise of the levels that go up to the branch grid."""

    def __init__(self, levels: StructureLevels) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, levels: list[Tensor], grid: torch.Size) -> Tensor:
        """See `StructureLevels.forward`."""
        own = self.levels
        paths = zip(own.paths, levels, strict=True)
        return torch.cat([path(upsample(own.activation(level), grid, own.rescale)) for path, level in paths], dim=1)


class LiteralInstanceNorm(nn.Module):
    """torch's instance normalisation."""

    def __init__(self, norm: InstanceNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Tensor) -> Tensor:
        """See `InstanceNorm.forward`."""
        if features.shape[-2:] == (1, 1):
            return features
        return F.instance_norm(features, weight=self.norm.weight, bias=self.norm.bias, eps=self.norm.eps)


LITERAL: dict[type[nn.Module], Callable[..., nn.Module]] = {
    PartialConvolution: LiteralPartialConvolution,
    BilateralPropagation: LiteralPropagation,
    Upsample: LiteralUpsample,
    StructureLevels: LiteralStructureLevels,
    InstanceNorm: LiteralInstanceNorm,
}
