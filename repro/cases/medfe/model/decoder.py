"""The decoder: as many doublings as the encoder has levels, each reading the decoder so far and a skip."""

from typing import assert_never

import torch
from torch import Tensor, nn

from repro.cases.medfe.model.convolution import TransposedConvolution
from repro.cases.medfe.model.layers import activate_output, level_widths, make_decoder_activation, make_norm
from repro.cases.medfe.params.model import ModelParams


class Decoder(nn.Module):
    """Source: Figure 2; kernels, widths and norms from models/Decoder.py @d7d5aaa as the details say."""

    def __init__(self, model: ModelParams) -> None:
        super().__init__()
        inward = level_widths(model)[::-1]
        in_widths = [inward[0], *(2 * width for width in inward[1:])]
        out_widths = [*inward[1:], 3]
        self.levels = nn.ModuleList(
            DecoderLevel(model, in_channels, out_channels, outermost=level == len(out_widths) - 1)
            for level, (in_channels, out_channels) in enumerate(zip(in_widths, out_widths, strict=True))
        )
        self.output_activation = model.output_activation

    def forward(self, skips: list[Tensor]) -> Tensor:
        """Returns the image (B, 3, H, W) from the skips, outermost first."""
        innermost, *outward = reversed(skips)
        features = self.levels[0](innermost)
        for level, skip in zip(self.levels[1:], outward, strict=True):
            features = level(torch.cat([features, skip], dim=1))
        return activate_output(features, self.output_activation)


class DecoderLevel(nn.Module):
    """One doubling with its norm; its activation stands before or after the convolution."""

    def __init__(self, model: ModelParams, in_channels: int, out_channels: int, *, outermost: bool) -> None:
        super().__init__()
        first = model.block_order == "activation_first"
        self.before = make_decoder_activation(model.activation) if first else nn.Identity()
        self.after = nn.Identity() if first or outermost else make_decoder_activation(model.activation)
        self.convolution: nn.Module
        match model.decoder_upsampling:
            case "transposed_4":
                self.convolution = TransposedConvolution(in_channels, out_channels, 4, stride=2, padding=1)
            case "nearest_conv_3":
                self.convolution = nn.Sequential(
                    nn.Upsample(scale_factor=2), nn.Conv2d(in_channels, out_channels, 3, padding=1)
                )
            case _:
                assert_never(model.decoder_upsampling)
        self.norm = make_norm("none" if outermost else model.norm, out_channels, affine=True)

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, out_channels, 2 H, 2 W)."""
        return self.norm(self.after(self.convolution(self.before(features))))
