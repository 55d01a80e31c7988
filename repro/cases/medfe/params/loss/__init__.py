"""Parameters of the losses, one module for each kind of term."""

from typing import Literal

from pydantic import Field

from repro.cases.medfe.params.loss.adversarial import AdversarialDetails
from repro.cases.medfe.params.loss.pixels import PixelDetails
from repro.cases.medfe.params.loss.vgg import VggDetails

__all__ = ["LossParams"]

VggWeights = Literal["imagenet", "random"]


class LossParams(VggDetails, PixelDetails, AdversarialDetails):
    """All terms of the losses."""

    vgg_weights: VggWeights = Field(
        description="imagenet: the trained weights, refused where they cannot be had; random: untrained features"
    )
    vgg_width: float = Field(
        gt=0, le=1, description="share of VGG's channels; less than 1 with random weights only (scale)"
    )
