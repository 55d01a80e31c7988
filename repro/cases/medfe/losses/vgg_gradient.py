"""The VGG terms on a CPU with the gradient worked out by hand: output and target as one batch, activations in place.

Knows nothing of which layers make a term. What autograd would keep and do for the target, for the weights, which are
fixed, and between the layers is left out. vgg.py holds the literal form.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

aten = torch.ops.aten


class Layer(NamedTuple):
    """One layer of a plan: it reads place `source` of the results and adds a place; the image is place 0.

    Its weight and bias are those of a convolution that an activation follows; without, it is a maximum pooling.
    """

    source: int
    weight: Tensor | None
    bias: Tensor | None


class Plan(NamedTuple):
    """What is computed."""

    layers: list[Layer]
    perceptual: list[int]
    """Places that are compared as they are."""
    style: list[int]
    """Places of which inner products of channels are compared."""


class ComparedFeatures(torch.autograd.Function):
    """Mean absolute differences at each place of a plan: (number of perceptual places,) and (number of style places,).

    Of two images (B, 3, H, W), of which the first gets a gradient.
    """

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, plan: Plan) -> tuple[Tensor, Tensor]:
        """Returns the differences, unweighted and not yet summed over the places."""
        count = len(output)
        ctx.plan, ctx.count = plan, count
        results = [torch.cat([output, target]).contiguous(memory_format=torch.channels_last)]
        indices: dict[int, Tensor] = {}
        for place, layer in enumerate(plan.layers, 1):
            features = results[layer.source]
            if layer.weight is None:
                features, where = aten.max_pool2d_with_indices(features, [2, 2], [2, 2])
                indices[place] = where[:count]
            else:
                features = F.conv2d(features, layer.weight, layer.bias, padding=1).relu_()
            results.append(features)
        ctx.results, ctx.indices = results, indices
        perceptual = torch.stack([_distance(results[place]) for place in plan.perceptual])
        ctx.grams = [gram(results[place]) for place in plan.style]
        return perceptual, torch.stack([_distance(grams) for grams in ctx.grams])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_perceptual: Tensor, of_style: Tensor) -> tuple[Tensor, None, None]:
        """Returns the gradient of the output (B, 3, H, W)."""
        results, count, plan = [item[: ctx.count] for item in ctx.results], ctx.count, ctx.plan
        gradients: dict[int, Tensor] = {}

        def add(place: int, gradient: Tensor) -> None:
            gradients[place] = gradients[place].add_(gradient) if place in gradients else gradient

        for place, slope in zip(plan.perceptual, of_perceptual, strict=True):
            add(place, _slopes(ctx.results[place], slope))
        for place, slope, grams in zip(plan.style, of_style, ctx.grams, strict=True):
            both = _slopes(grams, slope)
            flat = results[place].flatten(2)
            # of F F^T the gradient is (S + S^T) F
            product = (both + both.mT).div_(flat[0].numel()) @ flat
            add(place, product.view(results[place].shape).contiguous(memory_format=torch.channels_last))
        for place in range(len(plan.layers), 0, -1):
            if place not in gradients:
                continue
            layer, gradient = plan.layers[place - 1], gradients.pop(place)
            below = results[layer.source]
            if layer.weight is None:
                add(
                    layer.source,
                    aten.max_pool2d_with_indices_backward(
                        gradient, below, [2, 2], [2, 2], [0, 0], [1, 1], False, ctx.indices[place]
                    ),
                )
                continue
            gradient = aten.threshold_backward(gradient, results[place], 0)
            only_features = [True, False, False]
            of_below, _, _ = aten.convolution_backward(
                gradient, below, layer.weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, only_features
            )
            add(layer.source, of_below)
        assert count == len(gradients[0])
        return gradients[0], None, None


def plan_layers(names: Sequence[str], layers: Sequence[nn.Module]) -> tuple[list[Layer], dict[str, int]]:
    """Returns a plan's layers for a chain of named ones, and the places of activations and poolings."""
    plan: list[Layer] = []
    places: dict[str, int] = {}
    for name, layer in zip(names, layers, strict=True):
        match layer:
            case nn.Conv2d():
                plan.append(Layer(len(plan), layer.weight, layer.bias))
            case nn.ReLU():
                places[name] = len(plan)
            case _:
                plan.append(Layer(len(plan), None, None))
                places[name] = len(plan)
    return plan, places


def gram(features: Tensor) -> Tensor:
    """Returns (B, C, C): inner products of the channels, divided by C * H * W."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def _distance(both: Tensor) -> Tensor:
    """Returns the mean absolute difference between the first and the second half of a batch."""
    one, other = both.chunk(2)
    return (one - other).abs_().mean()


def _slopes(both: Tensor, slope: Tensor) -> Tensor:
    """Returns the gradient of `_distance` times `slope` for the first half."""
    one, other = both.chunk(2)
    return (one - other).sign_().mul_(slope / one.numel())
