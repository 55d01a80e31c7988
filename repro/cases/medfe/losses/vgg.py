"""The perceptual and the style term, on features of a VGG whose weights are trained, or random where one says so."""

from functools import lru_cache
from typing import NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from repro.cases.medfe.losses.vgg_gradient import ComparedFeatures, Plan, gram, plan_layers
from repro.cases.medfe.model.convolution import channels_last_on_cpu
from repro.cases.medfe.params.loss import LossParams
from repro.cases.medfe.params.loss.vgg import PerceptualLayers, Relu52, StyleLayers, Vgg, VggInput
from repro.errors import UserError
from repro.randomness import derive_seed

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Source: torchvision, VGG16_Weights."""

PERCEPTUAL_LAYERS: dict[PerceptualLayers, tuple[str, ...]] = {
    "relu1_1_to_5_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "pool1_to_3": ("pool1", "pool2", "pool3"),
}
STYLE_LAYERS: dict[StyleLayers, tuple[str, ...]] = {
    "r22_r33_r43_r52": ("relu2_2", "relu3_3", "relu4_3", "relu5_2"),
    "r22_r34_r44_r52": ("relu2_2", "relu3_4", "relu4_4", "relu5_2"),
    "r11_r21_r31_r41_r51": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "pool1_to_3": ("pool1", "pool2", "pool3"),
}
REAPPLIED = "relu5_2 by 5_1 twice"


class VggTerms(NamedTuple):
    """The two terms, unweighted."""

    perceptual: Tensor
    style: Tensor


class VggLoss(nn.Module):
    """Compares images by the features of a VGG. Source: models/loss.py @d7d5aaa as the details say."""

    def __init__(
        self,
        features: nn.Sequential,
        vgg_input: VggInput,
        perceptual_layers: PerceptualLayers,
        style_layers: StyleLayers,
        relu5_2: Relu52,
    ) -> None:
        super().__init__()
        self.perceptual = PERCEPTUAL_LAYERS[perceptual_layers]
        self.style = tuple(
            REAPPLIED if layer == "relu5_2" and relu5_2 == "reapplied" else layer
            for layer in STYLE_LAYERS[style_layers]
        )
        self.averages_style = style_layers == "r11_r21_r31_r41_r51"
        self.vgg_input = vgg_input
        named = name_layers(features)
        needed = {"relu5_1" if layer == REAPPLIED else layer for layer in (*self.perceptual, *self.style)}
        last = max(list(named.values()).index(layer) for layer in needed)
        self.layers = nn.ModuleList(list(named)[: last + 1])
        self.names = list(named.values())[: last + 1]

    def forward(self, output: Tensor, target: Tensor) -> VggTerms:
        """Returns both terms for images (B, 3, H, W) in [-1, 1]; sums of L1 means over their layers."""
        by_hand = output.device.type == "cpu" and not (
            torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling()
        )
        perceptual, grams = (self.compare_by_hand if by_hand else self.compare)(output, target)
        return VggTerms(perceptual.sum(), grams.mean() if self.averages_style else grams.sum())

    def compare(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the L1 mean of each layer of the perceptual and of the style term."""
        with torch.no_grad():
            wanted = self.features(target)
        given = self.features(output)
        perceptual = torch.stack([F.l1_loss(given[name], wanted[name]) for name in self.perceptual])
        return perceptual, torch.stack([F.l1_loss(gram(given[name]), gram(wanted[name])) for name in self.style])

    def compare_by_hand(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the same by fewer operations, on a CPU."""
        images = (normalise_input(image, self.vgg_input) for image in (output, target))
        return ComparedFeatures.apply(*images, self.plan())

    def plan(self) -> Plan:
        """Returns which features are compared."""
        layers, places = plan_layers(self.names, list(self.layers))
        if REAPPLIED in self.style:
            pool, convolution = (layers[places[name] - 1] for name in ("pool4", "relu5_1"))
            layers.append(pool._replace(source=places["relu5_1"]))
            layers.append(convolution._replace(source=len(layers)))
            places[REAPPLIED] = len(layers)
        return Plan(layers, [places[name] for name in self.perceptual], [places[name] for name in self.style])

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Returns the features of each layer that a term reads."""
        features, found = channels_last_on_cpu(normalise_input(image, self.vgg_input)), {}
        for name, layer in zip(self.names, self.layers, strict=True):
            features = layer(features)
            found[name] = features
        if REAPPLIED in self.style:
            found[REAPPLIED] = found["relu5_1"]
            for name in ("pool4", "conv5_1", "relu5_1"):
                found[REAPPLIED] = self.layers[self.names.index(name)](found[REAPPLIED])
        return found


def make_vgg_loss(loss: LossParams) -> VggLoss | None:
    """Returns the VGG terms as the params say, or nothing where both weights are zero.

    Raises:
        UserError: the trained weights are neither on disk nor to be had.
    """
    if not (loss.perceptual_weight or loss.style_weight):
        return None
    features = load_features(loss).requires_grad_(False)
    return VggLoss(features, loss.vgg_input, loss.perceptual_layers, loss.style_layers, loss.relu5_2)


def load_features(loss: LossParams) -> nn.Sequential:
    """Returns the convolutional part of a VGG, without in-place activations."""
    plan = cfgs[{"vgg16": "D", "vgg19": "E"}[loss.vgg]]
    features = make_layers([item if item == "M" else max(1, round(item * loss.vgg_width)) for item in plan])
    match loss.vgg_weights:
        case "imagenet":
            weights = fetch_weights(loss.vgg)
            features.load_state_dict({key.removeprefix("features."): value for key, value in weights.items()})
        case "random":
            _randomise(features)
        case _:
            assert_never(loss.vgg_weights)
    for index, layer in enumerate(features):
        if isinstance(layer, nn.ReLU):
            features[index] = nn.ReLU()
    return features


def fetch_weights(vgg: Vgg) -> dict[str, Tensor]:
    """Returns the trained tensors of the convolutional part, from torch's cache or from the publisher."""
    published = {"vgg16": VGG16_Weights.IMAGENET1K_V1, "vgg19": VGG19_Weights.IMAGENET1K_V1}[vgg]
    try:
        tensors = published.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        name = published.url.rsplit("/", 1)[-1]
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise UserError(
            f"loss.vgg_weights=imagenet: {name} is not in {folder} and could not be downloaded ({error})\n"
            f"  put it there, or use untrained features: loss.vgg_weights=random"
        ) from None
    return {key: value for key, value in tensors.items() if key.startswith("features.")}


def describe_vgg(loss: LossParams) -> str:
    """Returns in words which VGG a training with these params runs."""
    if not (loss.perceptual_weight or loss.style_weight):
        return "none: perceptual and style weight are zero"
    if loss.vgg_weights == "random":
        return f"{loss.vgg} with random weights, {loss.vgg_width:g} of its channels: untrained features"
    return f"{loss.vgg} with ImageNet weights"


def name_layers(features: nn.Sequential) -> dict[nn.Module, str]:
    """Returns the layers of a VGG's convolutional part with their names in the literature, e.g. relu3_2."""
    names: dict[nn.Module, str] = {}
    block, place = 1, 0
    for layer in features:
        match layer:
            case nn.Conv2d():
                place += 1
                names[layer] = f"conv{block}_{place}"
            case nn.ReLU():
                names[layer] = f"relu{block}_{place}"
            case _:
                names[layer] = f"pool{block}"
                block, place = block + 1, 0
    return names


def normalise_input(image: Tensor, vgg_input: VggInput) -> Tensor:
    """Returns what VGG is fed for an image (B, 3, H, W) in [-1, 1]."""
    match vgg_input:
        case "imagenet":
            factor, shift = _affine(image.dtype, image.device)
            return torch.addcmul(shift, image, factor)
        case "raw":
            return image
        case _:
            assert_never(vgg_input)


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)
def _affine(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns factor and shift of ((image + 1) / 2 - mean) / deviation, (1, 3, 1, 1) each."""
    channels = zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)
    rows = [(1 / (2 * deviation), (0.5 - mean) / deviation) for mean, deviation in channels]
    factor, shift = torch.tensor(rows, dtype=dtype, device=device).T.contiguous().view(2, 1, 3, 1, 1)
    return factor, shift


def _randomise(features: nn.Sequential) -> None:
    """Draws weights that keep the scale of the activations; always the same ones, for every seed."""
    for index, layer in enumerate(features):
        if isinstance(layer, nn.Conv2d):
            generator = torch.Generator().manual_seed(derive_seed(0, "vgg", index))
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
