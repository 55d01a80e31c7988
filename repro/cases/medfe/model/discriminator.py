"""The global and the local discriminator: one sees the whole image, one a square region; both are five convolutions."""

from typing import NamedTuple, assert_never

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import channels_last_on_cpu
from repro.cases.medfe.model.generator import fill_hole
from repro.cases.medfe.model.layers import LEAKY_SLOPE, InstanceNorm
from repro.cases.medfe.model.spectral_norm import SpectralConvolution
from repro.cases.medfe.params.loss import LossParams
from repro.cases.medfe.params.loss.adversarial import AdversarialInput
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.model.rescaling import HoleFill

WIDTHS = (1, 2, 4, 8)
"""Channels of the first four convolutions, in units of the base width. Source: discriminators @9adf889."""

MIN_LOCAL_PX = 32

FULL_FROM_PX = 4
"""Side of the map that the last convolution of a full head covers. Source: RKlazinga/MEDFE @9b64dc3."""


class Scores(NamedTuple):
    """Logits (B, 1, h, w) of each discriminator; nothing where the details leave it out."""

    whole: Tensor | None
    region: Tensor | None

    def present(self) -> list[Tensor]:
        """Returns those that are there, the global one first."""
        return [scores for scores in self if scores is not None]


class Discriminators(nn.Module):
    """The global and the local discriminator, whichever the details keep."""

    def __init__(self, model: ModelParams, loss: LossParams, image_px: int) -> None:
        super().__init__()
        self.local_px = local_size(image_px)
        in_channels = count_discriminator_channels(loss.adv_input)
        self.whole = Discriminator(model, in_channels, image_px) if loss.global_region == "whole" else None
        self.region: Discriminator | None = None
        if loss.local_region != "none":
            sharing = loss.local_network == "shared" and model.discriminator_head == "patch"
            shared = self.whole if sharing else None
            self.region = shared or Discriminator(model, in_channels, self.local_px)

    def forward(self, inputs: Tensor, corners: Tensor) -> Scores:
        """Returns the logits of images.

        Args:
            inputs: (B, C, H, W), see `stack_discriminator_input`.
            corners: (B, 2) int, the top and left pixel of each image's region.
        """
        whole = self.whole(inputs) if self.whole is not None else None
        region = self.region(crop_regions(inputs, corners, self.local_px)) if self.region is not None else None
        return Scores(whole, region)


class Discriminator(nn.Module):
    """Five convolutions; LeakyReLU between, no sigmoid. Source: discriminators @9adf889 as the details say."""

    def __init__(self, model: ModelParams, in_channels: int, image_px: int) -> None:
        super().__init__()
        kernel, strides = model.discriminator_kernel, model.discriminator_strides
        widths = [in_channels, *(factor * model.base_width for factor in WIDTHS)]
        padding = (kernel - 1) // 2
        layers: list[nn.Module] = []
        for index, stride in enumerate(strides[:-1]):
            layers.append(self._convolution(model, widths[index], widths[index + 1], kernel, stride, padding))
            if index > 0 and model.discriminator_regularisation == "instance_norm":
                layers.append(InstanceNorm(widths[index + 1]))
            layers.append(nn.LeakyReLU(LEAKY_SLOPE))
            image_px = (image_px + 2 * padding - kernel) // stride + 1
        match model.discriminator_head:
            case "patch":
                layers.append(self._convolution(model, widths[-1], 1, kernel, strides[-1], padding))
            case "full":
                while image_px > FULL_FROM_PX:
                    layers += [self._convolution(model, widths[-1], widths[-1], 4, 2, 1), nn.LeakyReLU(LEAKY_SLOPE)]
                    image_px //= 2
                layers.append(self._convolution(model, widths[-1], 1, image_px, 1, 0))
            case _:
                assert_never(model.discriminator_head)
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns logits (B, 1, h, w)."""
        return self.layers(channels_last_on_cpu(inputs))

    @staticmethod
    def _convolution(
        model: ModelParams, in_channels: int, out_channels: int, kernel: int, stride: int, padding: int
    ) -> nn.Module:
        match model.discriminator_regularisation:
            case "spectral_norm":
                return SpectralConvolution(in_channels, out_channels, kernel, stride=stride, padding=padding)
            case "instance_norm" | "gradient_penalty" | "none":
                return nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding)
            case _:
                assert_never(model.discriminator_regularisation)


def local_size(image_px: int) -> int:
    """Returns the side of the local region: 64 px at 256."""
    return max(MIN_LOCAL_PX, image_px // 4)


def count_discriminator_channels(adv_input: AdversarialInput) -> int:
    """Returns the channels that `stack_discriminator_input` gives."""
    return {"raw": 3, "composite": 3, "composite_with_mask": 4, "conditional": 6}[adv_input]


def stack_discriminator_input(
    output: Tensor, target: Tensor, hole: Tensor, fill: HoleFill, adv_input: AdversarialInput
) -> Tensor:
    """Returns what the discriminators see of an output.

    Args:
        output: (B, 3, H, W) in [-1, 1]: the generator's, or the target itself.
        target: (B, 3, H, W): the photograph.
        hole: (B, 1, H, W) bool.
        fill: what the generator's input holds there, which a conditional discriminator sees.
        adv_input: see the ledger.
    """
    match adv_input:
        case "raw":
            return output
        case "composite":
            return torch.where(hole, output, target)
        case "composite_with_mask":
            return torch.cat([torch.where(hole, output, target), hole.to(output.dtype)], dim=1)
        case "conditional":
            return torch.cat([output, fill_hole(target, hole, fill)], dim=1)
        case _:
            assert_never(adv_input)


def crop_regions(images: Tensor, corners: Tensor, side_px: int) -> Tensor:
    """Returns (B, C, side_px, side_px): each image's own square, whose top left pixel is in `corners` (B, 2)."""
    span = torch.arange(side_px, device=images.device)
    rows, columns = (corners[:, axis, None] + span for axis in (0, 1))
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return images[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
